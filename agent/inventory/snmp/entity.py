"""Model, version and serial from ENTITY-MIB (RFC 6933): the chassis, of a stack the first member, never a card or a power supply.

Rows whose class is not told are read only where the table has one row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from agent.inventory.snmp import tokens
from agent.inventory.snmp.identity import Found
from agent.inventory.snmp.walk import Oid, Walk

ENTRY: Oid = (1, 3, 6, 1, 2, 1, 47, 1, 1, 1, 1)
DESCR, INSIDE, CLASS, NAME, SOFTWARE, SERIAL, MAKER, MODEL = 2, 4, 5, 7, 10, 11, 12, 13
OTHER, UNKNOWN, CHASSIS, MODULE, STACK = 1, 2, 3, 9, 11
FIRST = 4
"""Rows that are looked at where no class is told."""
MOST = 4000
"""Rows that are looked at."""
SURE, LESS = 930, 800
_NO_SOFTWARE = re.compile(r"(?i)^(?:hw|hardware|rev\b|pcb|boot)")
_DESCRIBED = re.compile(r"(?=\S*\d)[A-Z][\w/+.\-]{2,30}(?: [\w/+.\-]{1,20}){0,3}")


@dataclass(frozen=True, slots=True)
class Row:
    index: int
    kind: int
    inside: int


def rows(walk: Walk) -> list[Row]:
    """The rows of the table, in order; class 0: not told."""
    seen: set[int] = set()
    for oid in walk.under(ENTRY):
        if len(oid) == len(ENTRY) + 2:
            seen.add(oid[-1])
            if len(seen) > MOST:
                break
    return [
        Row(i, walk.number((*ENTRY, CLASS, i)) or 0, walk.number((*ENTRY, INSIDE, i)) or 0)
        for i in sorted(seen)
    ]


def boxes(found: list[Row]) -> list[Row]:
    """The rows that stand for the device itself: outermost chassis, then the stack; without both, the first or outermost."""
    chassis = [r for r in found if r.kind == CHASSIS]
    numbers = {r.index for r in chassis}
    outer = [r for r in chassis if r.inside not in numbers]
    stacks = [r for r in found if r.kind == STACK]
    if outer or stacks:
        return [*outer, *stacks]
    if all(not r.kind for r in found):
        # Nobody's class is told: parts stand behind what they are in.
        return found[:FIRST]
    return [r for r in found if r.kind in (OTHER, UNKNOWN) and not r.inside][:1]


def read(walk: Walk, field: str) -> Iterator[Found]:
    """Values of *field* (`model`, `version`, `serial`), the surest first."""
    found = rows(walk)
    box = boxes(found)
    if field == "version":
        yield from _column(walk, box, SOFTWARE, _software, SURE)
        modules = [r for r in found if r.kind == MODULE]
        told = {v.value: v for v in _column(walk, modules, SOFTWARE, _software, LESS)}
        if len(told) == 1:
            yield from told.values()
        return
    if field == "serial":
        yield from _column(walk, _speaking(walk, box, SERIAL), SERIAL, tokens.serial, SURE)
    elif field == "model":
        first = _speaking(walk, box, MODEL)
        yield from _column(walk, first, MODEL, tokens.model, SURE)
        yield from _described(walk, [r for r in box[:1] if r.kind == CHASSIS])


def _speaking(walk: Walk, box: list[Row], column: int) -> list[Row]:
    """The rows up to the first that has no such object: what one has not, another does not say for it. An empty text is had."""
    return list(takewhile(lambda r: (*ENTRY, column, r.index) in walk.values, box))


def column(walk: Walk, number: int, shape: tokens.Shape) -> Iterator[Found]:
    """That column of the device itself, whatever stands there."""
    yield from _column(walk, boxes(rows(walk)), number, shape, LESS)


def _software(text: str) -> str:
    return "" if _NO_SOFTWARE.match(text) else tokens.version(text)


def _described(walk: Walk, box: list[Row]) -> Iterator[Found]:
    """A chassis without a model's name that is described by one."""
    for row in box:
        for column in (DESCR, NAME):
            oid = (*ENTRY, column, row.index)
            text = re.sub(r"(?i)\s*\b(?:chassis|switch|system)\b\s*$", "", walk.text(oid))
            if (
                len(text) <= 40
                and _DESCRIBED.fullmatch(text)
                and (value := tokens.strict_model(text))
            ):
                yield Found(value, dotted(oid), text, "ENTITY-MIB", LESS)


def _column(
    walk: Walk, box: list[Row], column: int, shape: tokens.Shape, sure: int
) -> Iterator[Found]:
    for row in box:
        oid = (*ENTRY, column, row.index)
        text = walk.text(oid)
        if text and (value := shape(text)):
            yield Found(value, dotted(oid), text, "ENTITY-MIB", sure)


def dotted(oid: Oid) -> str:
    return ".".join(map(str, oid))
