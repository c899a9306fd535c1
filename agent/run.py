"""The run engine: plans and runs probes side by side, and sees to it that every planned unit ends with one status.

Probes run in layers (`Needs.after`); within a layer all units share one bounded queue. A unit reserves its packets in the ledger before
it starts and settles observations, status and ledger in one transaction. The one blind `except` of the product is here.
"""

from __future__ import annotations

import asyncio
import platform
import shutil
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeVar

from agent.clock import Clock
from agent.context import RunContext
from agent.contract import Probe, Transport
from agent.emitter import UnitEmit
from agent.model.ledger import LedgerEntry
from agent.model.observation import Observation
from agent.model.run import SessionEnd, UnitPlan
from agent.model.status import ProbeStatus, UnitOutcome
from agent.outcome import INTERRUPTED, run_outcome, unit_outcome

T = TypeVar("T")
GRACE_S = 5.0
"""How long a unit may take to end once it was told to."""
_TICK_S = 0.05
WHOLE = "*"
"""Unit that stands for the planning of a probe: it ends `done` when all its units are planned, `skipped` when the probe cannot run here."""


class Store(Protocol):
    """The part of the run store the engine writes to."""

    @property
    def session(self) -> int: ...
    async def plan(self, units: Sequence[UnitPlan]) -> None: ...
    async def reserve(self, entries: Sequence[LedgerEntry]) -> None: ...
    async def add(self, observation: Observation, raw: Sequence[bytes] = ()) -> None: ...
    async def settle(self, status: ProbeStatus, ledger: Sequence[LedgerEntry]) -> None: ...
    async def end(self, end: SessionEnd) -> None: ...
    def finished(self) -> frozenset[tuple[str, str]]: ...
    def ends(self) -> Mapping[tuple[str, str], ProbeStatus | None]: ...
    def seen(self, kind: str) -> list[Observation]: ...


class Progress(Protocol):
    """Who shows progress is told; what is shown is its own affair."""

    def planned(self, probe: str, units: int) -> None: ...
    def ended(self, status: ProbeStatus) -> None: ...


