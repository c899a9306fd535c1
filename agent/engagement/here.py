"""Where this machine stands: interfaces, routes and the neighbour table, as the system already knows them. Never sends a packet.

What `agent.net.interfaces` read, put together for the pin: which gateway, whose MAC, and which way packets to the site would take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, ip_address, ip_interface
from itertools import islice

from agent.model.scope import Network
from agent.net.interfaces import (
    CannotLook,
    Interface,
    Neighbour,
    Route,
    Way,
    default_routes,
    interfaces,
    neighbours,
    routes,
    way,
)

MAX_ASKED = 64
"""Questions to the kernel about one network; one that is cut up finer than that by routes is asked about in its larger parts."""


@dataclass(frozen=True)
class Here:
    """`problem` says why this machine could not be looked at; then the rest is empty and proves nothing.

    `ask` is the kernel's word on the way to an address; without it (tables from elsewhere) the main table's longest prefix decides.
    """

    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    problem: str = ""
    ask: Callable[[str], Way | None] | None = None

    def gateways(self) -> tuple[Route, ...]:
        """Default routes, the preferred one first."""
        return default_routes(self.routes)

    def mac_of(self, ip: str, interface: str) -> str | None:
        """MAC of the neighbour *ip* on *interface* when the table holds it."""
        found = (n.mac for n in self.neighbours if (n.address, n.interface) == (ip, interface))
        return next((mac for mac in found if mac), None)

    def ways_to(self, net: Network) -> Iterator[tuple[str, Way]]:
        """(address, way) for the first and last host of *net* and of every finer route into it, in any table. Raises `CannotLook`."""
        inner = {
            r.net for r in self.routes if net.version == 4 and r.net != net and r.net.subnet_of(net)
        }
        parts: list[Network] = [net, *sorted(inner, key=lambda n: (n.prefixlen, n))]
        hosts = (h for part in parts for h in _ends(part))
        for host in islice(dict.fromkeys(hosts), MAX_ASKED):
            found = self.ask(host) if self.ask else self._by_table(host)
            if found is not None:
                yield host, found

    def _by_table(self, host: str) -> Way | None:
        address = ip_address(host)
        fits = [
            r
            for r in self.routes
            if isinstance(address, IPv4Address) and r.table == "main" and address in r.net
        ]
        best = min(fits, key=lambda r: (-r.net.prefixlen, r.metric), default=None)
        return Way(best.interface, best.gateway) if best else None

    def rests_on(self, upper: str, lower: str) -> bool:
        """Is *upper* the interface *lower*, or a VLAN or bridge over it (or the other way round)?"""
        if upper == lower or upper.startswith(f"{lower}."):
            return True
        below = {i.name: i.lower for i in self.interfaces}
        return lower in below.get(upper, ()) or upper in below.get(lower, ())

    def address_on(self, interface: str) -> str | None:
        """First IPv4 address of *interface*, without prefix length."""
        for i in self.interfaces:
            if i.name == interface:
                for text in i.addresses:
                    if isinstance(address := ip_interface(text), IPv4Interface):
                        return str(address.ip)
        return None

    def subnets(self) -> tuple[tuple[str, str], ...]:
        """(interface, network) pairs of the private-sized networks this machine is in: what `init` proposes."""
        return tuple(
            (i.name, str(ip_interface(text).network))
            for i in self.interfaces
            for text in i.addresses
            if not ip_interface(text).ip.is_link_local
            and ip_interface(text).network.num_addresses > 2
            and ip_interface(text).version == 4
        )


def look() -> Here:
    """Read this machine's tables. What cannot be read becomes `Here.problem`."""
    try:
        ready = tuple(i for i in interfaces() if i.up and i.addresses)
        return Here(ready, routes(), neighbours(), ask=way)
    except CannotLook as problem:
        return Here(problem=str(problem))


def _ends(net: Network) -> tuple[str, ...]:
    """First and last host of *net*, by arithmetic: a /64 has no list."""
    edge = 1 if net.version == 4 and net.prefixlen < 31 else 0
    first, last = int(net.network_address) + edge, int(net.broadcast_address) - edge
    kind = type(net.network_address)
    return str(kind(first)), str(kind(last))
