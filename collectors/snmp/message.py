"""SNMPv1 and v2c messages (RFC 1157, RFC 1901, RFC 3416): requests written, responses read. Only what asks is ever written, never a SET."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from collectors.snmp.ber import (
    COUNTER32,
    COUNTER64,
    END_OF_MIB,
    GAUGE32,
    INTEGER,
    IP_ADDRESS,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    NULL,
    OCTETS,
    OID,
    OPAQUE,
    SEQUENCE,
    TIME_TICKS,
    BerError,
    Oid,
    check_name,
    encode,
    encode_integer,
    expect,
    header,
    integer,
    oid,
)

Version = Literal[0, 1]
"""What the message says: 0 is SNMPv1, 1 is SNMPv2c."""
GET, GET_NEXT, RESPONSE, GET_BULK, REPORT = 0xA0, 0xA1, 0xA2, 0xA5, 0xA8
NO_ERROR, TOO_BIG, NO_SUCH_NAME, GEN_ERR = 0, 1, 2, 5
"""error-status (RFC 3416 section 3)."""
ABSENT = frozenset({NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB})
"""Tags that stand for "there is none"."""
_NULL = encode(NULL, b"")
_UNSIGNED = {COUNTER32: 2**32 - 1, GAUGE32: 2**32 - 1, TIME_TICKS: 2**32 - 1, COUNTER64: 2**64 - 1}
_INT32 = (-(2**31), 2**31 - 1)
MAX_BINDINGS = 10_000

Value = int | bytes | Oid | None
Raw = tuple[bytes, int, bytes]
"""A variable binding that was checked and not decoded: content of the name, tag and content of the value. A walk reads a million."""


class VarBind(NamedTuple):
    """One object and its value; `tag` tells the type, and the three kinds of "there is none" apart."""

    oid: Oid
    tag: int
    value: Value

    @property
    def absent(self) -> bool:
        return self.tag in ABSENT


@dataclass(frozen=True, slots=True)
class Response:
    """`community` stays out of every text that is printed; of SNMPv3 it is empty."""

    version: Version
    community: bytes = field(repr=False)
    request_id: int
    error_status: int
    error_index: int
    raw: list[Raw]
    octets: int = 0
    """Of all the bindings as they came."""

    @property
    def bindings(self) -> tuple[VarBind, ...]:
        """All of `raw`, decoded."""
        return tuple(decoded(row) for row in self.raw)


def decoded(row: Raw) -> VarBind:
    """A checked binding with its name and value as Python has them."""
    name, tag, content = row
    return VarBind(oid(name), tag, value(tag, content))


def request(
    version: Version,
    community: bytes,
    request_id: int,
    names: tuple[bytes, ...],
    *,
    pdu: int = GET,
    repetitions: int = 0,
) -> bytes:
    """A GET, GETNEXT or GETBULK (no non-repeaters) for *names* (contents). Raises `ValueError` for a PDU that is none of them."""
    if pdu == GET_BULK and version == 0:
        raise ValueError("SNMPv1 has no GETBULK: none is ever sent")
    body = question(request_id, names, pdu=pdu, repetitions=repetitions)
    return encode(SEQUENCE, encode_integer(version) + encode(OCTETS, community) + body)


def question(
    request_id: int, names: tuple[bytes, ...], *, pdu: int = GET, repetitions: int = 0
) -> bytes:
    """The PDU of `request`. Raises `ValueError` for one that does not only ask."""
    if pdu not in (GET, GET_NEXT, GET_BULK):
        raise ValueError("only GET, GETNEXT and, from v2c on, GETBULK are ever sent")
    bindings = b"".join([encode(SEQUENCE, encode(OID, n) + _NULL) for n in names])
    body = (
        encode_integer(request_id)
        + b"\x02\x01\x00"
        + encode_integer(repetitions if pdu == GET_BULK else 0)
        + encode(SEQUENCE, bindings)
    )
    return encode(pdu, body)


def response(data: bytes) -> Response:
    """The response in the datagram *data*. Raises `BerError` for anything else, a request or a report included."""
    start, end = expect(data, 0, len(data), SEQUENCE)
    if end != len(data):
        raise BerError("octets after the message")
    version, at = read_integer(data, start, end)
    if version not in (0, 1):
        raise BerError(f"SNMP version {version} is not read here")
    a, at = expect(data, at, end, OCTETS)
    return answer_of(data, at, end, RESPONSE, 0 if version == 0 else 1, data[a:at])


def answer_of(
    data: bytes, at: int, end: int, tag: int, version: Version, community: bytes = b""
) -> Response:
    """The PDU of kind *tag* that fills *data* from *at* to *end*. Raises `BerError`."""
    a, at = expect(data, at, end, tag)
    if at != end:
        raise BerError("octets after the PDU")
    request_id, a = read_integer(data, a, end)
    status, a = read_integer(data, a, end)
    index, a = read_integer(data, a, end)
    a, b = expect(data, a, end, SEQUENCE)
    if b != end:
        raise BerError("octets after the bindings")
    if status < 0 or index < 0:
        raise BerError("a negative error")
    rows = _bindings(data, a, end, version)
    return Response(version, community, request_id, status, index, rows, end - a)


def _bindings(data: bytes, at: int, end: int, version: int) -> list[Raw]:
    out: list[Raw] = []
    while at < end:
        # Nearly all have lengths in the short form: read without a call. What does not fit it exactly goes the long way.
        if (
            at + 8 <= end
            and (size := data[at + 1]) < 0x80
            and (stop := at + 2 + size) <= end
            and (room := data[at + 3]) < 0x80
            and (b := at + 4 + room) + 2 <= stop
            and b + 2 + (octets := data[b + 1]) == stop
            and octets < 0x80
            and data[at] == SEQUENCE
            and data[at + 2] == OID
        ):
            name, tag, content = data[at + 4 : b], data[b], data[b + 2 : stop]
            at = stop
        else:
            start, at = expect(data, at, end, SEQUENCE)
            a, b = expect(data, start, at, OID)
            tag, c, d = header(data, b, at)
            if d != at:
                raise BerError("octets after a value")
            name, content = data[a:b], data[c:d]
            octets, room = d - c, b - a
        if not room or room > 127 or not name.isascii():
            check_name(name)
        if tag == OCTETS or (
            1 <= octets <= 4 and (tag == INTEGER or (0x41 <= tag <= 0x43 and content[0] < 0x80))
        ):
            out.append((name, tag, content))
            continue
        value(tag, content, version)
        out.append((name, tag, content))
    if len(out) > MAX_BINDINGS:
        raise BerError("more bindings than a datagram holds")
    return out


def value(tag: int, content: bytes, version: int = 1) -> Value:
    """The value of *content* under *tag*; bytes for strings and addresses. Raises `BerError` for an unknown type or a wrong range."""
    if tag in (OCTETS, OPAQUE):
        return content
    if tag == INTEGER:
        return integer(content, *_INT32)
    if tag in _UNSIGNED and (tag != COUNTER64 or version == 1):
        return integer(content, 0, _UNSIGNED[tag])
    if tag == OID:
        return oid(content)
    if tag == IP_ADDRESS:
        if len(content) != 4:
            raise BerError("an IpAddress of another length than four")
        return content
    if tag == NULL or (tag in ABSENT and version == 1):
        if content:
            raise BerError("a null with content")
        return None
    raise BerError(f"a value of unknown type 0x{tag:02x}")


def read_integer(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, where it ends) of the 32-bit integer at *at*. Raises `BerError`."""
    start, stop = expect(data, at, end, INTEGER)
    return integer(data[start:stop], *_INT32), stop
