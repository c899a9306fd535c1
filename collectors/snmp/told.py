"""The round after the system group: the objects in which families of devices keep model, version and serial, by the catalogue.

Only objects that a family names for this very purpose are read: a maker's subtree holds passwords, too, and is never walked as a whole.
The values are stored as they came; who the device is, is read from them later (agent/inventory/snmp).
"""

from __future__ import annotations

from functools import lru_cache

from agent.catalogs.snmp_families import Asked, Family, asked, families, places_of
from agent.model.bodies_snmp import Cell, SnmpSystem, SnmpTable
from collectors.snmp.ber import COUNTER32, COUNTER64, GAUGE32, INTEGER, OCTETS, TIME_TICKS, Oid, oid
from collectors.snmp.cells import read, text
from collectors.snmp.client import Session, get, walk

TABLE = "identity_values"
COLUMNS = ("object", "tag", "value")
FIRST_ROWS = 8
"""Of a column: a stack's other members are in ENTITY-MIB."""
MOST = 200
"""Values of one agent."""
NUMBERS = frozenset({INTEGER, COUNTER32, GAUGE32, TIME_TICKS, COUNTER64})


async def told(session: Session, system: SnmpSystem) -> SnmpTable | None:
    """The values the agent has of those the catalogue names; None where it names none for such an agent."""
    object_id = tuple(map(int, system.object_id.split("."))) if system.object_id else ()
    want = _wanted(object_id, system.descr)
    found: dict[Oid, tuple[int, Cell]] = {}
    if want.subtrees:
        found.update(await _columns(session, want.subtrees, 1))
    # What a subtree tells, its families name; they are asked once it is there.
    shown = [f for f in families() if not f.named and _has(f, found)]
    more = places_of(shown, object_id)
    objects = (*want.objects, *more.objects)
    columns = (*want.columns, *more.columns)
    if objects:
        got = await get(session, tuple(dict.fromkeys(objects)))
        for where, bound in got.found.items():
            if isinstance(bound.value, bytes | int) and (cell := _cell(bound.value)):
                found[where] = cell
    if columns:
        found.update(await _columns(session, tuple(dict.fromkeys(columns)), FIRST_ROWS))
    if not found and not objects and not columns:
        return None
    rows = [(".".join(map(str, o)), tag, value) for o, (tag, value) in sorted(found.items())]
    return SnmpTable(table=TABLE, columns=COLUMNS, rows=tuple(rows[:MOST]))


@lru_cache(256)
def _wanted(object_id: Oid, descr: str) -> Asked:
    """A network has many devices of few models, and the catalogue is long."""
    return asked(object_id, descr)


def _has(f: Family, found: dict[Oid, tuple[int, Cell]]) -> bool:
    return any(o[: len(root)] == root for root in f.has for o in found)


async def _columns(
    session: Session, roots: tuple[Oid, ...], most: int
) -> dict[Oid, tuple[int, Cell]]:
    found: dict[Oid, tuple[int, Cell]] = {}
    for column in await walk(session, roots, most):
        for name, tag, content in column.rows:
            (value,) = read([(name, tag, content)], "int" if tag in NUMBERS else "text")
            if value not in (None, ""):
                found[oid(name)] = (INTEGER if tag in NUMBERS else OCTETS, value)
    return found


def _cell(value: bytes | int) -> tuple[int, Cell] | None:
    if isinstance(value, int):
        return INTEGER, value
    said = text(value)
    return (OCTETS, said) if said else None
