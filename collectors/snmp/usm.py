"""SNMPv3 messages under the user-based security model: questions sealed, answers opened and checked (RFC 3412 section 6, RFC 3414).

Pure but for the random salt. Every field that must be the question's own is compared by who asked (`usm_session`).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace

from collectors.snmp.ber import (
    OCTETS,
    SEQUENCE,
    BerError,
    Oid,
    encode,
    encode_integer,
    expect,
)
from collectors.snmp.message import REPORT, RESPONSE, Response, answer_of, read_integer
from collectors.snmp.usm_keys import Keys, UsmError

AUTH, PRIV, REPORTABLE = 1, 2, 4
"""Bits of msgFlags."""
USM = 3
LARGEST = 65507
MOST_TIME = 2**31 - 1
STATS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1)
REPORTS = {
    1: "unsupportedSecLevel",
    2: "notInTimeWindow",
    3: "unknownUserName",
    4: "unknownEngineID",
    5: "wrongDigest",
    6: "decryptionError",
}
"""usmStats counters (RFC 3414 section 5) by their number under `STATS`."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands around a scoped PDU. `scoped` is the bytes of the PDU's element, sealed where `flags` has `PRIV`."""

    ident: int
    flags: int
    engine: bytes
    boots: int
    seconds: int
    user: bytes = field(repr=False)
    digest: bytes = b""
    salt: bytes = b""
    digest_at: int = 0
    scoped: bytes = field(default=b"", repr=False)


def written(e: Envelope, keys: Keys | None = None) -> bytes:
    """The message; sealed and signed with *keys* as `flags` ask."""
    scoped = e.scoped
    if e.flags & PRIV and keys is not None:
        sealed, salt = keys.seal(scoped, e.boots, e.seconds)
        scoped, e = encode(OCTETS, sealed), replace(e, salt=salt)
    room = bytes(keys.digest_octets) if e.flags & AUTH and keys is not None else b""
    header = encode(
        SEQUENCE,
        encode_integer(e.ident)
        + encode_integer(LARGEST)
        + encode(OCTETS, bytes((e.flags,)))
        + encode_integer(USM),
    )
    tail = encode(OCTETS, room) + encode(OCTETS, e.salt)
    security = encode(
        SEQUENCE,
        encode(OCTETS, e.engine)
        + encode_integer(e.boots)
        + encode_integer(e.seconds)
        + encode(OCTETS, e.user)
        + tail,
    )
    whole = encode(SEQUENCE, encode_integer(3) + header + encode(OCTETS, security) + scoped)
    if not room or keys is None:
        return whole
    # The digest stands before the salt and what follows it, all of known length.
    at = len(whole) - len(scoped) - len(tail) + 2
    return whole[:at] + keys.digest(whole) + whole[at + len(room) :]


def scoped_pdu(engine: bytes, context: bytes, pdu: bytes) -> bytes:
    """The element that is sealed: contextEngineID, contextName and *pdu*."""
    return encode(SEQUENCE, encode(OCTETS, engine) + encode(OCTETS, context) + pdu)


def read(data: bytes) -> Envelope:
    """The message in *data*, nothing of it checked or opened. Raises `BerError`."""
    start, end = expect(data, 0, len(data), SEQUENCE)
    if end != len(data):
        raise BerError("octets after the message")
    version, at = read_integer(data, start, end)
    if version != 3:
        raise BerError(f"SNMP version {version} is not read here")
    a, at = expect(data, at, end, SEQUENCE)
    ident, a = read_integer(data, a, at)
    _, a = read_integer(data, a, at)
    flags, a = _octets(data, a, at)
    model, a = read_integer(data, a, at)
    if a != at or len(flags) != 1 or model != USM:
        raise BerError("no message of the user-based security model")
    if flags[0] & (AUTH | PRIV) == PRIV:
        raise BerError("privacy without authentication")
    a, at = expect(data, at, end, OCTETS)
    b, stop = expect(data, a, at, SEQUENCE)
    if stop != at:
        raise BerError("octets after the security parameters")
    engine, b = _octets(data, b, at)
    boots, b = read_integer(data, b, at)
    seconds, b = read_integer(data, b, at)
    user, b = _octets(data, b, at)
    digest_at, b = expect(data, b, at, OCTETS)
    digest = data[digest_at:b]
    salt, b = _octets(data, b, at)
    if b != at or boots < 0 or seconds < 0 or len(user) > 32 or len(engine) > 32:
        raise BerError("security parameters out of their range")
    return Envelope(
        ident, flags[0], engine, boots, seconds, user, digest, salt, digest_at, data[at:end]
    )


def genuine(data: bytes, e: Envelope, keys: Keys) -> bool:
    """Was *data*, read as *e*, signed with *keys*?"""
    size = keys.digest_octets
    if not size or not e.flags & AUTH or len(e.digest) != size:
        return False
    blank = data[: e.digest_at] + bytes(size) + data[e.digest_at + size :]
    return hmac.compare_digest(keys.digest(blank), e.digest)


def opened(e: Envelope, keys: Keys | None) -> tuple[int, bytes, bytes, Response]:
    """(tag, context engine, context name, response or report) in *e*. Raises `BerError`, or `UsmError` where the key does not open it."""
    data = e.scoped
    if e.flags & PRIV:
        if keys is None or not keys.user.privacy:
            raise UsmError("sealed, and there is no key")
        a, b = expect(data, 0, len(data), OCTETS)
        if b != len(data):
            raise BerError("octets after what is sealed")
        data = keys.open(data[a:b], e.salt, e.boots, e.seconds)
    a, end = expect(data, 0, len(data), SEQUENCE)
    if end != len(data) and not e.flags & PRIV:
        raise BerError("octets after the scoped PDU")
    engine, a = _octets(data, a, end)
    name, a = _octets(data, a, end)
    if a >= end or data[a] not in (RESPONSE, REPORT):
        raise BerError("neither response nor report")
    return data[a], engine, name, answer_of(data, a, end, data[a], 1)


def report_of(answer: Response) -> str:
    """Which usmStats counter a report names; empty for another."""
    for row in answer.bindings:
        if row.oid[: len(STATS)] == STATS and len(row.oid) == len(STATS) + 2:
            return REPORTS.get(row.oid[len(STATS)], "")
    return ""


def _octets(data: bytes, at: int, end: int) -> tuple[bytes, int]:
    start, stop = expect(data, at, end, OCTETS)
    return data[start:stop], stop
