"""This machine's own interfaces, routes and neighbours, read without sending anything. For vantage, site pin and proposals of `init`.

Linux: `ip -json` of iproute2 (present on every Debian, Ubuntu, Alpine with busybox-extras) for interfaces and routes, and its neighbour
table, which unlike /proc/net/arp covers IPv6. Elsewhere the answer is `None`: could not look, never "there is none".
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from ipaddress import ip_address, ip_interface
from typing import Any


@dataclass(frozen=True)
class Interface:
    """`addresses` as `ip/prefixlen`."""

    name: str
    mac: str | None
    addresses: tuple[str, ...]
    up: bool

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
    state: str


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
    found: list[Interface] = []
    for row in _ip("address", "show"):
        if "LOOPBACK" in row.get("flags", ()):
            continue
        addresses = tuple(
            f"{a['local']}/{a['prefixlen']}" for a in row.get("addr_info", ()) if "local" in a
        )
        found.append(
            Interface(row["ifname"], row.get("address"), addresses, "UP" in row.get("flags", ()))
        )
    return tuple(found)


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


def default_gateway() -> tuple[str, str] | None:
    """(address, interface) of the IPv4 default route; None when there is none. Raises `CannotLook`."""
    for row in _ip("route", "show", "default"):
        if "gateway" in row:
            return str(row["gateway"]), str(row["dev"])
    return None


def neighbours() -> tuple[Neighbour, ...]:
    """The kernel's neighbour table as it stands. Raises `CannotLook`."""
    return tuple(
        Neighbour(row["dst"], row["dev"], row.get("lladdr"), " ".join(row.get("state", ())))
        for row in _ip("neighbour", "show")
    )


def gateway_mac() -> str | None:
    """MAC of the default gateway from the neighbour table; None when the table does not hold it. Raises `CannotLook`."""
    gateway = default_gateway()
    if gateway is None:
        return None
    for n in neighbours():
        if (
            n.address == gateway[0]
            and n.interface == gateway[1]
            and n.mac
            and "FAILED" not in n.state
        ):
            return n.mac
    return None


def _ip(*words: str) -> list[dict[str, Any]]:
    if not sys.platform.startswith("linux"):
        raise CannotLook(f"reading interfaces is not built for {sys.platform} yet")
    # A plain user's PATH often lacks sbin.
    program = shutil.which("ip", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if program is None:
        raise CannotLook("the command 'ip' is not installed (package iproute2)")
    # Nothing of our environment, where secrets of accounts may stand.
    done = subprocess.run(
        [program, "-json", *words], capture_output=True, text=True, timeout=10, check=False, env={}
    )
    if done.returncode != 0:
        raise CannotLook(f"ip {' '.join(words)}: {done.stderr.strip()[:200]}")
    rows: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    return [row for row in rows if row]
