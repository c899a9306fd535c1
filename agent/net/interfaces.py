"""This machine's own interfaces, routes and neighbours, read without sending anything. For vantage, site pin and proposals of `init`.

Linux: `ip -json` of iproute2, over netlink, so right inside a network namespace; its neighbour table, unlike /proc/net/arp, covers IPv6,
and only the kernel itself knows the way of a packet where there are policy rules (ip-rule(8)), which /proc/net does not show. Windows: its
own tables in the same form (`windows_tables.py`). Elsewhere, and without `ip`: `CannotLook`, which is never "there is none".
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address, ip_interface
from typing import Any

from agent.model.ref import normal

_NOT_THERE = frozenset({"FAILED", "INCOMPLETE"})
"""States of a neighbour in which its MAC is not known to be right (linux/neighbour.h)."""
_NO_WAY = frozenset({"blackhole", "unreachable", "prohibit", "throw"})


@dataclass(frozen=True)
class Interface:
    """`addresses` as `ip/prefixlen`; `lower` is the interface a VLAN or bridge port rests on."""

    name: str
    mac: str | None
    addresses: tuple[str, ...]
    lower: tuple[str, ...] = ()
    up: bool = True

    @property
    def networks(self) -> tuple[str, ...]:
        """IPv4 networks this interface reaches without a router."""
        own = [ip_interface(text) for text in self.addresses]
        return tuple(str(a.network) for a in own if a.version == 4)

    def on_link(self, host: str) -> str | None:
        """Own address from which *host* is reached without a router; None when it is not on this link."""
        target = ip_address(host)
        for text in self.addresses:
            own = ip_interface(text)
            if target.version == own.version and target in own.network:
                return str(own.ip)
        return None


@dataclass(frozen=True)
class Neighbour:
    address: str
    interface: str
    mac: str | None
    state: str = ""


@dataclass(frozen=True)
class Route:
    """One IPv4 route of any table; only those of `main` stand without a policy rule that says so."""

    interface: str
    net: IPv4Network
    gateway: str | None = None
    metric: int = 0
    table: str = "main"


@dataclass(frozen=True)
class Way:
    """How the kernel would send a packet to one address: `own` is true where that address is this machine's."""

    interface: str
    gateway: str | None = None
    own: bool = False


@dataclass(frozen=True)
class LinkMark:
    """How a link stands. Two equal marks, one before and one after a look: it was the same link, up all the time.

    `flaps`: how often its carrier came or went since the machine started (IFLA_CARRIER_CHANGES); None where iproute2 does not tell.
    """

    index: int
    mac: str | None
    addresses: tuple[str, ...]
    up: bool
    flaps: int | None


class CannotLook(Exception):
    """The machine did not tell; carries why."""


def interfaces() -> tuple[Interface, ...]:
    """All interfaces but the loopback. Raises `CannotLook`."""
    return parse_interfaces(_ip("address", "show"))


def routes() -> tuple[Route, ...]:
    """The IPv4 routes of all tables. Raises `CannotLook`."""
    return parse_routes(_ip("-4", "route", "show", "table", "all"))


def link_mark(name: str) -> LinkMark:
    """How interface *name* stands now. Raises `CannotLook`, also where it is not there any more."""
    for row in _ip("-s", "-s", "address", "show", "dev", name):
        told = row.get("addr_info", ())
        addresses = tuple(f"{a['local']}/{a['prefixlen']}" for a in told if "local" in a)
        sent = row.get("stats64", {}).get("tx", {})
        return LinkMark(
            index=int(row["ifindex"]),
            mac=row.get("address"),
            addresses=tuple(a for a in addresses if ":" not in a),
            up={"UP", "LOWER_UP"} <= set(row.get("flags", ())),
            flaps=sent.get("carrier_changes"),
        )
    raise CannotLook(f"there is no interface {name}")


def neighbours() -> tuple[Neighbour, ...]:
    """The kernel's neighbour table as it stands. Raises `CannotLook`."""
    return parse_neighbours(_ip("neighbour", "show"))


def way(host: str) -> Way | None:
    """The way a packet to *host* takes by the kernel's own word (RTM_GETROUTE: all rules and tables); None: it would not leave at all.

    For a socket without mark and of this user, as ours are; a rule for one port or protocol only is not asked about. Raises `CannotLook`.
    """
    try:
        rows = _ip("route", "get", str(ip_address(host)))
    except _Refused:
        # No route, or one that says no: nothing leaves.
        return None
    return parse_way(rows)


def gateway_mac() -> str | None:
    """MAC of the default gateway from the neighbour table; None when the table does not hold it. Raises `CannotLook`."""
    best = default_routes(routes())
    if not best:
        return None
    found = (n.mac for n in neighbours() if (n.address, n.interface) == _end(best[0]))
    return next((mac for mac in found if mac), None)


def default_routes(all_of_them: tuple[Route, ...]) -> tuple[Route, ...]:
    """Default routes of the main table through a gateway, the preferred one first."""
    fits = (r for r in all_of_them if r.gateway and r.net.prefixlen == 0 and r.table == "main")
    return tuple(sorted(fits, key=lambda r: r.metric))


