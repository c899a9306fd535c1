"""The tables the collector walks, as data (`tables.txt`): where they are, what index and cells say, how many rows at most.

Objects as the MIBs named in `source` define them. `index` names the sub-identifiers behind the column in order: `name:kind`; a name that
begins with `_` is read over. `rest` stands for all that is left, as a dotted text.

Cells: `text`, `int`, `mac`, `ip`, `hex`, `oid`, `date`, `said` (without what looks like a secret), `secret` (never kept, see `cells`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from collectors.snmp.ber import Oid, oid_content

ROWS_OF_ONE_OBSERVATION = 256


@dataclass(frozen=True)
class Table:
    """`columns`: (name, object, kind of cell); `under`: the subtree that must not be empty for the walk to be worth it."""

    name: str
    group: str
    source: str
    under: Oid
    cap: int
    index: tuple[tuple[str, str], ...]
    columns: tuple[tuple[str, Oid, str], ...]

    @cached_property
    def name_of_under(self) -> bytes:
        """`under` as it stands in a packet."""
        return oid_content(self.under)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Columns of the observation: those of the index first."""
        kept = tuple(n for n, _ in self.index if not n.startswith("_"))
        return (*kept, *(n for n, _, _ in self.columns))


def oid(text: str) -> Oid:
    return tuple(map(int, text.split(".")))


@cache
def tables() -> tuple[Table, ...]:
    """In the order in which they are walked."""
    return tuple(_tables())


def _tables() -> Iterator[Table]:
    spec = (files("collectors.snmp") / "tables.txt").read_text("utf-8")
    for line in spec.splitlines():
        if line.startswith("#"):
            continue
        head, _, columns = line.partition("|")
        name, group, source, entry, cap, *index = head.split()
        root = oid(entry)
        cells: list[tuple[str, Oid, str]] = []
        for column in columns.split(","):
            what, number, kind = column.split()
            cells.append((what, (*root, int(number)), kind))
        parts = [(p.partition(":")[0], p.partition(":")[2]) for p in index]
        yield Table(name, group, source, root, int(cap), tuple(parts), tuple(cells))
