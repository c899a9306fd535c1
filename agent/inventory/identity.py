"""Which endpoints are one device? Union-find over pairs with enough *independent* signs; what contradicts always wins.

Signs come in groups that one cause can forge together: metal (serial, chassis), copyable (everything a cloned disk or virtual machine
carries along), name, card (burned-in MAC), place (MACs in a row, a certificate that lists both addresses). One group alone merges
nothing, an address or a MAC alone least of all. Precision comes before recall: two entries for one device are an annoyance,
one entry for two devices is a wrong audit.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address, ip_network

from agent.inventory.contradiction import contradiction, one_at_a_time, same_profile, shared_name
from agent.inventory.endpoint import COPYABLE, HARDWARE, STRONG, Endpoint, IdKey
from agent.inventory.link import Link
from agent.inventory.mac import next_to
from agent.inventory.machine_links import told_links
from agent.inventory.rarity import Rarity, assess, mac_key, name_key
from agent.inventory.union_find import UnionFind, join
from agent.model.judged import SiteFacts
from agent.model.known import Why


@dataclass(frozen=True, slots=True)
class Identity:
    """`groups`: endpoint indices a device. `merged` and `kept_apart`: reasons by the index of an endpoint they concern."""

    endpoints: list[Endpoint]
    groups: list[list[int]]
    merged: dict[int, list[Why]]
    kept_apart: dict[int, list[Why]]
    rarity: Rarity


class Networks:
    """Which network an address belongs to, from the engagement's list; a /24 (/64) where the list says nothing."""

    def __init__(self, sites: tuple[SiteFacts, ...]) -> None:
        self._nets = {
            f"site/{s.id}": sorted(
                (ip_network(n, strict=False) for n in s.networks), key=lambda n: -n.prefixlen
            )
            for s in sites
        }
        self.of = cache(self._of)

    def _of(self, ns: str, ip: str) -> str:
        address = ip_address(ip)
        for net in self._nets.get(ns, ()):
            if address.version == net.version and address in net:
                return f"{ns}/{net}"
        wide = 24 if address.version == 4 else 64
        return f"{ns}/{ip_network((address, wide), strict=False)}"


def resolve(endpoints: list[Endpoint], sites: tuple[SiteFacts, ...] = ()) -> Identity:
    """Group *endpoints* (in canonical order) into devices."""
    rarity = assess(endpoints)
    networks = Networks(sites)
    links = _links(endpoints, rarity, networks)
    sets = UnionFind(len(endpoints))
    merged: dict[int, list[Why]] = defaultdict(list)
    apart: dict[int, list[Why]] = defaultdict(list)

    def cannot(a: int, b: int) -> str | None:
        return contradiction(endpoints[a], endpoints[b])

    for tier in sorted({link.tier for link in links}):
        batch = [link for link in links if link.tier == tier]
        for a, b, reason in join(sets, [(link.a, link.b) for link in batch], cannot):
            for one, other in ((a, b), (b, a)):
                matched = f"{endpoints[other].ns} {endpoints[other].ip}"
                apart[one].append(Why(feature=reason, matched=matched, weight=1000, strong=True))
        for link in batch:
            if sets.find(link.a) == sets.find(link.b):
                merged[link.a].append(
                    Why(
                        feature=link.feature,
                        matched=link.matched,
                        weight=link.weight,
                        strong=True,
                        evidence=link.evidence,
                    )
                )
    _near_misses(endpoints, rarity, sets, apart)
    return Identity(endpoints, list(sets.groups().values()), merged, apart, rarity)


def _links(es: list[Endpoint], rarity: Rarity, networks: Networks) -> list[Link]:
    """Links between all pairs that share something that passed the rarity test."""
    pairs: set[tuple[int, int]] = set()
    for key, held in rarity.holders.items():
        if rarity.trusted(key) and key[0] != "name":
            pairs.update((i, j) for n, i in enumerate(held) for j in held[n + 1 :])
    crowds = _crowds(es)
    found = (_link(i, j, es, rarity, networks, crowds) for i, j in sorted(pairs))
    return [link for link in found if link is not None] + told_links(es, rarity)


def _crowds(es: list[Endpoint]) -> dict[tuple[str, str, str], list[int]]:
    """(site, run, card) -> endpoints that card answered for in that run."""
    crowds: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for i, e in enumerate(es):
        if e.card and e.ip:
            for run in e.runs:
                crowds[e.ns, run, e.card].append(i)
    return crowds


