"""Tables as a device's newest run told them, put together from their parts, whatever order those came in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from agent.model.base import Us
from agent.model.bodies_snmp import Cell, SnmpSystem, SnmpTable
from agent.model.observation import Observation

Record = dict[str, Cell]
_Source = tuple[str, str]
"""(run, address that was asked)."""


@dataclass(slots=True)
class Whole:
    """One table of one device: its parts by number."""

    parts: dict[int, Observation] = field(default_factory=dict[int, Observation])

    def rows(self) -> Iterator[tuple[str, Record]]:
        """(observation, row), part by part."""
        for number in sorted(self.parts):
            o = self.parts[number]
            assert isinstance(o.body, SnmpTable)
            for row in o.body.rows:
                # A row shorter or longer than its columns is none; the collector writes no such.
                if len(row) == len(o.body.columns):
                    yield o.id, dict(zip(o.body.columns, row, strict=True))

    def cells(self, *columns: str) -> Iterator[tuple[str, tuple[Cell, ...]]]:
        """As `rows`, only these columns, None where the table has not the column: for tables of many thousand rows."""
        for number in sorted(self.parts):
            o = self.parts[number]
            assert isinstance(o.body, SnmpTable)
            width = len(o.body.columns)
            at = [o.body.columns.index(c) if c in o.body.columns else None for c in columns]
            for row in o.body.rows:
                if len(row) == width:
                    yield o.id, tuple([None if i is None else row[i] for i in at])

    @property
    def complete(self) -> bool:
        """All parts are there, and no column ended early."""
        bodies = [o.body for o in self.parts.values() if isinstance(o.body, SnmpTable)]
        last = [b.part for b in bodies if b.last]
        return bool(last) and len(bodies) == max(last) + 1 and not any(b.ends for b in bodies)

    @property
    def evidence(self) -> tuple[str, ...]:
        return tuple(sorted(o.id for o in self.parts.values()))


@dataclass(slots=True)
class Told:
    """All one device told: its system groups (one an address), and its tables."""

    systems: list[Observation] = field(default_factory=list[Observation])
    tables: dict[str, Whole] = field(default_factory=dict[str, Whole])

    def rows(self, *names: str) -> Iterator[tuple[str, Record]]:
        for name in names:
            if name in self.tables:
                yield from self.tables[name].rows()


def told(
    observations: Iterable[tuple[str, Observation]], node_of: dict[str, str]
) -> dict[str, Told]:
    """Node -> what it told. *node_of*: observation -> asset. Of several runs, and of several addresses, the newest table counts."""
    found: dict[str, Told] = defaultdict(Told)
    kept: dict[tuple[str, str], dict[_Source, dict[int, Observation]]] = {}
    newest: dict[tuple[str, str, _Source], Us] = {}
    for run, o in sorted(observations, key=lambda s: (s[1].at, s[0], s[1].id)):
        node = node_of.get(o.id)
        if node is None:
            continue
        if isinstance(o.body, SnmpSystem):
            found[node].systems.append(o)
        elif isinstance(o.body, SnmpTable):
            source = (run, str(o.subject))
            parts = kept.setdefault((node, o.body.table), {}).setdefault(source, {})
            parts[o.body.part] = o
            newest[node, o.body.table, source] = o.at
    for (node, table), sources in kept.items():
        _, best = max((newest[node, table, s], s) for s in sources)
        found[node].tables[table] = Whole(sources[best])
    return dict(found)
