"""Frames the raw engine sends and reads: Ethernet, ARP (RFC 826), IPv4 (RFC 791), TCP (RFC 9293), ICMP (RFC 792). Pure.

scapy builds each kind once, from our own addresses; afterwards only addresses, ports, number and checksums are patched. What comes in was
written by anybody: a reader takes any bytes and gives None for what is not an answer to a question of ours.
"""

from __future__ import annotations

import hashlib
import secrets
import socket
import struct
from dataclasses import dataclass
from typing import Literal

PORTS = 8
"""Source ports in a row, one a try: an answer tells which try it answers."""
ECHO = 0
"""Stands for an ICMP echo where a TCP port is expected; port 0 cannot be asked (RFC 6335)."""
ECHO_DATA = b"handover"
SYN_SIZE, ARP_SIZE, ECHO_SIZE = 58, 60, 50
_MSS = 1460
_SYN, _RST, _ACK = 0x02, 0x04, 0x10

Said = Literal["open", "closed", "unreachable"]


@dataclass(frozen=True)
class TcpAnswer:
    """`tried`: which try it answers, from 0. `syn_ack`: our kernel resets that connection by itself."""

    host: bytes
    port: int
    tried: int
    said: Said
    syn_ack: bool = False


@dataclass(frozen=True)
class EchoAnswer:
    host: bytes
    tried: int
    ttl: int


class Cookies:
    """Sequence numbers that only we can make: an answer that carries the right one answers what we asked (RFC 4987, section 3.6)."""

    def __init__(self, key: bytes) -> None:
        self._key = key[:32]

    def of(self, host: bytes, port: int, source_port: int) -> int:
        packed = host + struct.pack("!HH", port, source_port)
        digest = hashlib.blake2s(packed, digest_size=4, key=self._key).digest()
        return int.from_bytes(digest, "big")


class Frames:
    """`base`: first of our source ports. Raises `ValueError` for addresses that are none."""

    def __init__(self, mac: str, address: str, base: int, key: bytes) -> None:
        without_cryptography()
        from scapy.layers.inet import ICMP, IP, TCP
        from scapy.layers.l2 import ARP, Ether

        self.own_mac, self.own_ip = unicast(mac), socket.inet_aton(address)
        self.base, self.cookies = base, Cookies(key)
        self.ident = int.from_bytes(hashlib.blake2s(b"echo", key=key[:32]).digest()[:2], "big")
        everybody = "ff:ff:ff:ff:ff:ff"
        ask = ARP(op=1, hwsrc=mac, psrc=address, hwdst="00:00:00:00:00:00", pdst="0.0.0.0")
        self._arp = bytes(Ether(dst=everybody, src=mac) / ask)[:38]
        ip = IP(src=address, dst="0.0.0.0", ttl=64, id=0, flags="DF")
        syn = TCP(sport=base, dport=0, flags="S", window=64240, options=[("MSS", _MSS)])
        frame = bytes(Ether(dst=everybody, src=mac, type=0x0800) / ip / syn)
        self._ip, self._tcp = frame[14:34], frame[34:]
        frame = bytes(Ether(dst=everybody, src=mac, type=0x0800) / ip / TCP(flags="R", window=0))
        self._reset_ip = frame[14:34]
        frame = bytes(Ether(dst=everybody, src=mac, type=0x0800) / ip / ICMP(type=8) / ECHO_DATA)
        self._echo_ip = frame[14:34]

    def arp(self, host: bytes) -> bytes:
        return self._arp + host + b"\0" * 18

    def head(self, host: bytes, mac: bytes) -> tuple[bytes, int]:
        """Ethernet and IP header of a SYN to *host*, and the part of its TCP checksum that does not change."""
        tcp = self._tcp[:16] + b"\0\0" + self._tcp[18:]
        fixed = _sum(self.own_ip + host) + 6 + len(tcp) + _sum(b"\0" * 8 + tcp[8:])
        return mac + self.own_mac + b"\x08\0" + _addressed(self._ip, host), fixed

    def syn(self, head: tuple[bytes, int], host: bytes, port: int, tried: int) -> bytes:
        source = self.base + tried
        number = self.cookies.of(host, port, source)
        total = head[1] + source + port + (number >> 16) + (number & 0xFFFF)
        first = struct.pack("!HHI", source, port, number)
        return (
            head[0] + first + self._tcp[8:16] + struct.pack("!H", _folded(total)) + self._tcp[18:]
        )

    def reset(self, host: bytes, mac: bytes, port: int, tried: int) -> bytes:
        """Ends the connection that try *tried* opened: the peer expects the number after ours (RFC 9293, section 3.10.7.4)."""
        source = self.base + tried
        number = (self.cookies.of(host, port, source) + 1) & 0xFFFFFFFF
        tcp = struct.pack("!HHIIBBHHH", source, port, number, 0, 0x50, _RST, 0, 0, 0)
        total = _sum(self.own_ip + host) + 6 + len(tcp) + _sum(tcp)
        tcp = tcp[:16] + struct.pack("!H", _folded(total)) + tcp[18:]
        return mac + self.own_mac + b"\x08\0" + _addressed(self._reset_ip, host) + tcp

    def echo(self, host: bytes, mac: bytes, tried: int) -> bytes:
        body = struct.pack("!BBHHH", 8, 0, 0, self.ident, self._echo_number(host, tried))
        body += ECHO_DATA
        body = body[:2] + struct.pack("!H", _folded(_sum(body))) + body[4:]
        return mac + self.own_mac + b"\x08\0" + _addressed(self._echo_ip, host) + body

    def _echo_number(self, host: bytes, tried: int) -> int:
        return self.cookies.of(host, ECHO, tried) & 0xFFFF

    def read_arp(self, frame: bytes) -> tuple[bytes, bytes] | None:
        """(address, MAC) of an ARP reply to us."""
        if len(frame) < 42 or frame[12:22] != b"\x08\x06\0\x01\x08\0\x06\x04\0\x02":
            return None
        mac = frame[22:28]
        if frame[38:42] != self.own_ip or mac[0] & 1 or not any(mac):
            return None
        return frame[28:32], mac

    def read_ip(self, frame: bytes) -> TcpAnswer | EchoAnswer | None:
        """What an IPv4 frame answers; its number must be the one we asked with."""
        start = _payload(frame, 14)
        if start is None or frame[12:14] != b"\x08\0" or frame[30:34] != self.own_ip:
            return None
        if frame[23] == 6:
            return self._read_tcp(frame, start)
        if frame[23] == 1:
            return self._read_icmp(frame, start)
        return None

    def _read_tcp(self, frame: bytes, start: int) -> TcpAnswer | None:
        if len(frame) < start + 14:
            return None
        port, source, _, ack = struct.unpack_from("!HHII", frame, start)
        host, flags = frame[26:30], frame[start + 13]
        tried = source - self.base
        if not 0 <= tried < PORTS or not flags & _ACK:
            return None
        if (ack - 1) & 0xFFFFFFFF != self.cookies.of(host, port, source):
            return None
        if flags & _RST:
            return TcpAnswer(host, port, tried, "closed")
        return TcpAnswer(host, port, tried, "open", True) if flags & _SYN else None

    def _read_icmp(self, frame: bytes, start: int) -> TcpAnswer | EchoAnswer | None:
        if len(frame) < start + 8:
            return None
        kind, code = frame[start], frame[start + 1]
        if kind == 0:
            host = frame[26:30]
            ident, number = struct.unpack_from("!HH", frame, start + 4)
            for tried in range(PORTS):
                if ident == self.ident and number == self._echo_number(host, tried):
                    return EchoAnswer(host, tried, frame[22])
            return None
        if kind != 3:
            return None
        # The packet that could not be delivered: its header and eight bytes (RFC 792), enough for ports and number.
        quoted = start + 8
        inner = _payload(frame, quoted)
        if inner is None or len(frame) < inner + 8 or frame[quoted + 9] != 6:
            return None
        source, port, number = struct.unpack_from("!HHI", frame, inner)
        host = frame[quoted + 16 : quoted + 20]
        tried = source - self.base
        if not 0 <= tried < PORTS or frame[quoted + 12 : quoted + 16] != self.own_ip:
            return None
        if number != self.cookies.of(host, port, source):
            return None
        # "Port unreachable" of the host itself is a refusal, as for a kernel that connects.
        return TcpAnswer(host, port, tried, "closed" if code == 3 else "unreachable")


