"""Who is behind one port of a switch where no other switch announces itself: one device, a phone and its PC, or a box with several.

A MAC table tells how many, not by what. The makers' blocks of hypervisors and the made-up addresses of wireless clients tell the likely
kind of box; that is a guess and is said to be one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.inventory.mac import is_hypervisor, kind_of
from agent.inventory.topology.who import BRIDGES, Who
from agent.model.topology import Guessed

GUEST = "virtual_machine"
PHONE = "voip_phone"


@dataclass
class Found:
    """`links`: (node, its MAC) cabled here. `here`: (MAC, shared). `behind`: node -> MACs behind it.

    `box`: a hidden box with what hangs on it: nodes and MACs; `guess` its kind.
    """

    links: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    here: list[tuple[str, bool]] = field(default_factory=list[tuple[str, bool]])
    behind: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    guess: Guessed | None = None
    box_links: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    box_macs: list[str] = field(default_factory=list[str])


def occupants(macs: list[str], who: Who, phones: frozenset[str]) -> Found:
    """*macs* on the port; *phones*: nodes and MACs that said there that they are telephones."""
    owners: dict[str, list[str]] = {}
    for mac in sorted(macs):
        owners.setdefault(who.of_mac(mac) or mac, []).append(mac)
    nodes = {o: m for o, m in owners.items() if who.forwards(o)}
    rest = {o: m for o, m in owners.items() if o not in nodes}
    found = Found()
    loose = [m for some in rest.values() for m in some]
    if not nodes and len(rest) == 1:
        found.here = [(m, False) for m in loose]
    elif len(nodes) == 1 and not rest:
        ((node, some),) = nodes.items()
        found.links = [(node, some[0])]
    elif not nodes and len(rest) == 2 and (phone := _phone(rest, who, phones)):
        found.here = [(m, o != phone) for o, some in rest.items() for m in some]
    elif len(nodes) == 1:
        _one_box(found, *next(iter(nodes.items())), rest, who)
    elif not nodes or all(who.class_of.get(n) not in ("switch",) for n in nodes):
        found.guess = "unmanaged_switch" if nodes else _guess(rest, who)
        found.box_links = [(n, some[0]) for n, some in nodes.items()]
        found.box_macs = loose
    else:
        # Several switches: in a row or side by side, nobody can say.
        found.here = [(m, True) for m in loose]
    return found


def _phone(rest: Mapping[str, list[str]], who: Who, phones: frozenset[str]) -> str | None:
    some = [
        o
        for o, macs in rest.items()
        if o in phones or who.class_of.get(o) == PHONE or phones.intersection(macs)
    ]
    return some[0] if len(some) == 1 else None


def _one_box(
    found: Found, node: str, macs: list[str], rest: Mapping[str, list[str]], who: Who
) -> None:
    """The one node at the port carries the others, if its kind does such."""
    kind = who.class_of.get(node)
    guests = [m for o, some in rest.items() if _is_guest(o, some, who) for m in some]
    loose = [m for o, some in rest.items() if not _is_guest(o, some, who) for m in some]
    if kind in BRIDGES or (kind == "hypervisor" and not loose):
        found.links = [(node, macs[0])]
        found.behind = {node: guests + loose}
        return
    # A router or a hypervisor does not join other people's machines to its port.
    found.guess = "unmanaged_switch"
    found.box_links = [(node, macs[0])]
    found.box_macs = loose
    if kind == "hypervisor":
        found.behind = {node: guests}
    else:
        found.box_macs = loose + guests


def _is_guest(owner: str, macs: list[str], who: Who) -> bool:
    return who.class_of.get(owner) == GUEST or all(is_hypervisor(m) for m in macs)


def _guess(rest: Mapping[str, list[str]], who: Who) -> Guessed:
    guests = sum(_is_guest(o, m, who) for o, m in rest.items())
    made_up = sum(
        all(kind_of(x) == "local" for x in m) or who.class_of.get(o) in ("mobile", "tablet")
        for o, m in rest.items()
    )
    # Its own card may be among them.
    if guests and guests >= len(rest) - 1:
        return "hypervisor"
    return "access_point" if made_up * 2 > len(rest) else "unmanaged_switch"