@dataclass
class Engine:
    """One session of one run. `deadline_s` bounds the session as a whole (an RMM kills us later than that).

    `scrub` takes secrets out of a text: no reason is stored without it. `abandoned` are units that did not end when they were told to.
    """

    probes: Sequence[Probe]
    ctx: RunContext
    store: Store
    key: bytes
    clock: Clock = field(default_factory=Clock)
    progress: Progress | None = None
    workers: int = 64
    deadline_s: float | None = None
    before_layer: Callable[[], str] = str
    """Asked before each layer of probes; words are a reason to stop."""
    last_call: Callable[[], None] = lambda: None
    """Called when every unit but those of the probes alongside has ended: these are to end too."""
    scrub: Callable[[str], str] = str
    grace_s: float = GRACE_S
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: list[asyncio.Task[Any]] = field(default_factory=list[asyncio.Task[Any]])
    _hurry: asyncio.Event = field(default_factory=asyncio.Event)
    _why_stopped: str = ""

    def stop(self, why: str) -> None:
        """Ask for a clean end: running units are cancelled and journaled as interrupted, nothing new starts."""
        if not self.stopping.is_set():
            self._why_stopped = why
            self.stopping.set()

    def hurry(self) -> None:
        """Asked to stop once more: wait for no unit, settle them all as they stand."""
        self.stop("stopped")
        self._hurry.set()

    async def run(self) -> SessionEnd:
        """Run to the end, or until stopped; the session's last entry is returned and stored."""
        started = self.store.finished()
        await self.store.plan([UnitPlan(probe=p.name, unit=WHOLE) for p in self.probes])
        timer = asyncio.create_task(self._timer())
        beside = [p for p in self.probes if p.needs.alongside]
        try:
            async with asyncio.TaskGroup() as group:
                whole = await self._begin_beside(beside, started, group)
                for layer in layers([p for p in self.probes if p not in beside]):
                    if why := self.before_layer():
                        self.stop(why)
                    await self._layer(layer, started)
                self.last_call()
            for status in whole:
                await self._settle(status, ())
        finally:
            timer.cancel()
        end = self._end()
        await self.store.end(end)
        return end

    async def _timer(self) -> None:
        if self.deadline_s is not None:
            await asyncio.sleep(self.deadline_s)
            self.stop(f"the session's time of {self.deadline_s:g} s was up")

    async def _begin_beside(
        self,
        probes: Sequence[Probe],
        finished: frozenset[tuple[str, str]],
        group: asyncio.TaskGroup,
    ) -> list[ProbeStatus]:
        """Start all units of the probes alongside in *group*; returns what is to be said of their planning."""
        work, whole = await self._planning(probes, finished)
        for item in work:
            group.create_task(self._unit(*item))
        return whole

    async def _planning(
        self, probes: Sequence[Probe], finished: frozenset[tuple[str, str]]
    ) -> tuple[list[tuple[Probe, UnitPlan]], list[ProbeStatus]]:
        """Units of *probes* that are left to do, and how the planning of each probe ended."""
        work: list[tuple[Probe, UnitPlan]] = []
        whole: list[ProbeStatus] = []
        for probe in probes:
            units, status = await self._plan(probe)
            whole.append(status)
            await self.store.plan(units)
            left = [u for u in units if (u.probe, u.unit) not in finished]
            if self.progress:
                self.progress.planned(probe.name, len(left))
            work += [(probe, u) for u in left]
        return work, whole

    async def _layer(self, layer: Sequence[Probe], finished: frozenset[tuple[str, str]]) -> None:
        # Who turned out to be fragile is treated so from here on.
        self.ctx.care.look(self.ctx.seen)
        work, whole = await self._planning(layer, finished)
        wide = [p for p in layer if p.needs.abreast]
        crews = [([p for p in layer if p not in wide], self.workers)]
        crews += [([p], p.needs.abreast) for p in wide]
        async with asyncio.TaskGroup() as group:
            for probes, most in crews:
                # The units of each probe keep the order in which they were planned.
                some = _interleaved([w for w in work if w[0] in probes], probes)
                for _ in range(min(most, sum(w[0] in probes for w in work))):
                    group.create_task(self._worker(some))
        for status in whole:
            await self._settle(status, ())

    async def _plan(self, probe: Probe) -> tuple[list[UnitPlan], ProbeStatus]:
        now = self.clock.now_us()

        def whole(outcome: UnitOutcome, reason: str, **params: str) -> ProbeStatus:
            return ProbeStatus.of(
                probe.name, WHOLE, self.store.session, outcome, (), now, now, reason, params=params
            )

        if self.stopping.is_set():
            return [], whole("skipped", self._why_stopped, **{INTERRUPTED: "1"})
        if why := missing(probe, self.ctx):
            return [], whole("skipped", why)
        planned, error = await contained(_planned(probe, self.ctx))
        if error is not None:
            return [], whole("failed", self._words(error))
        units = sorted(planned or (), key=lambda u: u.unit)
        for unit in units:
            for target in unit.targets:
                if (verdict := self.ctx.scope.judge(target)) != "allowed":
                    return [], whole("failed", f"planned {target}, which is {verdict}")
        return units, whole("done", "")

    async def _worker(self, work: Iterator[tuple[Probe, UnitPlan]]) -> None:
        for item in work:
            await self._unit(*item)

    async def _unit(self, probe: Probe, unit: UnitPlan) -> None:
        started = self.clock.now_us()
        if self.stopping.is_set():
            await self._settle(self._interrupted(probe, unit, started), ())
            return
        priced, error = await contained(_priced(probe, unit, started))
        if error is not None or priced is None:
            reason = self._words(error)
            await self._settle(self._status(probe, unit, "failed", reason, started), ())
            return
        cost, reservations = priced
        emit = UnitEmit(probe, unit, self.store, self.key, self.clock, cost)
        await self.store.reserve(reservations)
        task = asyncio.create_task(contained(probe.run(unit, self.ctx, emit)))
        stop = asyncio.create_task(self.stopping.wait())
        cut, ended = "", True
        try:
            cut = await self._until(task, stop, emit, probe.needs.deadline_s)
        finally:
            emit.end()
            await _cancel(stop)
            ended = await self._end_of(task)
        interrupted = bool(cut) and cut == self._why_stopped
        if not cut and task.cancelled():
            cut = "it cancelled itself"
        if cut:
            outcome: UnitOutcome = "partial" if emit.observations or emit.asks else "failed"
            reason = cut if ended else f"{cut}; it did not end within {self.grace_s:g} s"
        else:
            error = task.result()[1]
            outcome, reason = unit_outcome(
                emit.asks, emit.caps, emit.observations, error, self._words(error)
            )
        status = self._status(probe, unit, outcome, reason, started, emit, interrupted=interrupted)
        await self._settle(status, emit.settlements(self.clock.now_us(), full=not ended))

    async def _until(
        self, task: asyncio.Task[Any], stop: asyncio.Task[Any], emit: UnitEmit, deadline_s: float
    ) -> str:
        """Wait for the end of *task*; why it is to be cut off, empty when it ended. What it waited for its turn does not count."""
        begun = self.clock.mono_us()
        while not task.done():
            if stop.done():
                return self._why_stopped
            left = deadline_s - (self.clock.mono_us() - begun - emit.waited_us()) / 1e6
            if left <= 0:
                return f"the deadline of {deadline_s:g} s passed"
            await asyncio.wait(
                {task, stop}, timeout=max(left, _TICK_S), return_when=asyncio.FIRST_COMPLETED
            )
        return ""

    async def _end_of(self, task: asyncio.Task[Any]) -> bool:
        """Cancel *task* unless it is done, and wait for it a little; False when it goes on all the same."""
        if not task.done():
            task.cancel()
            hurry = asyncio.create_task(self._hurry.wait())
            await asyncio.wait(
                {task, hurry}, timeout=self.grace_s, return_when=asyncio.FIRST_COMPLETED
            )
            await _cancel(hurry)
        if not task.done():
            self.abandoned.append(task)
        return task.done()

    def _status(
        self,
        probe: Probe,
        unit: UnitPlan,
        outcome: UnitOutcome,
        reason: str,
        started: int,
        emit: UnitEmit | None = None,
        *,
        interrupted: bool = False,
    ) -> ProbeStatus:
        return ProbeStatus.of(
            probe.name,
            unit.unit,
            self.store.session,
            outcome,
            tuple(emit.asks) if emit else (),
            started,
            self.clock.now_us(),
            self.scrub(reason),
            caps_hit=tuple(self.scrub(c) for c in emit.caps) if emit else (),
            params={**unit.params, **({INTERRUPTED: "1"} if interrupted else {})},
        )

    def _interrupted(self, probe: Probe, unit: UnitPlan, started: int) -> ProbeStatus:
        return self._status(probe, unit, "skipped", self._why_stopped, started, interrupted=True)

    def _words(self, error: Exception | None) -> str:
        """A reason for the report: the kind of error and its words, without secrets, bounded; never the values a validation saw."""
        if error is None:
            return ""
        errors = getattr(error, "error_count", None)
        if callable(errors):
            return f"{type(error).__name__}: {errors()} values of the answer have the wrong form"
        return self.scrub(f"{type(error).__name__}: {error}")[:500]

    async def _settle(self, status: ProbeStatus, ledger: Sequence[LedgerEntry]) -> None:
        await self.store.settle(status, ledger)
        if self.progress:
            self.progress.ended(status)

    def _end(self) -> SessionEnd:
        """Judged from the last status of every unit that was ever planned in this run, in earlier sessions too."""
        outcome: Literal["complete", "partial", "interrupted"]
        outcome, reason = run_outcome(self.store.ends().values())
        if self.stopping.is_set():
            outcome, reason = "interrupted", self._why_stopped
        return SessionEnd(
            session=self.store.session, outcome=outcome, ended=self.clock.now_us(), reason=reason
        )