def load_scapy() -> None:
    """Load what `Frames` needs, so that its lack is told before a socket is opened. Raises `ImportError`."""
    without_cryptography()
    from importlib import import_module

    for layer in ("inet", "l2"):
        import_module(f"scapy.layers.{layer}")


def without_cryptography() -> None:
    """scapy loads it where it finds it, for layers we never use; the licence of its OpenSSL does not go with GPL-2.0-only."""
    import sys

    sys.modules.setdefault("cryptography", None)  # type: ignore[arg-type]  # None: "not installed"


def unicast(mac: str) -> bytes:
    """The six octets of *mac*. Raises `ValueError` for what would reach more than one host."""
    octets = bytes.fromhex(mac.replace(":", ""))
    if len(octets) != 6 or octets[0] & 1:
        raise ValueError(f"{mac[:20]} is no MAC of one host")
    return octets


def text_of(mac: bytes) -> str:
    return ":".join(f"{b:02x}" for b in mac)


def checksum(data: bytes) -> int:
    """Internet checksum of an even number of bytes (RFC 1071)."""
    return _folded(_sum(data))


def _addressed(header: bytes, host: bytes) -> bytes:
    plain = header[:10] + b"\0\0" + header[12:16] + host
    return plain[:10] + struct.pack("!H", checksum(plain)) + plain[12:]


def _payload(frame: bytes, at: int) -> int | None:
    """Where the payload of the IPv4 header at *at* begins; None where there is no such header, or in the middle of a packet."""
    if len(frame) < at + 20 or frame[at] >> 4 != 4:
        return None
    length = (frame[at] & 15) * 4
    fragment = int.from_bytes(frame[at + 6 : at + 8], "big") & 0x1FFF
    return at + length if length >= 20 and not fragment else None


def _sum(data: bytes) -> int:
    words: tuple[int, ...] = struct.unpack(f"!{len(data) // 2}H", data)
    return sum(words)


def _folded(total: int) -> int:
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def new_key() -> bytes:
    """For the sequence numbers of one helper process."""
    return secrets.token_bytes(32)
