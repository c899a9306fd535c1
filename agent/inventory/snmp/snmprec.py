"""Recordings of agents in the format of snmpsim: a line an object, `OID|TAG|VALUE`.

The tag is the ASN.1 tag in decimal (2, 4, 5, 6, 64 to 70); `x` after it: the value is hexadecimal; `e`: it is escaped as a Python
string; `:` and what follows names a variation module and is read over. Source: https://docs.lextudio.com/snmpsim, "Data file format".
A line that is none of this is counted, not guessed at: recordings of texts with line ends break into such lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agent.inventory.snmp.walk import Oid, Value, oid_of

MOST_OCTETS = 64 * 1024 * 1024
MOST_OBJECTS = 500_000
MOST_ARCS = 128
NUMBERS = frozenset({2, 65, 66, 67, 70})
"""INTEGER, Counter32, Gauge32, TimeTicks, Counter64."""
TAGS = frozenset({2, 4, 5, 6, 64, 65, 66, 67, 68, 70, 71, 128, 129, 130})
_TAG = re.compile(r"(\d{1,3})([xe]{0,2})(?::.*)?", re.DOTALL)
_NUMBER = re.compile(r"-?\d{1,20}")
_ESCAPE = re.compile(rb"\\(x[0-9A-Fa-f]{2}|[0-7]{1,3}|[abfnrtv\\'\"])")
_NAMED = {b"a": b"\a", b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"v": b"\v"}


class BadRecording(ValueError):
    """The file is no recording: too large, too many objects, or not one line of the format."""


@dataclass
class Recording:
    """`values` as `identify` takes them; `bad`: lines that were not of the format."""

    values: dict[Oid, tuple[int, Value]] = field(default_factory=dict[Oid, tuple[int, Value]])
    bad: int = 0


def parse_snmprec(data: bytes) -> Recording:
    """Raises BadRecording."""
    if len(data) > MOST_OCTETS:
        raise BadRecording(f"more than {MOST_OCTETS} octets")
    out = Recording()
    for line in data.replace(b"\r\n", b"\n").split(b"\n"):
        if not line.strip() or line.startswith(b"#"):
            continue
        read = _line(line)
        if read is None:
            out.bad += 1
            continue
        oid, tag, value = read
        out.values[oid] = (tag, value)
        if len(out.values) > MOST_OBJECTS:
            raise BadRecording(f"more than {MOST_OBJECTS} objects")
    if out.bad and not out.values:
        raise BadRecording("no line of the format OID|TAG|VALUE")
    return out


def _line(line: bytes) -> tuple[Oid, int, Value] | None:
    parts = line.split(b"|", 2)
    if len(parts) != 3:
        return None
    oid = oid_of(parts[0].decode("latin-1"))
    said = _TAG.fullmatch(parts[1].decode("latin-1"))
    if not 1 <= len(oid) <= MOST_ARCS or said is None or int(said[1]) not in TAGS:
        return None
    tag, how, octets = int(said[1]), said[2], parts[2]
    if "x" in how:
        try:
            return oid, tag, bytes.fromhex(octets.decode("ascii"))
        except ValueError:
            return None
    if "e" in how:
        return oid, tag, _ESCAPE.sub(_unescape, octets)
    if tag in NUMBERS:
        digits = octets.strip().decode("latin-1")
        return (oid, tag, int(digits)) if _NUMBER.fullmatch(digits) else None
    if tag in (6, 64):
        return oid, tag, octets.decode("latin-1").strip()
    return oid, tag, octets


def _unescape(found: re.Match[bytes]) -> bytes:
    what = found[1]
    if what[:1] == b"x":
        return bytes([int(what[1:], 16)])
    if what[:1].isdigit():
        return bytes([int(what, 8) & 0xFF])
    return _NAMED.get(what, what)