def layers(probes: Sequence[Probe]) -> list[list[Probe]]:
    """Probes in the order `Needs.after` asks for. A name not among *probes* is no obstacle. Raises `ValueError` on a circle."""
    names = {p.name for p in probes}
    done: set[str] = set()
    left = list(probes)
    out: list[list[Probe]] = []
    while left:
        layer = [p for p in left if all(a in done or a not in names for a in p.needs.after)]
        if not layer:
            raise ValueError(f"probes wait for each other: {', '.join(p.name for p in left)}")
        out.append(layer)
        done |= {p.name for p in layer}
        left = [p for p in left if p not in layer]
    return out


def missing(probe: Probe, ctx: RunContext) -> str:
    """Why *probe* cannot run here, in words for the report; empty when it can."""
    needs = probe.needs
    if needs.action not in ctx.scope.actions:
        return f"the mandate does not allow '{needs.action}'"
    if not needs.loopback and ctx.vantage.mode == "lab-loopback":
        return "not examined on the loopback lab"
    if needs.raw and ctx.raw is None:
        return f"needs raw sockets: {ctx.raw_why}"
    if needs.platforms and platform.system().lower() not in needs.platforms:
        return f"runs on {', '.join(needs.platforms)} only"
    if needs.program and shutil.which(needs.program) is None:
        return f"needs the program {needs.program}"
    if needs.account and not ctx.accounts.handles(needs.account, ctx.site):
        return f"no account for '{needs.account}' in client.toml"
    return ""


