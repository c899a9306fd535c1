"""What the collector stored of an agent, as the mapping that `identify` reads: the same rules for a live device and for a recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from agent.inventory.snmp import entity, standard
from agent.inventory.snmp.walk import OBJECT, OCTETS, Oid, Value, oid_of
from agent.model.bodies import Body
from agent.model.bodies_snmp import Cell, SnmpSystem, SnmpTable

INTEGER = 2
SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
PRINTER_SERIAL, PRINTER_NAME = (*standard.PRINTER, 17), (*standard.PRINTER, 16)
BRIDGE_PORT: Oid = (1, 3, 6, 1, 2, 1, 17, 1, 4, 1, 2)
VALUES = "identity_values"
"""Table of the objects that the catalogue of families names, as object, tag and text; see collectors/snmp/told.py."""
_COLUMNS: dict[str, tuple[tuple[str, Oid], ...]] = {
    "entity": tuple(
        (name, (*entity.ENTRY, number))
        for name, number in (
            *(("descr", entity.DESCR), ("inside", entity.INSIDE), ("class", entity.CLASS)),
            *(("name", entity.NAME), ("software", entity.SOFTWARE), ("serial", entity.SERIAL)),
            *(("maker", entity.MAKER), ("model", entity.MODEL)),
        )
    ),
    "printer": (("name", PRINTER_NAME), ("serial", PRINTER_SERIAL)),
    "bridge_ports": (("interface", BRIDGE_PORT),),
    "devices": (("descr", standard.DEVICE),),
}
"""Tables with an `index` of one number -> column and object."""
_SCALARS: dict[str, tuple[tuple[str, Oid], ...]] = {
    "ups": tuple(
        (name, (*standard.UPS, number, 0))
        for number, name in enumerate(("maker", "model", "firmware", "agent"), 1)
    ),
    "probe_software": (("software", standard.PROBE_SOFTWARE),),
}


def walked_of(bodies: Iterable[Body]) -> dict[Oid, tuple[int, Value]]:
    """Object -> (tag, value), of one agent's observations."""
    found: dict[Oid, tuple[int, Value]] = {}
    for body in bodies:
        if isinstance(body, SnmpSystem):
            found.update(_system(body))
        elif isinstance(body, SnmpTable):
            found.update(_table(body))
    return found


def _system(b: SnmpSystem) -> Iterator[tuple[Oid, tuple[int, Value]]]:
    for number, text in ((1, b.descr), (4, b.contact), (5, b.name), (6, b.location)):
        if text:
            yield (*SYSTEM, number, 0), (OCTETS, text)
    if b.object_id:
        yield (*SYSTEM, 2, 0), (OBJECT, b.object_id)
    if b.device:
        yield (*standard.DEVICE, 1), (OCTETS, b.device)
    if b.serial:
        yield (*PRINTER_SERIAL, 1), (OCTETS, b.serial)


def _table(b: SnmpTable) -> Iterator[tuple[Oid, tuple[int, Value]]]:
    if b.table == VALUES:
        for row in b.records():
            where, tag = oid_of(str(row.get("object", ""))), row.get("tag")
            value = row.get("value")
            if where and isinstance(tag, int) and value is not None:
                yield where, (tag, value)
    for row in b.records() if b.table in _COLUMNS or b.table in _SCALARS else ():
        index = row.get("index", row.get("port"))
        for name, root in _COLUMNS.get(b.table, ()):
            if isinstance(index, int) and (read := _cell(row.get(name))):
                yield (*root, index), read
        for name, where in _SCALARS.get(b.table, ()):
            if read := _cell(row.get(name)):
                yield where, read


def _cell(value: Cell) -> tuple[int, Value] | None:
    if value is None or value == "":
        return None
    return (INTEGER, value) if isinstance(value, int) else (OCTETS, value)
