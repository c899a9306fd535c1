"""The round after the system group: the objects in which families of devices keep model, version and serial, by the catalogue.

Only objects that a family names for this very purpose are read: a maker's subtree holds passwords, too, and is never walked as a whole.
The values are stored as they came; who the device is, is read from them later (agent/inventory/snmp).
"""

from __future__ import annotations

from functools import lru_cache

from agent.catalogs.snmp_families import Asked, asked, families, places_of
from agent.model.bodies_snmp import Cell, SnmpSystem, SnmpTable, TableEnd
from collectors.snmp.ber import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    OCTETS,
    TIME_TICKS,
    Oid,
    oid,
    oid_content,
)
from collectors.snmp.cells import read, text
from collectors.snmp.client import Session, get, walk
from collectors.snmp.rounds import below

TABLE = "identity_values"
COLUMNS = ("object", "tag", "value")
FIRST_ROWS = 8
"""Of a column: a stack's other members are in ENTITY-MIB."""
MOST = 200
"""Values of one agent."""
_ENDS: dict[str, TableEnd] = {
    "cap": "cap",
    "refused": "refused",
    "broken": "broken",
    "error": "error",
    "too_big": "too_big",
}
NUMBERS = frozenset({INTEGER, COUNTER32, GAUGE32, TIME_TICKS, COUNTER64})


async def told(session: Session, system: SnmpSystem) -> SnmpTable | None:
    """The values the agent has of those the catalogue names; None where it names none for such an agent.

    Of a subtree that is a sign, only that it is there is kept, never a value. What could not be read stands in `ends`."""
    object_id = tuple(map(int, system.object_id.split("."))) if system.object_id else ()
    want = _wanted(object_id, system.descr)
    found: dict[Oid, tuple[int, Cell]] = {}
    ends: set[TableEnd] = set()
    if want.subtrees:
        there, doubt = await below(session, [oid_content(root) for root in want.subtrees])
        found.update({root: (OCTETS, "") for root in want.subtrees if oid_content(root) in there})
        ends |= {"silent"} if doubt else set()
    # What a subtree tells, its families name; they are asked once it is there.
    shown = [f for f in families() if not f.named and any(root in found for root in f.has)]
    more = places_of(shown, object_id)
    if objects := tuple(dict.fromkeys((*want.objects, *more.objects))):
        got = await get(session, objects)
        for where, bound in got.found.items():
            if isinstance(bound.value, bytes | int) and (cell := _cell(bound.value)):
                found[where] = cell
        ends |= {_ENDS.get(miss, "silent") for miss in got.missed.values()}
    if columns := tuple(dict.fromkeys((*want.columns, *more.columns))):
        for column in await walk(session, columns, FIRST_ROWS):
            # The first rows are all that is asked for.
            if column.end not in ("complete", "cap"):
                ends.add(column.end or "silent")
            for name, tag, content in column.rows:
                (value,) = read([(name, tag, content)], "int" if tag in NUMBERS else "text")
                if value not in (None, ""):
                    found[oid(name)] = (INTEGER if tag in NUMBERS else OCTETS, value)
    if not found and not objects and not columns and not ends:
        return None
    rows = [(".".join(map(str, o)), tag, value) for o, (tag, value) in sorted(found.items())]
    if len(rows) > MOST:
        ends.add("cap")
    worst: dict[str, TableEnd] = {"value": sorted(ends)[0]} if ends else {}
    return SnmpTable(table=TABLE, columns=COLUMNS, rows=tuple(rows[:MOST]), ends=worst)


@lru_cache(256)
def _wanted(object_id: Oid, descr: str) -> Asked:
    """A network has many devices of few models, and the catalogue is long."""
    return asked(object_id, descr)


def _cell(value: bytes | int) -> tuple[int, Cell] | None:
    if isinstance(value, int):
        return INTEGER, value
    said = text(value)
    return (OCTETS, said) if said else None
