"""Values of attributes -> cells of a table. Pure and lenient: what cannot be read becomes None, never an error.

Times become microseconds UTC of Unix: FILETIME ([MS-DTYP] 2.3.3, 100 ns since 1601) and GeneralizedTime (RFC 4517, 3.3.13).
"""

from __future__ import annotations

import re
from calendar import timegm
from collections.abc import Callable
from typing import Final

from agent.model.bodies_directory import Cell
from collectors.directory.sid import BadSid, sid
from scanners.redaction import redact

Read = Callable[[bytes], Cell]
LONGEST = 1024
_1601_TO_1970_US: Final = 11_644_473_600_000_000
_NEVER: Final = (0, 0x7FFFFFFFFFFFFFFF)
_GENERALIZED = re.compile(rb"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z")
_NUMBER = re.compile(rb"-?\d{1,19}\Z")


def text(value: bytes) -> Cell:
    """Bounded; without control characters."""
    plain = value[: LONGEST * 4].decode("utf-8", "replace")[:LONGEST]
    return "".join(c if c.isprintable() else " " for c in plain)


def free(value: bytes) -> Cell:
    """Text people write as they like: what looks like a password in it is taken out."""
    return text(redact(value[: LONGEST * 4])[0])


def number(value: bytes) -> Cell:
    return int(value) if _NUMBER.match(value) else None


def yes_no(value: bytes) -> Cell:
    return {b"TRUE": 1, b"FALSE": 0}.get(value)


def filetime(value: bytes) -> Cell:
    """0 stays 0: for `pwdLastSet` it means "must change", for `lastLogonTimestamp` never; no end at all is None."""
    told = number(value)
    if not isinstance(told, int) or told == _NEVER[1]:
        return None
    return told // 10 - _1601_TO_1970_US if told > 0 else 0


def span(value: bytes) -> Cell:
    """A duration, in seconds; Active Directory writes it as negative hundreds of nanoseconds. None: for ever."""
    told = number(value)
    if not isinstance(told, int) or told <= -(1 << 63):
        return None
    return -told // 10_000_000


def generalized(value: bytes) -> Cell:
    found = _GENERALIZED.match(value)
    if found is None:
        return None
    return timegm(tuple(map(int, found.groups()))) * 1_000_000


def security_id(value: bytes) -> Cell:
    try:
        return sid(value)
    except BadSid:
        return None


def here(_value: bytes) -> Cell:
    """That there is one; the value is not kept."""
    return 1