def parse_interfaces(rows: Any) -> tuple[Interface, ...]:
    """Interfaces of `ip -json address`; rows of another form are left out."""
    out: list[Interface] = []
    for row in _rows(rows):
        flags = row.get("flags")
        flags = flags if isinstance(flags, list) else []
        if "LOOPBACK" in flags:
            continue
        found = tuple(_address(a) for a in _rows(row.get("addr_info")))
        lower = tuple(str(row[k]) for k in ("link", "master") if isinstance(row.get(k), str))
        mac = row.get("address")
        addresses = tuple(a for a in found if a)
        name, mac = str(row.get("ifname", "")), mac if isinstance(mac, str) else None
        out.append(Interface(name, mac, addresses, lower, "UP" in flags))
    return tuple(out)


def parse_routes(rows: Any) -> tuple[Route, ...]:
    """IPv4 routes of `ip -json route`; those that reject, are down or of another form are left out."""
    out: list[Route] = []
    for row in _rows(rows):
        dst, flags = row.get("dst"), row.get("flags")
        if str(row.get("type")) in _NO_WAY or (isinstance(flags, list) and "linkdown" in flags):
            continue
        if row.get("type") in ("local", "broadcast", "multicast"):
            continue
        try:
            net = IPv4Network("0.0.0.0/0" if dst == "default" else str(dst))
            gateway = str(IPv4Address(str(row["gateway"]))) if "gateway" in row else None
            metric = int(row.get("metric", 0))
        except (TypeError, ValueError):
            continue
        out.append(
            Route(str(row.get("dev", "")), net, gateway, metric, str(row.get("table", "main")))
        )
    return tuple(out)


def parse_neighbours(rows: Any) -> tuple[Neighbour, ...]:
    """Neighbours of `ip -json neighbour`; the MAC of one that does not answer is None."""
    out: list[Neighbour] = []
    for row in _rows(rows):
        state = row.get("state")
        states = [str(s) for s in state] if isinstance(state, list) else []
        try:
            mac = normal("mac", row["lladdr"]) if isinstance(row.get("lladdr"), str) else None
            address = str(ip_address(str(row.get("dst"))))
        except ValueError:
            continue
        if _NOT_THERE & set(states) or mac == "00:00:00:00:00:00":
            mac = None
        out.append(Neighbour(address, str(row.get("dev", "")), mac, " ".join(states)))
    return tuple(out)


def parse_way(rows: Any) -> Way | None:
    """The way in `ip -json route get`. Raises `CannotLook` when it tells none."""
    for row in _rows(rows):
        if str(row.get("type")) in _NO_WAY:
            return None
        if isinstance(dev := row.get("dev"), str):
            gateway = row.get("gateway")
            return Way(dev, str(gateway) if gateway else None, row.get("type") == "local")
    raise CannotLook("ip route get told no interface")


def _address(row: dict[str, Any]) -> str:
    try:
        address = ip_interface(f"{row.get('local')}/{row.get('prefixlen')}")
    except ValueError:
        return ""
    return "" if address.ip.is_loopback else str(address)


def _rows(value: Any) -> Iterator[dict[str, Any]]:
    yield from (r for r in value if isinstance(r, dict)) if isinstance(value, list) else ()


def _end(route: Route) -> tuple[str | None, str]:
    return route.gateway, route.interface


class _Refused(CannotLook):
    """The kernel answered with an error of its own."""


def _ip(*words: str) -> list[Any]:
    if sys.platform == "win32":
        return _windows(*words)
    if not sys.platform.startswith("linux"):
        raise CannotLook(
            f"this version reads interfaces, routes and neighbours on Linux and Windows, not on {sys.platform}"
        )
    # A plain user's PATH often lacks sbin.
    program = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        raise CannotLook(
            "the command 'ip' is not installed (package iproute2), so neither routes nor policy rules can be read"
        )
    # Nothing of our environment, where secrets of accounts may stand.
    try:
        done = subprocess.run(
            [program, "-json", *words], capture_output=True, timeout=10, check=False, env={}
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotLook(f"ip {' '.join(words)}: {type(error).__name__}") from None
    if done.returncode != 0:
        cause = done.stderr.decode("utf-8", "replace").strip()[:200]
        kind = _Refused if cause.startswith("RTNETLINK answers") else CannotLook
        raise kind(f"ip {' '.join(words)}: {cause}")
    try:
        found = json.loads(done.stdout or b"[]")
    except (ValueError, RecursionError):
        raise CannotLook(f"ip {' '.join(words)}: no JSON came (an ip of busybox?)") from None
    return found if isinstance(found, list) else []


def _windows(*words: str) -> list[Any]:
    from agent.net import windows_tables

    try:
        return list(windows_tables.rows(*words))
    except windows_tables.Refused as error:
        raise _Refused(str(error)) from None
    except (OSError, ValueError) as error:
        raise CannotLook(f"ip {' '.join(words)}: {error}") from None
