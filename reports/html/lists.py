"""What the lists of management consoles say beside the inventory: part of the chapter on remote access."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from agent.model.console import Console, ConsoleCoverage, ConsoleEntry

if TYPE_CHECKING:
    from reports.html.view import View

MOST = 400


class Lists:
    def __init__(self, view: View) -> None:
        self._v = view

    @property
    def consoles(self) -> tuple[Console, ...]:
        return self._v.judged.consoles

    @property
    def coverage(self) -> tuple[ConsoleCoverage, ...]:
        return self._v.judged.console_coverage

    def listed(self, covered: ConsoleCoverage) -> int:
        """Machines of those that want one, which a list has for sure."""
        return len(set(covered.needs) - {*covered.missing, *covered.unsure})

    def matched(self, console: Console) -> int:
        return sum(len(e.assets) == 1 for e in console.entries)

    def several(self, console: Console) -> int:
        return sum(len(e.assets) > 1 for e in console.entries)

    def only(self, console: Console) -> int:
        return sum(not e.assets for e in console.entries)

    @cached_property
    def _loose(self) -> list[tuple[Console, ConsoleEntry]]:
        """Lines that mean no device, or could mean several."""
        return [(c, e) for c in self.consoles for e in c.entries if len(e.assets) != 1]

    @property
    def loose(self) -> list[tuple[Console, ConsoleEntry]]:
        return self._loose[:MOST]

    @property
    def more(self) -> int:
        return max(0, len(self._loose) - MOST)
