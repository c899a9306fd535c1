"""How switches, phones and access points announce themselves: LLDP and CDP. Pure and bounded.

LLDP: IEEE 802.1AB-2016, 8 (basic), 802.1Q annex D.2.1 (port VLAN), ANSI/TIA-1057 (inventory, network policy). CDP: as Cisco describes it in
"Cisco Discovery Protocol Version 2" and as lldpd and Wireshark read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address

from agent.model.bodies_udp import LinkNeighbour
from scanners.udp.asking import clean
from scanners.udp.frames import NotFrame

_CHASSIS = {4: "mac", 5: "address", 6: "interface", 7: "local", 1: "component", 2: "alias"}
_LLDP_ROLES = (
    (1, "repeater"),
    (2, "bridge"),
    (3, "wlan_ap"),
    (4, "router"),
    (5, "telephone"),
    (6, "docsis"),
    (7, "station"),
)
_CDP_ROLES = (
    (0, "router"),
    (3, "bridge"),
    (4, "host"),
    (6, "repeater"),
    (7, "telephone"),
)
_IEEE_8021, _TIA = b"\x00\x80\xc2", b"\x00\x12\xbb"
_INVENTORY = {8: "serial", 9: "manufacturer", 10: "model", 7: "firmware"}
_CDP_SNAP = bytes.fromhex("aaaa0300000c2000")
MOST = 64


def lldp(body: bytes) -> LinkNeighbour:
    """Raises `NotFrame`."""
    told: dict[str, str] = {}
    addresses: list[str] = []
    roles: tuple[str, ...] = ()
    vlan = voice = None
    parts = list(_lldp_parts(body))
    if [k for k, _ in parts[:3]] != [1, 2, 3]:
        raise NotFrame("no LLDP")
    for kind, value in parts:
        if kind == 1 and value:
            told["chassis_kind"] = _CHASSIS.get(value[0], "other")
            told["chassis"] = _identifier(value[0], value[1:], 4, 5)
        elif kind == 2 and value:
            told["port"] = _identifier(value[0], value[1:], 3, 4)
        elif kind in (4, 5, 6):
            told[{4: "port_description", 5: "name", 6: "description"}[kind]] = clean(value)
        elif kind == 7 and len(value) >= 4:
            bits = int.from_bytes(value[2:4], "big")
            roles = tuple(name for bit, name in _LLDP_ROLES if bits >> bit & 1)
        elif (
            kind == 8 and len(value) > 2 and (found := _address(value[1], value[2 : 1 + value[0]]))
        ):
            addresses.append(found)
        elif kind == 127 and value[:4] == _IEEE_8021 + b"\x01" and len(value) >= 6:
            vlan = int.from_bytes(value[4:6], "big") or None
        elif kind == 127 and value[:3] == _TIA and len(value) > 4:
            if name := _INVENTORY.get(value[3]):
                told[name] = clean(value[4:])
            elif value[3] == 2 and len(value) >= 8 and value[4] == 1:
                # Application 1: voice; VLAN in the middle of the word that follows.
                voice = int.from_bytes(value[5:8], "big") >> 9 & 0xFFF or None
    return LinkNeighbour(
        protocol="lldp",
        capabilities=roles,
        addresses=tuple(dict.fromkeys(addresses)),
        vlan=vlan,
        voice_vlan=voice,
        **told,  # type: ignore[arg-type]  # texts, by the names of the body
    )


def _lldp_parts(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    for _ in range(MOST):
        if at + 2 > len(body):
            return
        head = int.from_bytes(body[at : at + 2], "big")
        kind, size = head >> 9, head & 0x1FF
        if kind == 0 or at + 2 + size > len(body):
            return
        yield kind, body[at + 2 : at + 2 + size]
        at += 2 + size


def _identifier(subtype: int, value: bytes, mac: int, address: int) -> str:
    if subtype == mac and len(value) == 6:
        return value.hex(":")
    if subtype == address and value:
        return _address(value[0], value[1:])
    return clean(value)


def _address(family: int, value: bytes) -> str:
    """IANA address family numbers: 1 IPv4, 2 IPv6."""
    if family == 1 and len(value) == 4:
        return str(IPv4Address(value))
    return str(IPv6Address(value)) if family == 2 and len(value) == 16 else ""


def cdp(body: bytes) -> LinkNeighbour:
    """*body* as it follows the length field of the frame. Raises `NotFrame`."""
    if body[:8] != _CDP_SNAP or len(body) < 12 or body[8] not in (1, 2):
        raise NotFrame("no CDP")
    told: dict[str, str] = {}
    addresses: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    vlan = voice = None
    duplex = ""
    at = 12
    for _ in range(MOST):
        kind, size = (
            int.from_bytes(body[at : at + 2], "big"),
            int.from_bytes(body[at + 2 : at + 4], "big"),
        )
        value = body[at + 4 : at + size]
        if size < 4 or at + size > len(body):
            break
        at += size
        if kind == 1:
            told["chassis"], told["chassis_kind"] = clean(value), "name"
            told["name"] = clean(value)
        elif kind in (3, 5, 6):
            told[{3: "port", 5: "description", 6: "platform"}[kind]] = clean(value)
        elif kind in (2, 22):
            addresses = (*addresses, *_cdp_addresses(value))
        elif kind == 4 and len(value) >= 4:
            bits = int.from_bytes(value[:4], "big")
            roles = tuple(name for bit, name in _CDP_ROLES if bits >> bit & 1)
        elif kind == 10 and len(value) >= 2:
            vlan = int.from_bytes(value[:2], "big") or None
        elif kind == 14 and len(value) >= 3:
            voice = int.from_bytes(value[1:3], "big") or None
        elif kind == 11 and value:
            duplex = "full" if value[0] else "half"
    if not told:
        raise NotFrame("a CDP frame that says nothing")
    return LinkNeighbour(
        protocol="cdp",
        capabilities=roles,
        addresses=tuple(dict.fromkeys(addresses)),
        vlan=vlan,
        voice_vlan=voice,
        duplex=duplex,  # type: ignore[arg-type]  # one of the three
        **told,  # type: ignore[arg-type]
    )


def _cdp_addresses(value: bytes) -> Iterator[str]:
    """A count, then protocol type, its length, protocol, address length, address each; 1, 1, CC is IPv4."""
    at = 4
    for _ in range(min(16, int.from_bytes(value[:4], "big"))):
        if at + 2 > len(value):
            return
        size = value[at + 1]
        protocol = value[at + 2 : at + 2 + size]
        at += 2 + size
        length = int.from_bytes(value[at : at + 2], "big")
        raw = value[at + 2 : at + 2 + length]
        at += 2 + length
        if protocol == b"\xcc" and len(raw) == 4:
            yield str(IPv4Address(raw))
