"""Security identifiers, [MS-DTYP] 2.4.2: bytes <-> `S-1-...`, and those of services, which anybody can compute."""

from __future__ import annotations

import hashlib
import re
import struct

_TEXT = re.compile(r"S-1-(0|[1-9]\d{0,9}|0x[0-9a-f]{12})((?:-\d{1,10}){1,15})\Z")
MOST_PARTS = 15
"""Sub-authorities of one SID ([MS-DTYP] 2.4.2.2)."""


class BadSid(ValueError):
    """These bytes, or this text, are no SID."""


def sid(data: bytes) -> str:
    """The text of a SID that fills *data* to its end. Raises `BadSid`."""
    text, end = sid_at(data, 0)
    if end != len(data):
        raise BadSid(f"{len(data) - end} bytes behind a SID")
    return text


def sid_at(data: bytes, at: int) -> tuple[str, int]:
    """(text, end) of the SID that begins at *at*. Raises `BadSid`."""
    if at < 0 or at + 8 > len(data):
        raise BadSid("cut short")
    revision, count = data[at], data[at + 1]
    end = at + 8 + 4 * count
    if revision != 1 or count > MOST_PARTS or end > len(data):
        raise BadSid(f"revision {revision}, {count} parts, {len(data) - at} bytes")
    authority = int.from_bytes(data[at + 2 : at + 8], "big")
    parts = struct.unpack_from(f"<{count}I", data, at + 8)
    return "-".join(("S-1", _authority(authority), *map(str, parts))), end


def packed(text: str) -> bytes:
    """The bytes of `S-1-...`, as a search filter wants them. Raises `BadSid`."""
    found = _TEXT.match(text)
    if found is None:
        raise BadSid(f"{text[:80]!r} is no SID")
    authority = int(found[1], 0)
    parts = [int(p) for p in found[2][1:].split("-")]
    if any(p >= 1 << 32 for p in parts):
        raise BadSid(f"{text[:80]!r}: a number is too large")
    return (
        bytes((1, len(parts)))
        + authority.to_bytes(6, "big")
        + struct.pack(f"<{len(parts)}I", *parts)
    )


def _authority(number: int) -> str:
    # [MS-DTYP] 2.4.2.1: decimal below 2^32, else twelve hexadecimal digits.
    return str(number) if number < 1 << 32 else f"0x{number:012x}"


def rid(text: str) -> int:
    """Last number of a SID: what names an account or a well-known group within its domain, whatever its language."""
    return int(text.rsplit("-", 1)[1])


def domain_of(text: str) -> str | None:
    """SID of the domain (`S-1-5-21-a-b-c`) of an account's SID; None for those of no domain."""
    parts = text.split("-")
    return "-".join(parts[:7]) if len(parts) == 8 and parts[:4] == ["S", "1", "5", "21"] else None


def service_sid(name: str) -> str:
    """SID of the account `NT SERVICE\\name`: SHA-1 of the upper-case name in UTF-16LE under S-1-5-80 ([MS-DTYP] 2.4.2.4, SERVICE)."""
    digest = hashlib.sha1(name.upper().encode("utf-16-le"), usedforsecurity=False).digest()
    return "-".join(("S-1-5-80", *map(str, struct.unpack("<5I", digest))))