async def contained(work: Awaitable[T]) -> tuple[T | None, Exception | None]:
    """The one blind except of the product: whatever a probe dies of costs only its own unit, and is written down."""
    try:
        return await work, None
    except Exception as error:
        return None, error


async def _priced(
    probe: Probe, unit: UnitPlan, at: int
) -> tuple[dict[tuple[str, Transport], tuple[int, int]], list[LedgerEntry]]:
    """What *unit* may send, and the entries that reserve it."""
    cost = dict(probe.cost(unit))
    return cost, [
        LedgerEntry(
            entry="reserve",
            probe=probe.name,
            unit=unit.unit,
            target=target,
            transport=transport,
            packets=packets,
            bytes=size,
            at=at,
            estimated=probe.needs.estimated,
        )
        for (target, transport), (packets, size) in sorted(cost.items())
    ]


async def _planned(probe: Probe, ctx: RunContext) -> list[UnitPlan]:
    """A resumed run also holds what *probe* and later ones found before the stop: the plan must come out as it did then."""

    def seen(kind: str) -> list[Observation]:
        return [o for o in ctx.seen(kind) if o.probe in probe.needs.after]

    return list(probe.plan(replace(ctx, seen_kind=seen)))


def _interleaved(
    work: Sequence[tuple[Probe, UnitPlan]], layer: Sequence[Probe]
) -> Iterator[tuple[Probe, UnitPlan]]:
    """Units of all probes in turn, so that one slow probe does not hold the others back."""
    lanes = [iter([w for w in work if w[0] is p]) for p in layer]
    while lanes:
        for lane in list(lanes):
            item = next(lane, None)
            if item is None:
                lanes.remove(lane)
            else:
                yield item


async def _cancel(task: asyncio.Task[Any]) -> None:
    if task.done():
        # A result nobody reads must not be reported as an error at exit.
        if not task.cancelled():
            task.exception()
        return
    task.cancel()
    await asyncio.wait({task})
