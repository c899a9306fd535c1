"""`identify`: the identity of a device from what its agent said. Pure.

Each field goes through places from the surest to the weakest and takes the first text that can be its value. What a family of the catalogue
says of a field is all that is read for it: a value that is not where these devices keep it is not known, and is never guessed.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.catalogs.snmp_families import Family, Place, families, platforms
from agent.inventory.snmp import groups, kinds, places, tokens, vendors
from agent.inventory.snmp.descr import SYS_DESCR, system
from agent.inventory.snmp.identity import Field, Found, Identity, identity_of
from agent.inventory.snmp.walk import Walk, Walked

GENERAL: dict[Field, tuple[str, ...]] = {
    "serial": ("printer", "entity", "descr"),
    "model": ("printer", "entity", "ups", "product", "descr"),
    "version": ("entity", "descr", "probe", "ups"),
}
SYS_NAME, CONTACT, LOCATION = ((1, 3, 6, 1, 2, 1, 1, n, 0) for n in (5, 4, 6))


def matching(walk: Walk, known: tuple[Family, ...]) -> list[Family]:
    """The families the device is one of, the more special first."""
    number = vendors.enterprise(walk)
    object_id = walk.object_id(vendors.SYS_OBJECT)
    text = walk.lines(SYS_DESCR)
    return [
        f
        for f in known
        if f.fits(number, object_id, text) and (not f.has or any(walk.has(o) for o in f.has))
    ]


def identify(walked: Walked) -> Identity:
    """Who it is by what it said. `walked`: object -> (tag, value), as a recording or the collector has them."""
    return identify_with(walked, families())


def identify_with(walked: Walked, known: tuple[Family, ...]) -> Identity:
    """As `identify`, with the given families of the catalogue."""
    walk = Walk(walked)
    mine = matching(walk, known)
    found: dict[Field, Found] = {}
    first = next((f for f in mine if f.vendor), None)
    if vendor := next(vendors.find(walk, first), None):
        found["vendor"] = vendor
    if kind := next(kinds.find(walk, mine), None):
        found["type"] = kind
    name = found["vendor"].value if "vendor" in found else ""
    if named := next((f for f in mine if f.os), None):
        found["os"] = Found(named.os, "", "", named.id, 930)
    elif os := system(walk):
        found["os"] = Found(os, "1.3.6.1.2.1.1.1.0", walk.text(SYS_DESCR), "sysDescr", 850)
    for field in GENERAL:
        if value := next(_values(walk, mine, field, name), None):
            found[field] = value
    return identity_of(found)


def _places(f: Family, field: Field) -> tuple[Place, ...] | None:
    return f.serial if field == "serial" else f.model if field == "model" else f.version


def _values(walk: Walk, mine: list[Family], field: Field, vendor: str) -> Iterator[Found]:
    # A maker who builds on a common system numbers the product, not the kernel.
    built_on = any(n not in platforms() for n in walk.enterprises())
    for family in mine:
        if family.weak and field == "version" and built_on:
            return
        stated = _places(family, field)
        if stated is not None:
            for place in stated:
                yield from places.read(walk, place, field, vendor, family.id)
            # No guess: the maker registered the number for this one product.
            if field == "model":
                yield from places.general(walk, "product", field, vendor)
            return
    for rule in GENERAL[field]:
        yield from places.general(walk, rule, field, vendor)
    known = frozenset(
        tokens.plain(walk.text(oid)) for oid in (SYS_NAME, CONTACT, LOCATION) if walk.text(oid)
    )
    yield from groups.read(walk, field, known | {tokens.plain(vendor)})
