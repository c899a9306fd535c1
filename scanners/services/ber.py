"""The little of BER (ITU-T X.690) that LDAP, Kerberos and CredSSP need: one-byte tags, definite lengths. Pure, bounded, strict about ends.

Own code, as the libraries at hand open sockets of their own or build whole object trees from hostile bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanners.not_spoken import NotSpoken

SEQUENCE, SET, INTEGER, OCTETS, ENUMERATED, BOOLEAN = 0x30, 0x31, 0x02, 0x04, 0x0A, 0x01


def element(tag: int, *parts: bytes) -> bytes:
    """One element with *parts* as its content."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def integer(value: int, tag: int = INTEGER) -> bytes:
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def whole(data: bytes) -> int:
    """Bytes of the first element in *data*, header included; 0 while its header is not all there. Raises `NotSpoken`."""
    if len(data) < 2:
        return 0
    first = data[1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    if not 1 <= count <= 4:
        raise NotSpoken("a length that is not definite")
    if len(data) < 2 + count:
        return 0
    return 2 + count + int.from_bytes(data[2 : 2 + count], "big")


def take(data: bytes) -> tuple[int, bytes, bytes]:
    """(tag, content, rest) of the first element. Raises `NotSpoken` where it is cut or has a long tag."""
    size = whole(data)
    if not size or size > len(data) or data[0] & 0x1F == 0x1F:
        raise NotSpoken("an element that is cut")
    head = 2 + (data[1] & 0x7F if data[1] >= 0x80 else 0)
    return data[0], data[head:size], data[size:]


def expect(tag: int, data: bytes) -> tuple[bytes, bytes]:
    """(content, rest) of the first element, which must be a *tag*. Raises `NotSpoken`."""
    found, content, rest = take(data)
    if found != tag:
        raise NotSpoken("another element than expected")
    return content, rest


def parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The elements that make up *data*. Raises `NotSpoken`."""
    while data:
        tag, content, data = take(data)
        yield tag, content


def number(content: bytes) -> int:
    """Raises `NotSpoken` beyond 64 bits."""
    if not 1 <= len(content) <= 9:
        raise NotSpoken("a number that is none")
    return int.from_bytes(content, "big", signed=True)
