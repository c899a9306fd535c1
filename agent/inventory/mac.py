"""What a MAC address can prove: burned in by a maker, shared by a virtual router, made up by software, or a group.

Only a burned-in address of a physical card speaks for one device. Sources: IEEE 802c-2017 (U/L bit), RFC 9568 (VRRP; CARP uses the
same block), Cisco HSRP version 1, 2 and IPv6 and GLBP blocks.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

from agent.model.ref import normal

MacKind = Literal["burned_in", "local", "vrrp", "hsrp", "glbp", "group"]
VIRTUAL_ROUTER: frozenset[MacKind] = frozenset({"vrrp", "hsrp", "glbp"})
_ROUTER_BLOCKS: tuple[tuple[str, MacKind], ...] = (
    ("00:00:5e:00:01:", "vrrp"),  # RFC 9568 IPv4; also CARP
    ("00:00:5e:00:02:", "vrrp"),  # RFC 9568 IPv6
    ("00:00:0c:07:ac:", "hsrp"),  # version 1
    ("00:00:0c:9f:f", "hsrp"),  # version 2
    ("00:05:73:a0:0", "hsrp"),  # version 2, IPv6
    ("00:07:b4:00:", "glbp"),
)
# Cards that hypervisors hand out: consecutive numbers there mean "made after each other", not "in one box".
_HYPERVISOR = (
    "00:05:69:",  # VMware
    "00:0c:29:",
    "00:1c:14:",
    "00:50:56:",
    "00:15:5d:",  # Hyper-V
    "00:03:ff:",
    "00:16:3e:",  # Xen
    "08:00:27:",  # VirtualBox
    "00:1c:42:",  # Parallels
    "bc:24:11:",  # Proxmox
)
CARDS_OF_ONE_BOX = 7
"""Largest distance between the MACs of one box we take as a sign: boards with up to eight ports are numbered in a row."""


@lru_cache(maxsize=65536)
def kind_of(mac: str) -> MacKind:
    """Kind of the normalised *mac* (`aa:bb:cc:dd:ee:ff`)."""
    for prefix, kind in _ROUTER_BLOCKS:
        if mac.startswith(prefix):
            return kind
    first = int(mac[:2], 16)
    if first & 0x01:
        return "group"
    return "local" if first & 0x02 else "burned_in"


def holder_mac(text: str) -> str | None:
    """*text* in normal form; None for what is no MAC, a group or all zeros: an incomplete neighbour entry, not a holder."""
    try:
        value = normal("mac", text)
    except ValueError:
        return None
    return None if kind_of(value) == "group" or value == "00:00:00:00:00:00" else value


def is_virtual(mac: str) -> bool:
    """True where the address belongs to no physical card: virtual router, locally administered, group."""
    return kind_of(mac) != "burned_in"


def is_hypervisor(mac: str) -> bool:
    """True for a block from which a hypervisor numbers its guests."""
    return mac.startswith(_HYPERVISOR)


def next_to(a: str, b: str) -> bool:
    """True where both are burned-in cards of a physical box and numbered almost in a row."""
    if kind_of(a) != "burned_in" or kind_of(b) != "burned_in" or is_hypervisor(a):
        return False
    if a[:8] != b[:8]:
        return False
    distance = abs(int(a.replace(":", ""), 16) - int(b.replace(":", ""), 16))
    return 0 < distance <= CARDS_OF_ONE_BOX
