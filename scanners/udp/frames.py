"""Frames that a link carries unasked: Ethernet, ARP, IPv4 with UDP, DHCP, EAPOL. Pure and bounded; LLDP and CDP are in `neighbour_frames`.

IEEE 802.3; RFC 826, 791, 768; DHCP: RFC 2131 and 2132, options 60 and 81 also RFC 4702; EAPOL: IEEE 802.1X-2020, 11.3; EAP: RFC 3748, 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Literal

from agent.model.bodies_udp import DhcpClient, DhcpServer, EapolSeen
from scanners.udp.asking import clean

_COOKIE = bytes.fromhex("63825363")
_MESSAGES = {1: "discover", 2: "offer", 3: "request", 5: "ack", 6: "nak", 8: "inform"}
_EAPOL: dict[int, Literal["eap", "start", "logoff", "key"]] = {
    0: "eap",
    1: "start",
    2: "logoff",
    3: "key",
}
_EAP_CODES = {1: "request", 2: "response", 3: "success", 4: "failure"}
_EAP_TYPES = {1: "identity", 3: "nak", 4: "md5", 13: "tls", 21: "ttls", 25: "peap", 52: "pwd"}


class NotFrame(ValueError):
    """The bytes are no such frame; carries none of them."""


@dataclass(frozen=True)
class Frame:
    """`kind`: the EtherType; for a frame with a length instead, the length."""

    source: str
    target: str
    kind: int
    body: bytes


@dataclass(frozen=True)
class Udp:
    source: str
    target: str
    source_port: int
    target_port: int
    data: bytes


@dataclass(frozen=True)
class Dhcp:
    """A DHCP message; `server`: its body where a server spoke, `client` where a client did. `address`: the client's, where it has one."""

    server: DhcpServer | None = None
    client: DhcpClient | None = None
    identifier: str = ""
    address: str = ""


def frame(data: bytes) -> Frame:
    """Raises `NotFrame`."""
    if len(data) < 14:
        raise NotFrame("too short")
    return Frame(
        data[6:12].hex(":"), data[:6].hex(":"), int.from_bytes(data[12:14], "big"), data[14:]
    )


def arp(body: bytes) -> tuple[str, str]:
    """(address, MAC) of the sender, of a request or an answer; not of a probe that has no address yet (RFC 5227). Raises `NotFrame`."""
    if len(body) < 28 or body[:6] != bytes.fromhex("000108000604"):
        raise NotFrame("no ARP of IPv4 on Ethernet")
    address, mac = str(IPv4Address(body[14:18])), body[8:14]
    if body[14:18] == bytes(4) or mac[0] & 1 or not any(mac):
        raise NotFrame("no sender")
    return address, mac.hex(":")


def udp(body: bytes) -> Udp:
    """Raises `NotFrame` for fragments, too."""
    if len(body) < 28 or body[0] >> 4 != 4 or body[9] != 17 or body[6] & 0x3F or body[7]:
        raise NotFrame("no whole UDP datagram")
    head = (body[0] & 15) * 4
    total = int.from_bytes(body[2:4], "big")
    inner = body[head:total]
    if head < 20 or total > len(body) or len(inner) < 8:
        raise NotFrame("a datagram that is cut")
    return Udp(
        str(IPv4Address(body[12:16])),
        str(IPv4Address(body[16:20])),
        int.from_bytes(inner[:2], "big"),
        int.from_bytes(inner[2:4], "big"),
        inner[8 : int.from_bytes(inner[4:6], "big")],
    )


def dhcp(data: bytes) -> Dhcp:
    """Raises `NotFrame`."""
    if len(data) < 240 or data[236:240] != _COOKIE or data[1:3] != b"\x01\x06":
        raise NotFrame("no DHCP")
    options = _options(data[240:])
    message = _MESSAGES.get(options.get(53, b"\0")[0], "") if options.get(53) else ""
    if data[0] == 2 and message in ("offer", "ack", "nak"):
        lease = options.get(51, b"")
        return Dhcp(
            server=DhcpServer(
                message=message,
                relay="" if data[24:28] == bytes(4) else str(IPv4Address(data[24:28])),
                routers=_addresses(options.get(3, b"")),
                dns=_addresses(options.get(6, b"")),
                domain=clean(options.get(15, b"")),
                mask=next(iter(_addresses(options.get(1, b""))), ""),
                lease_s=int.from_bytes(lease, "big") if len(lease) == 4 else None,
                ntp=_addresses(options.get(42, b"")),
                boot_server=clean(options.get(66, b"") or data[44:108].split(b"\0")[0]),
                boot_file=clean(options.get(67, b"") or data[108:236].split(b"\0")[0]),
            ),
            identifier=next(iter(_addresses(options.get(54, b""))), ""),
        )
    if data[0] == 1 and message in ("discover", "request", "inform"):
        own = data[12:16] if any(data[12:16]) else b""
        return Dhcp(
            client=DhcpClient(
                mac=data[28:34].hex(":"),
                hostname=clean(options.get(12, b"")),
                vendor_class=clean(options.get(60, b"")),
                parameters=tuple(options.get(55, b"")),
                fqdn=clean(options.get(81, b"")[3:]),
            ),
            address=str(IPv4Address(own)) if own else "",
        )
    raise NotFrame("no message of a server or a client")


def _options(data: bytes) -> dict[int, bytes]:
    """The first of each counts; 255 ends them (RFC 2132, 3)."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        if at + 2 > len(data) or at + 2 + data[at + 1] > len(data):
            break
        found.setdefault(data[at], data[at + 2 : at + 2 + data[at + 1]])
        at += 2 + data[at + 1]
    return found


def _addresses(data: bytes) -> tuple[str, ...]:
    return tuple(str(IPv4Address(data[i : i + 4])) for i in range(0, len(data) - 3, 4))[:8]


def eapol(body: bytes) -> EapolSeen:
    """Raises `NotFrame`."""
    if len(body) < 4 or not 1 <= body[0] <= 3:
        raise NotFrame("no EAPOL")
    packet = _EAPOL.get(body[1])
    if packet != "eap":
        role: Literal["supplicant", "unknown"] = (
            "supplicant" if packet in ("start", "logoff") else "unknown"
        )
        return EapolSeen(packet=packet or "other", role=role)
    code = _EAP_CODES.get(body[4], "") if len(body) >= 8 else ""
    if not code:
        raise NotFrame("no EAP")
    kind = ""
    if code in ("request", "response") and len(body) >= 9:
        kind = f"/{_EAP_TYPES.get(body[8], str(body[8]))}"
    asks = code != "response"
    return EapolSeen(
        packet="eap", eap=f"{code}{kind}", role="authenticator" if asks else "supplicant"
    )
