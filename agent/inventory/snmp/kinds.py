"""What kind of device it is: by its family, a word of sysDescr, the MIBs it has, what its maker's agents mostly run on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent.catalogs.enterprises import organisation
from agent.catalogs.snmp_families import (
    Family,
    Word,
    descr_words,
    kind_of_enterprise,
    organisation_words,
    platforms,
)
from agent.inventory.snmp import standard
from agent.inventory.snmp.descr import SYS_DESCR, system
from agent.inventory.snmp.entity import dotted
from agent.inventory.snmp.identity import Found
from agent.inventory.snmp.vendors import SYS_OBJECT, enterprise
from agent.inventory.snmp.walk import ENTERPRISES, Oid, Walk

PLAIN = 800
"""From here on a word of sysDescr goes before what the maker mostly makes."""
PRESENT: tuple[tuple[Oid, str, int], ...] = (
    ((1, 2, 840, 10036), "access_point", 800),
    ((1, 3, 6, 1, 2, 1, 10, 127), "modem", 800),
    ((1, 3, 6, 1, 2, 1, 25, 4, 2), "server", 700),
)
"""IEEE802dot11-MIB, DOCS-IF-MIB (RFC 4546), processes of HOST-RESOURCES-MIB (RFC 2790)."""
BRIDGE: Oid = (1, 3, 6, 1, 2, 1, 17)
BRIDGE_PORTS: Oid = (1, 3, 6, 1, 2, 1, 17, 1, 4, 1, 2)
FORWARDING: Oid = (1, 3, 6, 1, 2, 1, 4, 1, 0)
FEWEST_PORTS = 5


def find(walk: Walk, families: Sequence[Family]) -> Iterator[Found]:
    """Kinds, the surest first."""
    number = enterprise(walk)
    object_id = dotted(walk.object_id(SYS_OBJECT))
    text = walk.text(SYS_DESCR)
    told = [
        (f.weak, Found(f.type, dotted(SYS_OBJECT), object_id or text, f.id, 940))
        for f in families
        if f.type
    ]
    yield from (found for weak, found in told if not weak)
    if standard.is_printer(walk):
        yield Found("printer", dotted(standard.PRINTER), "", "Printer-MIB", 930)
    words = [w for w in descr_words() if w.pattern.search(text)]
    yield from _words(words, text, PLAIN, 1001)
    yield from (found for weak, found in told if weak)
    if standard.is_ups(walk):
        yield Found("ups", dotted(standard.UPS), "", "UPS-MIB", 850)
    if number is not None and (kind := kind_of_enterprise().get(number)):
        yield Found(kind, dotted(SYS_OBJECT), object_id, "what the maker makes", 800)
    yield from _words(words, text, 0, PLAIN)
    for other in sorted(walk.enterprises().items(), key=lambda s: (-s[1], s[0])):
        if kind := kind_of_enterprise().get(other[0]):
            root = dotted((*ENTERPRISES, other[0]))
            yield Found(kind, root, "", "what the maker makes", 720)
    yield from _present(walk)
    if number is not None and number not in platforms():
        name = organisation(number)
        for word in organisation_words():
            if word.pattern.search(name):
                yield Found(word.type, dotted(SYS_OBJECT), name, "what the maker makes", word.sure)


def _words(words: Sequence[Word], text: str, least: int, below: int) -> Iterator[Found]:
    for word in words:
        if least <= word.sure < below:
            yield Found(word.type, dotted(SYS_DESCR), text, "word of sysDescr", word.sure)


def _present(walk: Walk) -> Iterator[Found]:
    for root, kind, sure in PRESENT:
        if walk.has(root):
            yield Found(kind, dotted(root), "", "MIB it has", sure)
    if system(walk):
        yield Found("server", dotted(SYS_DESCR), walk.text(SYS_DESCR), "system of a computer", 650)
    ports = sum(1 for _ in walk.under(BRIDGE_PORTS))
    if ports >= FEWEST_PORTS:
        yield Found("switch", dotted(BRIDGE_PORTS), f"{ports} bridge ports", "MIB it has", 750)
    elif walk.number(FORWARDING) == 1:
        yield Found("router", dotted(FORWARDING), "1", "MIB it has", 600)
