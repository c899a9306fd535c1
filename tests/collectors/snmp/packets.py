"""Responses as agents write them, of our own making: the ground for mutation."""

from __future__ import annotations

import random

from collectors.snmp import ber
from collectors.snmp.ber import OCTETS, SEQUENCE, Oid, encode, encode_integer, encode_oid
from collectors.snmp.message import RESPONSE

SYS: Oid = (1, 3, 6, 1, 2, 1, 1)
VALUES = (
    encode(OCTETS, b"Cisco IOS Software, C2960X"),
    encode(OCTETS, b""),
    encode(OCTETS, bytes(range(256))),
    encode_integer(0),
    encode_integer(-(2**31)),
    encode_integer(2**31 - 1),
    encode(ber.COUNTER32, b"\0\xff\xff\xff\xff"),
    encode(ber.GAUGE32, b"\0"),
    encode(ber.TIME_TICKS, b"\x7f\xff\xff\xff"),
    encode(ber.COUNTER64, b"\0" + b"\xff" * 8),
    encode(ber.IP_ADDRESS, b"\xc0\xa8\x07\x01"),
    encode(ber.OPAQUE, b"\x9f\x78\x04\x3f\x80\0\0"),
    encode_oid((1, 3, 6, 1, 4, 1, 9, 1, 1208)),
    encode_oid((2, 100, 3)),
    encode_oid((0, 0)),
    encode(ber.NULL, b""),
    encode(ber.NO_SUCH_OBJECT, b""),
    encode(ber.NO_SUCH_INSTANCE, b""),
    encode(ber.END_OF_MIB, b""),
)
V1_VALUES = tuple(v for v in VALUES if v[0] < 0x80 and v[0] != ber.COUNTER64)
OIDS: tuple[Oid, ...] = (
    (*SYS, 1, 0),
    (1, 3, 6, 1, 2, 1, 17, 4, 3, 1, 2, 0, 27, 33, 200, 128, 255),
    (1, 3, 6, 1, 4, 1, 4294967295),
    (1, 0, 8802, 1, 1, 2, 1, 4, 1, 1, 9, 0, 5, 1),
    (1, 3, *range(126)),
)


def packet(
    version: int,
    bindings: list[tuple[Oid, bytes]],
    *,
    status: int = 0,
    index: int = 0,
    request_id: int = 0x1234567,
    community: bytes = b"s3cret",
) -> bytes:
    rows = b"".join(encode(SEQUENCE, encode_oid(o) + v) for o, v in bindings)
    body = (
        encode_integer(request_id)
        + encode_integer(status)
        + encode_integer(index)
        + encode(SEQUENCE, rows)
    )
    head = encode_integer(version) + encode(OCTETS, community)
    return encode(SEQUENCE, head + encode(RESPONSE, body))


def samples() -> list[bytes]:
    """Responses of both versions, with every type of value."""
    out = [
        packet(1, []),
        packet(0, [(OIDS[0], VALUES[-4])], status=2, index=1),
        packet(1, [(o, v) for o in OIDS for v in VALUES[:6]]),
    ]
    for version, values in ((0, V1_VALUES), (1, VALUES)):
        out += [packet(version, [(o, v)]) for o in OIDS for v in values]
        out.append(packet(version, [(OIDS[i % len(OIDS)], v) for i, v in enumerate(values)]))
    return out


def mutated(data: bytes, dice: random.Random) -> bytes:
    """*data* with a few octets changed, inserted, removed or cut off; mostly in ways that keep some structure."""
    raw = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        at = dice.randrange(len(raw))
        what = dice.randrange(6)
        if what == 0:
            raw[at] = dice.randrange(256)
        elif what == 1:
            raw[at] = dice.choice(
                (0, 1, 2, 4, 5, 6, 0x30, 0x40, 0x41, 0x46, 0x7F, 0x80, 0x82, 0xA2, 0xFF)
            )
        elif what == 2:
            raw[at] = (raw[at] + dice.choice((-1, 1))) % 256
        elif what == 3:
            raw.insert(at, dice.randrange(256))
        elif what == 4 and len(raw) > 1:
            del raw[at]
        elif len(raw) > 2:
            del raw[at : None if dice.random() < 0.5 else at + dice.randrange(1, 8)]
        if not raw:
            raw.append(0)
    return bytes(raw)
