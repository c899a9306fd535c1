"""Families of devices by what their SNMP agents say: kind, and where serial, model and version stand. Data in `snmp_family_*.toml`.

A place is written as one text:

- `9.2.1.3.0`: the object under 1.3.6.1.4.1 (private enterprises); `std.1.3.6.1.2.1.16.19.2.0`: that object, whatever its tree;
- `674.10892.1.8.*`: the first usable row of a column;
- `entity` (its `.descr`, `.name`, `.model`, `.software`),
  `printer`, `ups`, `device`, `probe`, `descr`, `name`: what the general rule of that name reads;
- `@.1.4.0`: that object below the value of sysObjectID itself, for makers who give each model a tree;
- any of them with ` ~ REGEX` behind it: the first group (several groups are put together with a space), or the whole match;
- and with ` => TEXT` behind that: TEXT, where `\\1` is the first group.

A family holds for a device when everything it names does: `pen` (the number in sysObjectID), `object` (one of the subtrees sysObjectID
lies in, under 1.3.6.1.4.1), `descr` (found in sysDescr), `has` (one of these subtrees is not empty).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

Oid = tuple[int, ...]
ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)
GENERAL = frozenset(
    {"entity", "entity.descr", "entity.name", "entity.model", "entity.software"}
    | {"printer", "ups", "device", "probe", "descr", "name"}
)


@dataclass(frozen=True, slots=True)
class Place:
    """`rule`: name of a general rule, or empty: read `oid` (`below`: under sysObjectID's value), a whole `column` or one object.

    `pattern` is searched in the text, `template` what is made of the match."""

    rule: str
    oid: Oid
    column: bool
    pattern: re.Pattern[str] | None
    template: str = ""
    below: bool = False


@dataclass(frozen=True, slots=True)
class Family:
    """None for a field: the family says nothing of it; an empty tuple: it is not told by these devices, do not guess."""

    id: str
    pens: frozenset[int]
    objects: tuple[Oid, ...]
    descr: re.Pattern[str] | None
    has: tuple[Oid, ...]
    vendor: str
    type: str
    os: str
    model: tuple[Place, ...] | None
    version: tuple[Place, ...] | None
    serial: tuple[Place, ...] | None
    source: str
    weak: bool = False

    @property
    def named(self) -> bool:
        """Told by sysObjectID or sysDescr, not by a subtree alone."""
        return bool(self.pens or self.objects or self.descr)

    def fits(self, pen: int | None, object_id: Oid, descr: str) -> bool:
        """Does nothing of the system group speak against it? What it asks of subtrees is not looked at."""
        if self.pens and pen not in self.pens:
            return False
        if self.objects and not any(object_id[: len(o)] == o for o in self.objects):
            return False
        return self.descr is None or self.descr.search(descr) is not None

    @property
    def weight(self) -> int:
        """The more it asks for, the more it knows: a longer subtree, then one that is there, then a word in sysDescr.

        What only names a common platform (`weak`) comes behind all that name a maker."""
        if self.weak:
            return 1
        longest = max((len(o) for o in self.objects), default=1 if self.pens else 0)
        return 100 * longest + (250 if self.descr else 0) + (300 if self.has else 0)


@dataclass(frozen=True, slots=True)
class Word:
    """A word of sysDescr (or of an organisation's name) that tells the kind of device."""

    pattern: re.Pattern[str]
    type: str
    sure: int


def place(text: str) -> Place:
    """Raises ValueError for a text that is no place."""
    where, _, rest = text.partition(" ~ ")
    pattern, _, template = rest.partition(" => ")
    try:
        found = re.compile(pattern) if pattern else None
    except re.error as error:
        raise ValueError(f"{text}: {error}") from None
    if where in GENERAL:
        return Place(where, (), False, found, template)
    column, below = where.endswith(".*"), where.startswith("@.")
    digits = where.removesuffix(".*").removeprefix("std.").removeprefix("@.")
    numbers = tuple(map(int, digits.split(".")))
    oid = numbers if where.startswith(("std.", "@.")) else (*ENTERPRISES, *numbers)
    return Place("", oid, column, found, template, below)


def _oid(text: str) -> Oid:
    if text.startswith("std."):
        return tuple(map(int, text.removeprefix("std.").split(".")))
    return (*ENTERPRISES, *map(int, text.split(".")))


def _places(raw: dict[str, Any], key: str) -> tuple[Place, ...] | None:
    return None if key not in raw else tuple(place(t) for t in raw[key])


def family(raw: dict[str, Any]) -> Family:
    """One table of the catalogue. Raises KeyError, ValueError, re.error for one that is not well formed."""
    return Family(
        id=raw["id"],
        pens=frozenset(raw.get("pen", ())),
        objects=tuple(_oid(t) for t in raw.get("object", ())),
        descr=re.compile(raw["descr"]) if "descr" in raw else None,
        has=tuple(_oid(t) for t in raw.get("has", ())),
        vendor=raw.get("vendor", ""),
        type=raw.get("type", ""),
        os=raw.get("os", ""),
        model=_places(raw, "model"),
        version=_places(raw, "version"),
        serial=_places(raw, "serial"),
        source=raw["source"],
        weak=raw.get("weak", False),
    )


@cache
def raw_families() -> tuple[dict[str, Any], ...]:
    """The tables as written, with their examples, in the order of the files' names."""
    found: list[dict[str, Any]] = []
    for file in sorted(files("agent.catalogs").iterdir(), key=lambda f: f.name):
        if file.name.startswith("snmp_family_") and file.name.endswith(".toml"):
            found += tomllib.loads(file.read_text("utf-8"))["family"]
    return tuple(found)


@cache
def families() -> tuple[Family, ...]:
    """Every family, the more special first; among equals as written."""
    return tuple(sorted((family(r) for r in raw_families()), key=lambda f: -f.weight))


@cache
def _kinds() -> dict[str, Any]:
    return tomllib.loads((files("agent.catalogs") / "snmp_kinds.toml").read_text("utf-8"))


@cache
def kind_of_enterprise() -> dict[int, str]:
    """Private enterprise number -> what its maker's agents mostly run on."""
    return {n: kind for kind, numbers in _kinds()["enterprise"].items() for n in numbers}


def _word(row: dict[str, Any]) -> Word:
    return Word(re.compile(row["re"], re.IGNORECASE), row["type"], row["sure"])


@cache
def descr_words() -> tuple[Word, ...]:
    return tuple(_word(r) for r in _kinds()["descr"])


@cache
def organisation_words() -> tuple[Word, ...]:
    return tuple(_word(r) for r in _kinds()["organisation"])


@cache
def platforms() -> frozenset[int]:
    """Numbers of agents and chips that many makers use: they name no maker."""
    return frozenset(_kinds()["platforms"])


@cache
def types() -> dict[str, str]:
    """Each kind we tell -> the class of the inventory it falls into (`agent.model.asset.DEVICE_CLASSES`)."""
    return dict(_kinds()["class"])


@cache
def vendor_words() -> dict[str, str]:
    """Names as sysDescr has them -> the name people know."""
    return dict(_kinds()["vendor"])


@dataclass(frozen=True, slots=True)
class Asked:
    """What a live agent is asked for its identity beside the standard tables: objects, columns, subtrees of which one object is enough."""

    objects: tuple[Oid, ...]
    columns: tuple[Oid, ...]
    subtrees: tuple[Oid, ...]


def asked(object_id: Oid, descr: str) -> Asked:
    """What the families name which may hold for an agent with that sysObjectID and sysDescr.

    Of a family that a subtree alone tells, the subtree only: what it names is asked once that is there (`places_of`)."""
    pen = object_id[6] if len(object_id) > 6 and object_id[:6] == ENTERPRISES else None
    mine = [f for f in families() if _may_hold(f, pen, object_id, descr)]
    subtrees = tuple(dict.fromkeys(o for f in mine for o in f.has))
    named = places_of([f for f in mine if f.named], object_id)
    return Asked(named.objects, named.columns, subtrees)


def places_of(some: Iterable[Family], object_id: Oid) -> Asked:
    """The objects and columns that those families name."""
    objects: dict[Oid, None] = {}
    columns: dict[Oid, None] = {}
    for f in some:
        for one in (p for places in (f.model, f.version, f.serial) for p in places or ()):
            if one.oid:
                where = (*object_id, *one.oid) if one.below else one.oid
                (columns if one.column else objects)[where] = None
    return Asked(tuple(objects), tuple(columns), ())


def _may_hold(f: Family, pen: int | None, object_id: Oid, descr: str) -> bool:
    if not f.fits(pen, object_id, descr):
        return False
    return f.named or pen is None or pen in platforms() or any(o[6:7] == (pen,) for o in f.has)
