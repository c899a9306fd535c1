"""Just enough of BER (ITU-T X.690) for one SNMPv3 exchange: definite lengths, low tag numbers. Pure and bounded."""

from __future__ import annotations

MOST = 64
"""Elements of one sequence that are read."""

Element = tuple[int, bytes]


class NotBer(ValueError):
    """The bytes are not of this form; carries none of them."""


def tagged(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(raw)]) + raw + content


def sequence(*parts: bytes) -> bytes:
    return tagged(0x30, *parts)


def octets(value: bytes) -> bytes:
    return tagged(0x04, value)


def integer(value: int) -> bytes:
    """A number that is not negative."""
    return tagged(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def element(data: bytes, at: int) -> tuple[int, bytes, int]:
    """(tag, content, where the next one begins). Raises `NotBer`."""
    if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
        raise NotBer("no element")
    tag, size = data[at], data[at + 1]
    at += 2
    if size & 0x80:
        count = size & 0x7F
        if not 0 < count <= 4 or at + count > len(data):
            raise NotBer("a length we do not read")
        size = int.from_bytes(data[at : at + count], "big")
        at += count
    if at + size > len(data):
        raise NotBer("an element that is cut")
    return tag, data[at : at + size], at + size


def only(data: bytes, tag: int) -> bytes:
    """Content of the first element of *data*, which must be a *tag*."""
    found, content, _ = element(data, 0)
    return body((found, content), tag)


def body(found: Element, tag: int) -> bytes:
    """Raises `NotBer` for another tag."""
    if found[0] != tag:
        raise NotBer("another kind of element")
    return found[1]


def number(found: Element) -> int:
    """Raises `NotBer` for no integer, or one beyond 64 bits."""
    content = body(found, 0x02)
    if not 0 < len(content) <= 9:
        raise NotBer("no number")
    return int.from_bytes(content, "big", signed=True)


def children(content: bytes) -> list[Element]:
    found: list[Element] = []
    at = 0
    while at < len(content) and len(found) < MOST:
        tag, inner, at = element(content, at)
        found.append((tag, inner))
    return found
