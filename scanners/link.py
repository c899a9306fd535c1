"""What Linux says of its own links without any privilege: routes without a router, and the neighbour table (proc(5), `/proc/net`).

Parsing is pure. Where there is no `/proc` the answer is None: could not look, never "there is none".
"""

from __future__ import annotations

import socket
import struct
from ipaddress import IPv4Network
from pathlib import Path

from agent.contract import Context

ROUTES = Path("/proc/net/route")
NEIGHBOURS = Path("/proc/net/arp")
_UP = 0x1
_GATEWAY = 0x2
_REJECT = 0x200
_COMPLETE = 0x2
"""ATF_COM of if_arp.h: the entry holds a MAC."""


def on_link(ctx: Context) -> tuple[IPv4Network, ...]:
    """Networks the vantage's interface reaches without a router: there, a host must answer ARP to speak IPv4 at all."""
    if ctx.vantage.interface is None or not ROUTES.exists():
        return ()
    return parse_routes(ROUTES.read_text("ascii", "replace"), ctx.vantage.interface)


def parse_routes(text: str, interface: str) -> tuple[IPv4Network, ...]:
    """On-link networks of *interface* in a `/proc/net/route` table; a line that does not fit is passed over."""
    found: list[IPv4Network] = []
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[0] != interface:
            continue
        try:
            flags = int(fields[3], 16)
            address, mask = (struct.pack("=I", int(fields[i], 16)) for i in (1, 7))
            net = IPv4Network((address, socket.inet_ntoa(mask)))
        except (ValueError, struct.error):
            continue
        if flags & _UP and not flags & (_GATEWAY | _REJECT) and net.prefixlen:
            found.append(net)
    return tuple(found)


def parse_neighbours(text: str, interface: str | None = None) -> dict[str, str]:
    """Address -> MAC of the complete entries in a `/proc/net/arp` table, of *interface* or of all."""
    found: dict[str, str] = {}
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 6 or interface not in (None, fields[5]):
            continue
        address, mac = fields[0], fields[3].lower()
        try:
            complete = int(fields[2], 16) & _COMPLETE
            octets = bytes.fromhex(mac.replace(":", ""))
            socket.inet_aton(address)
        except (ValueError, OSError):
            continue
        if complete and len(octets) == 6 and any(octets):
            found[address] = mac
    return found
