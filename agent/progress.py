"""Live progress: a bar per probe on a terminal, one ASCII line per probe elsewhere (an RMM cuts output near 4 kB)."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from agent.model.status import ProbeStatus
from agent.run import WHOLE

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Show:
    """Shows what the engine tells; never decides anything."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}
        self._left: dict[str, int] = {}
        self._tally: dict[str, dict[str, int]] = {}

    def __enter__(self) -> Self:
        if self._stream.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
            from rich.progress import Progress as Bars

            self._bars = Bars(
                TextColumn("{task.description:<12}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(file=self._stream),
            )
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def planned(self, probe: str, units: int) -> None:
        self._left[probe] = units
        self._tally[probe] = {}
        if self._bars is not None and units:
            self._tasks[probe] = self._bars.add_task(probe, total=units, note="")

    def ended(self, status: ProbeStatus) -> None:
        if status.unit == WHOLE:
            if status.outcome != "done":
                self._say(f"{status.probe:<12} {status.outcome}: {status.reason}")
            return
        tally = self._tally.setdefault(status.probe, {})
        tally[status.outcome] = tally.get(status.outcome, 0) + 1
        self._left[status.probe] = self._left.get(status.probe, 1) - 1
        note = ", ".join(f"{n} {o}" for o, n in sorted(tally.items()) if o != "done")
        if self._bars is not None and status.probe in self._tasks:
            self._bars.update(self._tasks[status.probe], advance=1, note=note)
        elif self._left[status.probe] == 0:
            done = ", ".join(f"{n} {o}" for o, n in sorted(tally.items()))
            self._say(f"{status.probe:<12} {done}")

    def _say(self, line: str) -> None:
        if self._bars is not None:
            self._bars.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=self._stream, flush=True)
