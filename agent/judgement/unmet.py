"""Devices, hosts and subnets that others know of and that no sweep met: the proof of what was overlooked.

A subnet seen in a route or at an interface that is not in scope is never asked anything; it is an unknown with its step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from agent.inventory.mac import VIRTUAL_ROUTER, kind_of
from agent.judgement.receivers import ROLES, Role, relied_on
from agent.judgement.world import World
from agent.model.bodies_snmp import Cell, SnmpTable
from agent.model.ref import Ref
from agent.model.scope import parse_range

Subnet = IPv4Network | IPv6Network
MOST = 64
"""Subnets named of one site: a routing table may hold thousands."""
INVALID_ROUTE = 2
"""ipRouteType (RFC 1213), reject of the newer tables."""


def unmet_macs(world: World) -> dict[str, int]:
    """Site -> cards on switch ports that belong to no known device."""
    out: dict[str, int] = {}
    for t in world.inventory.topologies:
        count = sum(p.asset is None and kind_of(p.mac) not in VIRTUAL_ROUTER for p in t.places)
        if count:
            out[t.site] = count
    return out


def unmet_hosts(world: World) -> dict[tuple[str, Role, str], int]:
    """(site, what for, address) -> how many devices there rely on that private address, at which nothing was ever met.

    Public ones are nobody's to sweep; whose they are is a matter of the rules.
    """
    met = {str(a) for asset in world.inventory.assets for a in asset.addrs}
    found: dict[tuple[str, Role, str], set[str]] = defaultdict(set)
    for o in world.observations.values():
        ns = o.subject.ns
        for role, address in relied_on(o.body):
            host = ip_address(address)
            if not host.is_private or host.is_link_local:
                continue
            if str(Ref(kind="addr", ns=ns, value=address)) not in met:
                found[ns.removeprefix("site/"), role, address].add(str(o.subject))
    order = sorted(found, key=lambda k: (k[0], ROLES.index(k[1]), k[2]))
    return {k: len(found[k]) for k in order}


def unmet_subnets(world: World) -> dict[str, list[str]]:
    """Site -> private or own subnets told by devices there, of which not one address is in any site's lists."""
    found: dict[str, set[Subnet]] = defaultdict(set)
    for o in world.observations.values():
        if isinstance(o.body, SnmpTable):
            site = o.subject.ns.removeprefix("site/")
            found[site].update(n for n in _subnets(o.body) if _counts(n))
    out: dict[str, list[str]] = {}
    for site, subnets in sorted(found.items()):
        known = _listed(world)
        new = [n for n in subnets if not any(_overlap(n, k) for k in known)]
        # A summary of networks that stand here themselves says nothing more.
        new = [n for n in new if not any(_inside(m, n) for m in subnets if m != n)]
        if new:
            new.sort(key=lambda n: (n.version, int(n.network_address), n.prefixlen))
            out[site] = [str(n) for n in new[:MOST]]
    return out


def _subnets(table: SnmpTable) -> Iterator[Subnet]:
    if table.table not in ("addresses", "routes", "cidr_routes", "inet_routes"):
        return
    for row in table.records():
        if row.get("type") == INVALID_ROUTE:
            continue
        length = row["prefix"] if "prefix" in row else row.get("mask")
        if (net := _network(row.get("address", row.get("to")), length)) is not None:
            yield net


def _network(address: Cell, length: Cell) -> Subnet | None:
    if not isinstance(address, str) or length is None:
        return None
    try:
        return ip_network(f"{address}/{length}", strict=False)
    except ValueError:
        return None


def _counts(net: Subnet) -> bool:
    """A network of somebody's own: no default route, no single host, nothing the internet routes."""
    if net.prefixlen in (0, net.max_prefixlen) or not net.is_private:
        return False
    return not (net.is_loopback or net.is_link_local or net.is_multicast or net.is_unspecified)


def _listed(world: World) -> list[Subnet]:
    texts: list[str] = []
    for s in world.sites.values():
        texts += [*s.networks, *(n for n, _ in s.never), *(n for n, _ in s.unreached)]
    return [n for text in texts for n in parse_range(text)]


def _overlap(a: Subnet, b: Subnet) -> bool:
    return _inside(a, b) or _inside(b, a)


def _inside(a: Subnet, b: Subnet) -> bool:
    if a.version != b.version or a.prefixlen < b.prefixlen:
        return False
    return int(a.network_address) >> (b.max_prefixlen - b.prefixlen) == int(b.network_address) >> (
        b.max_prefixlen - b.prefixlen
    )
