"""What an agent said, as one mapping that can be read by subtree. The same for a recording and for a live device.

Texts are octet strings as people wrote them: UTF-8 where it is, else Latin-1, without control characters (RFC 2579, DisplayString).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping

Oid = tuple[int, ...]
Value = int | str | bytes
Walked = Mapping[Oid, tuple[int, Value]]
"""Object -> (ASN.1 tag as snmprec writes it: 2 integer, 4 octets, 6 object identifier, 64 address, 67 ticks; its value)."""

ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)
OCTETS, OBJECT, ADDRESS = 4, 6, 64
LONGEST = 1024
"""Characters of one text that are looked at."""


def clean(value: str) -> str:
    """*value* in one line, without control characters, quotes around it and what a program added to escape them."""
    flat = "".join(c if c.isprintable() else " " for c in value[:LONGEST])
    flat = " ".join(flat.split())
    return flat.strip().strip('\\"').strip()


def decoded(value: Value) -> str:
    """The text of an object's value; octets as UTF-8, else Latin-1, up to the first NUL that has a text before it."""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        octets = value[: 4 * LONGEST].rstrip(b"\0 \xff")
        octets = octets.split(b"\0", 1)[0] or octets
        try:
            value = octets.decode("utf-8")
        except UnicodeDecodeError:
            value = octets.decode("latin-1")
    return value


class Walk:
    """Reads *walked* by object and by subtree."""

    def __init__(self, walked: Walked) -> None:
        self.values = walked
        self._order: list[Oid] | None = None

    @property
    def order(self) -> list[Oid]:
        """All objects, in the order of a walk."""
        if self._order is None:
            self._order = sorted(self.values)
        return self._order

    def under(self, root: Oid) -> Iterator[Oid]:
        """The objects of the subtree, in order."""
        order, size = self.order, len(root)
        for at in range(bisect_left(order, root), len(order)):
            if order[at][:size] != root:
                return
            yield order[at]

    def has(self, root: Oid) -> bool:
        """Is there anything in that subtree?"""
        return next(self.under(root), None) is not None

    def text(self, oid: Oid) -> str:
        """The one-line text of *oid*; empty where the agent has no such object."""
        said = self.values.get(oid)
        return "" if said is None else clean(decoded(said[1]))

    def lines(self, oid: Oid) -> str:
        """The text of *oid* with its line ends, for what is told line by line."""
        said = self.values.get(oid)
        return "" if said is None else decoded(said[1])[:LONGEST].strip()

    def number(self, oid: Oid) -> int | None:
        said = self.values.get(oid)
        value = None if said is None else said[1]
        return value if isinstance(value, int) else None

    def object_id(self, oid: Oid) -> Oid:
        """The object identifier that is the value of *oid*; empty where it is none."""
        return oid_of(self.text(oid))

    def enterprises(self) -> dict[int, int]:
        """Private enterprise number -> how many objects the agent has below it."""
        found: dict[int, int] = {}
        for oid in self.under(ENTERPRISES):
            if len(oid) > 7:
                found[oid[6]] = found.get(oid[6], 0) + 1
        return found


def oid_of(text: str) -> Oid:
    """`.1.3.6.1` or `1.3.6.1` -> its numbers; empty for what is none."""
    parts = text.strip(". ").removeprefix("iso.").split(".")
    if not all(p.isascii() and p.isdigit() and len(p) < 11 for p in parts):
        return ()
    return tuple(map(int, parts))
