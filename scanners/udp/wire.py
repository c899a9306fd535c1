"""Messages of the DNS family (RFC 1035, 4) as multicast DNS and LLMNR use them: questions to send, records to read. Pure and bounded.

Names are tuples of labels, as a service instance's first label may hold dots and blanks (RFC 6763, 4.3). Class bits of mDNS (RFC 6762,
10.2 and 5.4: cache flush, unicast answer) are taken off. The name server probe uses dnspython instead, which knows more and is larger.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

A, PTR, TXT, AAAA, SRV = 1, 12, 16, 28, 33
IN = 1
UNICAST = 0x8000
MOST_RECORDS = 512
MOST_STRINGS = 64
_HEAD = struct.Struct("!6H")

Name = tuple[str, ...]


class NotDns(ValueError):
    """The bytes are no message of this form; carries none of them."""


@dataclass(frozen=True)
class Record:
    """`target` of PTR and SRV, `port` of SRV, `address` of A and AAAA, `strings` of TXT."""

    name: Name
    kind: int
    target: Name = ()
    port: int = 0
    address: str = ""
    strings: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class Message:
    ident: int
    flags: int
    questions: tuple[tuple[Name, int], ...] = ()
    records: tuple[Record, ...] = field(default=())

    @property
    def is_answer(self) -> bool:
        return bool(self.flags & 0x8000)

    @property
    def code(self) -> int:
        return self.flags & 0x000F


def ask(ident: int, questions: Iterable[tuple[Name, int]], *, unicast: bool = False) -> bytes:
    """A query with *questions*; *unicast* asks for an answer to us alone. Raises `NotDns` for a label that does not fit."""
    asked = list(questions)
    out = _HEAD.pack(ident, 0, len(asked), 0, 0, 0)
    for name, kind in asked:
        out += encode(name) + struct.pack("!HH", kind, IN | (UNICAST if unicast else 0))
    return out


def encode(name: Name) -> bytes:
    """Raises `NotDns` for an empty label, or one of more than 63 bytes."""
    out = b""
    for label in name:
        raw = label.encode("utf-8", "surrogateescape")
        if not 0 < len(raw) < 64:
            raise NotDns("a label that does not fit")
        out += bytes([len(raw)]) + raw
    if len(out) > 254:
        raise NotDns("a name that does not fit")
    return out + b"\0"


def parse(data: bytes) -> Message:
    """Raises `NotDns`."""
    if len(data) < 12:
        raise NotDns("too short")
    ident, flags, *counts = _HEAD.unpack_from(data)
    at = 12
    questions: list[tuple[Name, int]] = []
    if counts[0] > MOST_RECORDS or sum(counts[1:]) > MOST_RECORDS:
        raise NotDns("too many records")
    for _ in range(counts[0]):
        name, at = _name(data, at)
        kind, _ = _unpack("!HH", data, at)
        questions.append((name, kind))
        at += 4
    records: list[Record] = []
    for _ in range(sum(counts[1:])):
        name, at = _name(data, at)
        kind, _, _, length = _unpack("!HHIH", data, at)
        at += 10
        if at + length > len(data):
            raise NotDns("a record that is cut")
        records.append(_record(data, name, kind, at, length))
        at += length
    return Message(ident, flags, tuple(questions), tuple(records))


def _record(data: bytes, name: Name, kind: int, at: int, length: int) -> Record:
    rdata = data[at : at + length]
    if kind == PTR:
        return Record(name, kind, target=_name(data, at)[0])
    if kind == SRV:
        *_, port = _unpack("!HHH", data, at)
        return Record(name, kind, target=_name(data, at + 6)[0], port=port)
    if kind == A and length == 4:
        return Record(name, kind, address=str(IPv4Address(rdata)))
    if kind == AAAA and length == 16:
        return Record(name, kind, address=str(IPv6Address(rdata)))
    if kind == TXT:
        return Record(name, kind, strings=_strings(rdata))
    return Record(name, kind)


def _strings(rdata: bytes) -> tuple[bytes, ...]:
    found: list[bytes] = []
    at = 0
    while at < len(rdata) and len(found) < MOST_STRINGS:
        size = rdata[at]
        found.append(rdata[at + 1 : at + 1 + size])
        at += 1 + size
    return tuple(s for s in found if s)


def _name(data: bytes, at: int) -> tuple[Name, int]:
    """(labels, where the name ends). A pointer leads backwards only, so that no name is without end."""
    labels: list[str] = []
    size, end, limit = 0, 0, at
    while True:
        if at >= len(data):
            raise NotDns("a name that is cut")
        length = data[at]
        if length & 0xC0 == 0xC0:
            (word,) = _unpack("!H", data, at)
            target = word & 0x3FFF
            if target >= limit:
                raise NotDns("a pointer that leads forward")
            end = end or at + 2
            at = limit = target
            continue
        if length & 0xC0:
            raise NotDns("a label of an unknown kind")
        at += 1
        if not length:
            return tuple(labels), end or at
        size += length + 1
        if size > 255 or at + length > len(data):
            raise NotDns("a name that does not fit")
        # Not what UTF-8 cannot say: it must be sent back as it came.
        labels.append(data[at : at + length].decode("utf-8", "surrogateescape"))
        at += length


def _unpack(form: str, data: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error:
        raise NotDns("too short") from None