def _link(
    i: int,
    j: int,
    es: list[Endpoint],
    rarity: Rarity,
    networks: Networks,
    crowds: dict[tuple[str, str, str], list[int]],
) -> Link | None:
    a, b = es[i], es[j]
    metal = rarity.strong(a, HARDWARE) & rarity.strong(b, HARDWARE)
    copy = rarity.strong(a, COPYABLE) & rarity.strong(b, COPYABLE)
    name = None if a.ambiguous or b.ambiguous else shared_name(a, b)
    if name and not rarity.trusted(name_key(name)):
        name = None
    card = a.card if a.card == b.card and a.card and rarity.trusted(mac_key(a.card)) else None

    def link(tier: int, weight: int, *signs: str) -> Link:
        shared = sorted(metal | copy)
        matched = [f"{k}:{v}" for k, _, v in shared] + ([f"name:{name}"] if name else [])
        matched += [f"mac:{card}"] if card else []
        evidence = {o for k in shared for e in (a, b) for o in e.ids[k]}
        if name:
            evidence |= {o for e in (a, b) for o in e.names.get(name, ())}
        return Link(i, j, tier, "+".join(signs), " ".join(matched), weight, tuple(sorted(evidence)))

    kinds = sorted({k[0] for k in metal | copy})
    if card and (metal or copy or name) and _answers_alike(i, j, es, rarity, crowds, card):
        return link(1, 950, "mac", *(kinds or ["name"]))
    if a.ip is None or b.ip is None:
        told = bool(a.machine or b.machine)
        return link(2, 900, *kinds, "name") if name and (metal or (told and copy)) else None
    if a.ns != b.ns:
        unknown = a.card is None or b.card is None
        if metal and (copy or name or (unknown and any(len(k[2]) >= 6 for k in metal))):
            return link(2, 900, *kinds, *(["name"] if name else []))
        return None
    listed = _lists_both(a, b, copy)
    if listed and not any(a.default_cert(k[2]) for k in copy):
        return link(2, 900, "certificate_lists_both")
    if networks.of(a.ns, a.ip) != networks.of(b.ns, b.ip):
        if metal and (copy or name):
            return link(2, 900, *kinds, *(["name"] if name else []))
        # An engine id is configuration, copied from switch to switch together with sysName.
        if name and any(k[0] != "engine_id" for k in copy):
            return link(3, 800, *kinds, "name")
    elif name and metal:
        return link(2, 900, *kinds, "name")
    elif name and copy and a.card and b.card and next_to(a.card, b.card):
        return link(3, 800, *kinds, "name", "macs_in_a_row")
    bound = [k for k in copy if k[0] == "cert_key" and a.host_bound(k[2])]
    if any(len(rarity.holders[k]) == 2 for k in bound) and same_profile(a, b, ports=3):
        return link(4, 700, "host_certificate", "same_services")
    return None


def _lists_both(a: Endpoint, b: Endpoint, copy: set[IdKey]) -> bool:
    return any(
        {a.ip, b.ip} <= a.certs[k[2]].names and {a.ip, b.ip} <= b.certs[k[2]].names
        for k in copy
        if k[0] == "cert_key"
    )


def _answers_alike(
    i: int,
    j: int,
    es: list[Endpoint],
    rarity: Rarity,
    crowds: dict[tuple[str, str, str], list[int]],
    card: str,
) -> bool:
    """One card on two addresses in one run is one host with an alias, or proxy ARP for several: all it answers for must agree."""
    a, b = es[i], es[j]
    if one_at_a_time(a, b) or a.ip is None or b.ip is None:
        return True
    for run in a.runs.keys() & b.runs.keys():
        crowd = crowds.get((a.ns, run, card), [])
        common = set.intersection(
            *(
                rarity.strong(es[k], STRONG) | {name_key(n) for n in es[k].good_names()}
                for k in crowd
            )
        )
        if not any(rarity.trusted(key) for key in common):
            return False
    return True


def _near_misses(
    es: list[Endpoint], rarity: Rarity, sets: UnionFind, apart: dict[int, list[Why]]
) -> None:
    """Say for each device which identifier it shares with others that it was not merged with, and why not."""
    for key in sorted(rarity.holders):
        held = rarity.holders[key]
        roots = {sets.find(i) for i in held}
        if key[0] == "name" or len(roots) < 2:
            continue
        reason = rarity.demoted.get(key, "not_enough_signs")
        for root in sorted(roots):
            mine = [i for i in held if sets.find(i) == root]
            evidence = {o for i in mine for o in es[i].ids.get(key, ())}
            apart[mine[0]].append(
                Why(
                    feature=f"{key[0]}:{reason}",
                    matched=key[2],
                    weight=0,
                    strong=False,
                    evidence=tuple(sorted(evidence)),
                )
            )
