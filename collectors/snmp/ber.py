"""BER as SNMP uses it (RFC 3417 section 8: definite lengths, primitive strings), strict: what does not nest and end exactly is refused.

Real agents write lengths in the long form and integers with leading octets, so both are read; nothing else is forgiven.
"""

from __future__ import annotations

import re

Oid = tuple[int, ...]

INTEGER, OCTETS, NULL, OID, SEQUENCE = 0x02, 0x04, 0x05, 0x06, 0x30
IP_ADDRESS, COUNTER32, GAUGE32, TIME_TICKS, OPAQUE, COUNTER64 = 0x40, 0x41, 0x42, 0x43, 0x44, 0x46
NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB = 0x80, 0x81, 0x82
"""Tags (RFC 2578 section 7.1, RFC 3416 section 3)."""
MAX_SUB_ID = 0xFFFF_FFFF
MAX_SUB_IDS = 128
"""RFC 2578 section 3.5."""


class BerError(ValueError):
    """The bytes are not what SNMP allows; says what is wrong, never the bytes."""


def header(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """(tag, start of the content, its end) of the element at *at*, which must end by *end*. Raises `BerError`."""
    if at + 2 > end:
        raise BerError("an element without room for tag and length")
    tag, length = data[at], data[at + 1]
    at += 2
    if length & 0x80:
        octets = length & 0x7F
        if not 1 <= octets <= 4 or at + octets > end:
            raise BerError("an indefinite or impossible length")
        length = int.from_bytes(data[at : at + octets], "big")
        at += octets
    if at + length > end:
        raise BerError("an element longer than what holds it")
    return tag, at, at + length


def expect(data: bytes, at: int, end: int, tag: int) -> tuple[int, int]:
    """(start, end) of the content of the element at *at*, which must have *tag*. Raises `BerError`."""
    # The usual short form first: this is the inner loop of every walk.
    if (
        at + 2 <= end
        and data[at] == tag
        and (length := data[at + 1]) < 0x80
        and at + 2 + length <= end
    ):
        return at + 2, at + 2 + length
    found, start, stop = header(data, at, end)
    if found != tag:
        raise BerError(f"tag 0x{found:02x} where 0x{tag:02x} belongs")
    return start, stop


def integer(content: bytes, low: int, high: int) -> int:
    """A two's-complement integer between *low* and *high*. Raises `BerError`."""
    if not 1 <= len(content) <= 9:
        raise BerError("an integer of no or too many octets")
    value = int.from_bytes(content, "big", signed=True)
    if not low <= value <= high:
        raise BerError("an integer out of its range")
    return value


_NAME = re.compile(
    rb"(?:[\x00-\x7f]|[\x81-\xff][\x80-\xff]{0,2}[\x00-\x7f]|[\x81-\x8f][\x80-\xff]{3}[\x00-\x7f])+"
)
_SUB_ID = re.compile(rb"[\x80-\xff]*[\x00-\x7f]")


def check_name(content: bytes) -> None:
    """Is *content* an object identifier (X.690 section 8.19, RFC 2578 section 3.5)? Raises `BerError`."""
    # Of one octet each, or of no more than 32 bits each: nearly every name, told without arithmetic.
    if not content or len(content) >= MAX_SUB_IDS or not _NAME.fullmatch(content):
        oid(content)


def oid(content: bytes) -> Oid:
    """The sub-identifiers in *content* (X.690 section 8.19). Raises `BerError`."""
    if not content:
        raise BerError("an empty object identifier")
    if _NAME.fullmatch(content):
        first, *longer = sub_ids(content)
    else:
        first, *longer = _sub_ids(content)
        if max(longer, default=0) > MAX_SUB_ID:
            raise BerError("a sub-identifier above 32 bits")
    if len(longer) + 2 > MAX_SUB_IDS:
        raise BerError("more sub-identifiers than SNMP allows")
    top = min(first // 40, 2)
    return (top, first - 40 * top, *longer)


def sub_ids(content: bytes) -> Oid:
    """The numbers in *content*, the end of a name that was checked."""
    if content.isascii():
        return tuple(content)
    out: list[int] = []
    for part in _SUB_ID.findall(content):
        number = 0
        for octet in part:
            number = number << 7 | octet & 0x7F
        out.append(number)
    return tuple(out)


def _sub_ids(content: bytes) -> list[int]:
    out: list[int] = []
    value = 0
    fresh = True
    for octet in content:
        if fresh and octet == 0x80:
            raise BerError("a sub-identifier with leading zeros")
        value = value << 7 | (octet & 0x7F)
        if value > MAX_SUB_ID + 80:
            raise BerError("a sub-identifier above 32 bits")
        fresh = octet < 0x80
        if fresh:
            out.append(value)
            value = 0
    if not fresh:
        raise BerError("an object identifier that breaks off")
    return out


def encode(tag: int, content: bytes) -> bytes:
    """One element, its length in the shortest form."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    """*value* in as few octets as two's complement needs."""
    return encode(
        tag, value.to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True)
    )


def encode_oid(value: Oid) -> bytes:
    """Raises `BerError` for what is no object identifier."""
    return encode(OID, oid_content(value))


def oid_content(value: Oid) -> bytes:
    """The content octets of *value*; those of a subtree begin with those of its root. Raises `BerError`."""
    if (
        not 2 <= len(value) <= MAX_SUB_IDS
        or value[0] > 2
        or (value[0] < 2 and value[1] > 39)
        or min(value) < 0
        or max(value) > MAX_SUB_ID
    ):
        raise BerError("no object identifier")
    out = bytearray()
    for number in (value[0] * 40 + value[1], *value[2:]):
        if number < 0x80:
            out.append(number)
            continue
        octets = [number & 0x7F]
        while number := number >> 7:
            octets.append(0x80 | (number & 0x7F))
        out.extend(reversed(octets))
    return bytes(out)
