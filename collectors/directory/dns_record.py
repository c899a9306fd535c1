"""Records of zones that live in the directory: the attribute `dnsRecord`, [MS-DNSP] 2.3.2.2 and 2.2.2.2. Pure.

Most numbers are little-endian, but the time to live and whatever RFC 1035 defines are not.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

_HEAD = struct.Struct("<HHBBHI")
_HEAD_SIZE: Final = 24
_NAMED: Final = {2: "NS", 5: "CNAME", 12: "PTR", 39: "DNAME"}
_TEXTS: Final = {13: "HINFO", 16: "TXT", 19: "X25", 20: "ISDN"}
_MOST_LABELS = 128
_1601_TO_1970_S: Final = 11_644_473_600
_FILETIME_A_SECOND: Final = 10_000_000


class BadRecord(ValueError):
    """These bytes are no DNS record of a directory."""


@dataclass(frozen=True)
class DnsRecord:
    """`type`: mnemonic, or `TYPEn` (RFC 3597) with `data` in hexadecimal. `at_h`: hours since 1601 when it was last refreshed, None for a
    static one. `dead_since_s`: a tombstone, dead since that second of Unix time; then `data` is empty."""

    type: str
    data: str
    ttl_s: int
    serial: int
    at_h: int | None = None
    dead_since_s: int | None = None


def dns_record(value: bytes) -> DnsRecord:
    """One value of `dnsRecord`. Names are absolute, in lower case, without the last dot. Raises `BadRecord`."""
    if len(value) < _HEAD_SIZE:
        raise BadRecord(f"{len(value)} bytes")
    size, kind, version, _, _, serial = _HEAD.unpack_from(value)
    if version != 5 or len(value) < _HEAD_SIZE + size:
        raise BadRecord(f"version {version}, {size} bytes of {len(value) - _HEAD_SIZE}")
    ttl = int.from_bytes(value[12:16], "big")
    hours = int.from_bytes(value[20:24], "little")
    data = value[_HEAD_SIZE : _HEAD_SIZE + size]
    if kind == 0:
        if size != 8:
            raise BadRecord(f"a tombstone of {size} bytes")
        died = int.from_bytes(data, "little") // _FILETIME_A_SECOND - _1601_TO_1970_S
        return DnsRecord("ZERO", "", ttl, serial, hours or None, died)
    name, text = _data(kind, data)
    return DnsRecord(name, text, ttl, serial, hours or None)


def _data(kind: int, data: bytes) -> tuple[str, str]:
    if kind == 1 and len(data) == 4:
        return "A", str(IPv4Address(data))
    if kind == 28 and len(data) == 16:
        return "AAAA", str(IPv6Address(data))
    if kind in _NAMED:
        return _NAMED[kind], _name(data, 0)[0]
    if kind in _TEXTS:
        return _TEXTS[kind], " ".join(_strings(data))
    if kind == 15:
        (preference,) = _numbers(">H", data)
        return "MX", f"{preference} {_name(data, 2)[0]}"
    if kind == 33:
        priority, weight, port = _numbers(">HHH", data)
        return "SRV", f"{priority} {weight} {port} {_name(data, 6)[0]}"
    if kind == 6:
        numbers = _numbers(">IIIII", data)
        server, at = _name(data, 20)
        mailbox, _ = _name(data, at)
        return "SOA", f"{server} {mailbox} {' '.join(map(str, numbers))}"
    if kind in (1, 28):
        raise BadRecord(f"an address of {len(data)} bytes")
    return f"TYPE{kind}", data.hex()


def _numbers(form: str, data: bytes) -> tuple[int, ...]:
    if len(data) < struct.calcsize(form):
        raise BadRecord("cut short")
    return struct.unpack_from(form, data)


def _name(data: bytes, at: int) -> tuple[str, int]:
    """DNS_COUNT_NAME ([MS-DNSP] 2.2.2.2.2): its length, how many labels, the labels, a zero."""
    if at + 2 > len(data):
        raise BadRecord("a name is cut short")
    size, count = data[at], data[at + 1]
    at += 2
    end = at + size
    if end > len(data) or count > _MOST_LABELS:
        raise BadRecord("a name reaches out of its record")
    labels: list[str] = []
    for _ in range(count):
        if at >= end or at + 1 + data[at] > end:
            raise BadRecord("a label reaches out of its name")
        labels.append(_printable(data[at + 1 : at + 1 + data[at]]).replace(".", "\\."))
        at += 1 + data[at]
    return ".".join(labels).lower(), end


def _strings(data: bytes) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(data):
        size = data[at]
        if at + 1 + size > len(data):
            raise BadRecord("a text reaches out of its record")
        out.append('"' + _printable(data[at + 1 : at + 1 + size]).replace('"', '\\"') + '"')
        at += 1 + size
    return out


def _printable(data: bytes) -> str:
    """Text of a zone file: what is not printable ASCII becomes \\DDD (RFC 1035, section 5.1)."""
    return "".join(chr(b) if 32 <= b < 127 and b != 92 else f"\\{b:03d}" for b in data)
