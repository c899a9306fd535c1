"""Walks in the short form of examples.toml."""

from __future__ import annotations

from agent.catalogs.snmp_families import ENTERPRISES
from agent.inventory.snmp.entity import ENTRY
from agent.inventory.snmp.walk import Oid, Value

SYSTEM: Oid = (1, 3, 6, 1, 2, 1, 1)
NAMES: dict[str, Oid] = {
    "descr": (*SYSTEM, 1, 0),
    "object": (*SYSTEM, 2, 0),
    "name": (*SYSTEM, 5, 0),
}


def oid(short: str) -> Oid:
    if short in NAMES:
        return NAMES[short]
    kind, _, rest = short.partition(".")
    if kind == "std":
        return tuple(map(int, rest.split(".")))
    numbers = tuple(map(int, short.split(".")))
    return (*ENTRY, *numbers[1:]) if kind == "47" else (*ENTERPRISES, *numbers)


def walk(short: dict[str, Value]) -> dict[Oid, tuple[int, Value]]:
    found: dict[Oid, tuple[int, Value]] = {}
    for key, value in short.items():
        if key == "object":
            value = ".".join(map(str, (*ENTERPRISES, *map(int, str(value).split(".")))))
        found[oid(key)] = (6 if key == "object" else 2 if isinstance(value, int) else 4, value)
    return found
