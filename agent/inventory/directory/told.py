"""What was told of each domain, newest: the rows of every table, each with the observation it stands in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.model.base import Us
from agent.model.bodies_directory import Cell, DirectoryTable
from agent.model.observation import Observation


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `id`: of its observation; `at`: when it was read."""

    id: str
    at: Us
    cells: Mapping[str, Cell]

    def text(self, name: str) -> str:
        value = self.cells.get(name)
        return "" if value is None else str(value)

    def number(self, name: str) -> int | None:
        value = self.cells.get(name)
        return value if isinstance(value, int) else None


@dataclass(frozen=True)
class Table:
    """`whole`: read to its end; else what is not in it may be there all the same."""

    rows: tuple[Row, ...]
    whole: bool
    evidence: tuple[str, ...]


MISSING = Table((), False, ())
"""Of a table nobody read."""


def told(observations: Iterable[Observation]) -> dict[str, dict[str, Table]]:
    """Domain -> table -> what was said of it last. A later look replaces a table from its first part on."""
    parts: dict[tuple[str, str], dict[int, Observation]] = defaultdict(dict)
    for o in sorted(observations, key=lambda o: (o.at, o.id)):
        if isinstance(o.body, DirectoryTable):
            parts[o.body.domain, o.body.table][o.body.part] = o
    out: dict[str, dict[str, Table]] = defaultdict(dict)
    for (domain, name), found in sorted(parts.items()):
        out[domain][name] = _joined(found)
    return dict(out)


def _joined(found: Mapping[int, Observation]) -> Table:
    rows: list[Row] = []
    seen: list[str] = []
    whole = False
    begun = found[0].at if 0 in found else None
    for part in range(len(found)):
        o = found.get(part)
        # A part left over from an earlier, longer look is not of this one.
        if o is None or begun is None or o.at < begun or not isinstance(o.body, DirectoryTable):
            break
        seen.append(o.id)
        rows += [Row(o.id, o.at, cells) for cells in o.body.records()]
        if o.body.last:
            whole = not o.body.end
            break
    return Table(tuple(rows), whole, tuple(dict.fromkeys(seen)))
