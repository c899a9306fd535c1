"""Where this machine stands: interfaces, routes and the neighbour table, as the system already knows them. Never sends a packet.

Linux: /proc/net/route and /proc/net/arp (proc(5): a route's addresses are hexadecimal in the host's byte order), interfaces by
`ip -j addr` (netlink, so right inside a network namespace where /sys is not) or, without it, by ioctl.
"""

from __future__ import annotations

import array
import json
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network, ip_interface
from pathlib import Path
from typing import Any

from agent.model.ref import normal
from agent.model.scope import Network

_COMPLETE = 0x2  # ATF_COM, <net/if_arp.h>
_UP, _GATEWAY, _REJECT = 0x1, 0x2, 0x200  # RTF_*, <net/route.h>
_PROC = Path("/proc/net")


@dataclass(frozen=True)
class Interface:
    """`addresses` are CIDR texts with the host part, loopback left out; `lower` is the interface a VLAN or bridge port rests on."""

    name: str
    mac: str
    addresses: tuple[str, ...]
    lower: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    interface: str
    net: IPv4Network
    gateway: str | None
    metric: int


@dataclass(frozen=True)
class Neighbour:
    ip: str
    mac: str
    interface: str


@dataclass(frozen=True)
class Here:
    """`problem` says why this machine could not be looked at; then the rest is empty and proves nothing."""

    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    problem: str = ""

    def gateways(self) -> tuple[Route, ...]:
        """Default routes, the preferred one first."""
        return tuple(
            sorted((r for r in self.routes if r.gateway and r.net.prefixlen == 0), key=_metric)
        )

    def mac_of(self, ip: str, interface: str) -> str | None:
        """MAC of the neighbour *ip* on *interface* when the table holds it."""
        found = (n.mac for n in self.neighbours if (n.ip, n.interface) == (ip, interface))
        return next(found, None)

    def route_to(self, net: Network) -> Route | None:
        """The route a packet to the first address of *net* would take; None when there is none, or for IPv6."""
        first = net.network_address
        fits = [r for r in self.routes if isinstance(first, IPv4Address) and first in r.net]
        return min(fits, key=lambda r: (-r.net.prefixlen, r.metric), default=None)

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
    if not sys.platform.startswith("linux"):
        return Here(
            problem=f"this version reads the neighbour table on Linux only, not on {sys.platform}"
        )
    try:
        routes = parse_routes((_PROC / "route").read_text("ascii", "replace"))
        neighbours = parse_arp((_PROC / "arp").read_text("ascii", "replace"))
    except OSError as error:
        return Here(problem=f"{error.filename} cannot be read: {error.strerror}")
    return Here(interfaces(), routes, neighbours)


def parse_routes(text: str) -> tuple[Route, ...]:
    """Routes in /proc/net/route; lines of another form, and routes that are down or reject, are left out."""
    out: list[Route] = []
    for line in text.splitlines()[1:]:
        parts = line.split()
        try:
            flags, metric = int(parts[3], 16), int(parts[6])
            net = IPv4Network((_hex_address(parts[1]), str(_hex_address(parts[7]))))
            gateway = str(_hex_address(parts[2])) if flags & _GATEWAY else None
        except (IndexError, ValueError):
            continue
        if flags & _UP and not flags & _REJECT:
            out.append(Route(parts[0], net, gateway, metric))
    return tuple(out)


def parse_arp(text: str) -> tuple[Neighbour, ...]:
    """Complete entries of /proc/net/arp; an entry still being asked for has no MAC and is left out."""
    out: list[Neighbour] = []
    for line in text.splitlines()[1:]:
        parts = line.split()
        try:
            ip, flags, mac, interface = parts[0], int(parts[2], 16), parts[3], parts[5]
            entry = Neighbour(str(IPv4Address(ip)), normal("mac", mac), interface)
        except (IndexError, ValueError):
            continue
        if flags & _COMPLETE and entry.mac != "00:00:00:00:00:00":
            out.append(entry)
    return tuple(out)


def interfaces() -> tuple[Interface, ...]:
    """Interfaces that are up and have an address."""
    program = shutil.which("ip")
    if program:
        # Nothing of our environment, where secrets of accounts may stand.
        done = subprocess.run(
            [program, "-j", "addr"], capture_output=True, timeout=10, check=False, env={}
        )
        if done.returncode == 0:
            return parse_ip_addr(done.stdout)
    return _by_ioctl()


def parse_ip_addr(raw: bytes) -> tuple[Interface, ...]:
    """Interfaces of the output of `ip -j addr`; empty when it is not what that command prints."""
    try:
        links: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return ()
    out: list[Interface] = []
    for link in links if isinstance(links, list) else ():
        if not isinstance(link, dict) or "UP" not in _texts(link.get("flags")):
            continue
        found = link.get("addr_info")
        addresses = _addresses(found if isinstance(found, list) else ())
        if addresses:
            lower = [str(link[k]) for k in ("link", "master") if isinstance(link.get(k), str)]
            mac = str(link.get("address", ""))
            out.append(Interface(str(link.get("ifname", "")), mac, addresses, tuple(lower)))
    return tuple(out)


def _addresses(rows: Iterable[Any]) -> tuple[str, ...]:
    out: list[str] = []
    for row in rows:
        if not isinstance(row, dict):
            continue
        try:
            address = ip_interface(f"{row.get('local')}/{row.get('prefixlen')}")
        except ValueError:
            continue
        if not address.ip.is_loopback:
            out.append(str(address))
    return tuple(out)


def _texts(value: Any) -> list[str]:
    return [str(v) for v in value] if isinstance(value, list) else []


def _by_ioctl() -> tuple[Interface, ...]:
    """All IPv4 addresses by SIOCGIFCONF, netmask and MAC by their own calls (netdevice(7)); Linux on machines without `ip`."""
    if sys.platform != "linux":
        return ()
    import fcntl

    siocgifconf, siocgifnetmask, siocgifhwaddr = 0x8912, 0x891B, 0x8927
    out: dict[str, Interface] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        buffer = array.array("B", bytes(40 * 1024))
        place, _ = buffer.buffer_info()
        filled = fcntl.ioctl(probe, siocgifconf, struct.pack("iL", len(buffer), place))
        size = struct.unpack("iL", filled)[0]
        raw = buffer.tobytes()[:size]
        for at in range(0, size, 40):
            name = raw[at : at + 16].rstrip(b"\0")
            ip = socket.inet_ntoa(raw[at + 20 : at + 24])
            request = struct.pack("256s", name)
            mask = socket.inet_ntoa(fcntl.ioctl(probe, siocgifnetmask, request)[20:24])
            mac = fcntl.ioctl(probe, siocgifhwaddr, request)[18:24].hex(":")
            label = name.decode("ascii", "replace").partition(":")[0]
            address = ip_interface(f"{ip}/{mask}")
            if not address.ip.is_loopback:
                old = out.get(label, Interface(label, mac, ()))
                out[label] = Interface(label, mac, (*old.addresses, str(address)))
    return tuple(out.values())


def _hex_address(text: str) -> IPv4Address:
    raw = bytes.fromhex(text)
    return IPv4Address(raw[::-1] if sys.byteorder == "little" else raw)


def _metric(route: Route) -> int:
    return route.metric
