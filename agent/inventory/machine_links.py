"""Which swept address is the machine that told of itself? Its own MAC and a second sign beside it; never a MAC or an address alone.

A MAC goes from laptop to laptop with its dock, an address with its lease; a name is given twice. Two of them together are one machine's.
A card that is built in, seen at the very address the machine says it has there, is both at once.
"""

from __future__ import annotations

from collections import defaultdict

from agent.inventory.contradiction import shared_name
from agent.inventory.endpoint import Endpoint
from agent.inventory.link import Link
from agent.inventory.mac import kind_of
from agent.inventory.rarity import Rarity, name_key


def told_links(es: list[Endpoint], rarity: Rarity) -> list[Link]:
    """Links between machines that told of themselves and addresses of the same site; also between two tellings of one machine."""
    by_mac: dict[tuple[str, str], list[int]] = defaultdict(list)
    by_address: dict[tuple[str, str], list[int]] = defaultdict(list)
    machines: list[int] = []
    holders: dict[str, set[int]] = defaultdict(set)
    for i, e in enumerate(es):
        if e.machine:
            machines.append(i)
            for mac in e.cards:
                holders[mac].add(i)
        elif not (e.router or e.ambiguous):
            if e.mac:
                by_mac[e.ns, e.mac].append(i)
            if e.ip:
                by_address[e.ns, e.ip].append(i)
    found: list[Link] = []
    for i in machines:
        told = es[i]
        for mac, (addresses, built_in) in sorted(told.cards.items()):
            own = built_in and kind_of(mac) == "burned_in" and len(holders[mac]) == 1
            for j in by_mac[told.ns, mac]:
                if name := _name(told, es[j], rarity):
                    found.append(_link(i, j, es, 1, 950, "mac+name", mac, name))
                elif own and es[j].ip in addresses:
                    found.append(_link(i, j, es, 2, 900, "mac+address", mac, ""))
            for address in sorted(addresses):
                for j in by_address[told.ns, address]:
                    # Its own word for its name, not what DNS or another device calls the address.
                    if es[j].mac is not None or not es[j].own_names:
                        continue
                    if name := _name(told, es[j], rarity):
                        found.append(_link(i, j, es, 3, 800, "address+name", address, name))
            for j in sorted(holders[mac]):
                if i < j and told.ns == es[j].ns and (name := _name(told, es[j], rarity)):
                    found.append(_link(i, j, es, 1, 950, "mac+name", mac, name))
    return found


def _name(a: Endpoint, b: Endpoint, rarity: Rarity) -> str | None:
    name = shared_name(a, b)
    return name if name and rarity.trusted(name_key(name)) else None


def _link(
    i: int, j: int, es: list[Endpoint], tier: int, weight: int, feature: str, sign: str, name: str
) -> Link:
    proof = {o.id for e in (es[i], es[j]) for _, o in e.seen if o.body.kind in _SHOWN}
    proof |= {o for e in (es[i], es[j]) for o in e.names.get(name, ())}
    matched = " ".join(s for s in (sign, f"name:{name}" if name else "") if s)
    return Link(i, j, tier, feature, matched, weight, tuple(sorted(proof)))


_SHOWN = frozenset({"endpoint.host", "arp.entry"})
