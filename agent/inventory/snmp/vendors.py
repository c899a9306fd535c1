"""Who made it: by sysObjectID, by a name in sysDescr, by the maker's subtree an agent on a common platform has besides, by what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from agent.catalogs.enterprises import known_vendors, organisation, vendor
from agent.catalogs.snmp_families import Family, platforms, vendor_words
from agent.inventory.snmp import entity, tokens
from agent.inventory.snmp.descr import SYS_DESCR
from agent.inventory.snmp.entity import dotted
from agent.inventory.snmp.identity import Found
from agent.inventory.snmp.walk import ENTERPRISES, Oid, Walk

SYS_OBJECT: Oid = (1, 3, 6, 1, 2, 1, 1, 2, 0)
UPS_MAKER: Oid = (1, 3, 6, 1, 2, 1, 33, 1, 1, 1, 0)
LEAST = 3
"""Objects below a maker's number for the subtree to speak for the maker of a device on a common platform."""


def enterprise(walk: Walk) -> int | None:
    """Private enterprise number in sysObjectID; None where it names none."""
    said = walk.object_id(SYS_OBJECT)
    return said[6] if len(said) > 6 and said[:6] == ENTERPRISES else None


def name_of(number: int) -> str:
    """The name people know, else IANA's."""
    return vendor(number) or organisation(number)


@cache
def _names() -> tuple[tuple[str, re.Pattern[str]], ...]:
    known = {n: n for n in known_vendors().values()} | vendor_words()
    longest = sorted(known, key=lambda n: (-len(n), n))
    return tuple(
        (known[n], re.compile(rf"(?<![A-Za-z]){re.escape(n)}(?![A-Za-z])", re.IGNORECASE))
        for n in longest
    )


def named(text: str) -> tuple[str, bool]:
    """The maker whose name stands first in *text*, and whether the text begins with it."""
    best: tuple[int, str] | None = None
    for name, pattern in _names():
        found = pattern.search(text)
        if found and (best is None or found.start() < best[0]):
            best = (found.start(), name)
    return ("", False) if best is None else (best[1], best[0] <= 1)


def find(walk: Walk, family: Family | None) -> Iterator[Found]:
    """Makers, the surest first."""
    number = enterprise(walk)
    object_id = dotted(walk.object_id(SYS_OBJECT))
    text = walk.text(SYS_DESCR)
    if family is not None and family.vendor:
        yield Found(family.vendor, dotted(SYS_OBJECT), object_id or text, family.id, 950)
    if number is not None and number not in platforms() and (name := name_of(number)):
        sure = 960 if vendor(number) else 900
        yield Found(name, dotted(SYS_OBJECT), object_id, "enterprise number", sure)
    name, begins = named(text)
    if name:
        yield Found(name, dotted(SYS_DESCR), text, "sysDescr", 900 if begins else 750)
    yield from _beside(walk, number)
    yield from _told(walk)


def _beside(walk: Walk, own: int | None) -> Iterator[Found]:
    """The maker of the largest private subtree that is no platform's."""
    sizes = {n: c for n, c in walk.enterprises().items() if n not in platforms() and n != own}
    for number, size in sorted(sizes.items(), key=lambda s: (-s[1], s[0])):
        if size < LEAST:
            return
        if name := name_of(number):
            root = dotted((*ENTERPRISES, number))
            yield Found(
                name, root, f"{size} objects", "subtree of a maker", 820 if vendor(number) else 760
            )
            return


def _told(walk: Walk) -> Iterator[Found]:
    """entPhysicalMfgName of the device; upsIdentManufacturer."""
    box = entity.boxes(entity.rows(walk))
    for oid in (*((*entity.ENTRY, entity.MAKER, r.index) for r in box[:4]), UPS_MAKER):
        text = walk.text(oid)
        if (
            text
            and not tokens.is_placeholder(text)
            and any(c.isalpha() for c in text)
            and len(text) < 50
        ):
            yield Found(named(text)[0] or text, dotted(oid), text, "maker told", 850)
