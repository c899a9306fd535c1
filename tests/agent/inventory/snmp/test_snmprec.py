"""Recordings in snmpsim's format: every kind of line, what is not of the format, bounds; fuzzed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.inventory.snmp import snmprec
from agent.inventory.snmp.snmprec import BadRecording, parse_snmprec

LINES = rb"""# a comment
1.3.6.1.2.1.1.1.0|4|Some | words
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.1
.1.3.6.1.2.1.1.3.0|67|123456
1.3.6.1.2.1.1.4.0|4x|c3a9ff00
1.3.6.1.2.1.1.5.0|4e|a\x41\n\\
1.3.6.1.2.1.1.6.0|4:numeric|4711
1.3.6.1.2.1.1.7.0|2|-72
1.3.6.1.2.1.4.20.1.1.10.0.0.1|64|10.0.0.1
"""


def test_lines() -> None:
    read = parse_snmprec(LINES)
    at = (1, 3, 6, 1, 2, 1, 1)
    assert read.bad == 0
    assert read.values[*at, 1, 0] == (4, b"Some | words")
    assert read.values[*at, 2, 0] == (6, "1.3.6.1.4.1.9.1.1")
    assert read.values[*at, 3, 0] == (67, 123456)
    assert read.values[*at, 4, 0] == (4, b"\xc3\xa9\xff\x00")
    assert read.values[*at, 5, 0] == (4, b"aA\n\\")
    assert read.values[*at, 6, 0] == (4, b"4711")
    assert read.values[*at, 7, 0] == (2, -72)
    assert read.values[1, 3, 6, 1, 2, 1, 4, 20, 1, 1, 10, 0, 0, 1] == (64, "10.0.0.1")


@pytest.mark.parametrize(
    "line",
    [
        b"1.3.6.1|4",
        b"1.3.x|4|a",
        b"1.3.6.1|99|a",
        b"1.3.6.1|4x|zz",
        b"1.3.6.1|2|many",
        b"|4|a",
        b"words",
    ]
    + [b"1." * 200 + b"1|4|a", b"1.99999999999|4|a"],
)
def test_a_line_of_another_format_is_counted(line: bytes) -> None:
    read = parse_snmprec(LINES + line + b"\n")
    assert read.bad == 1
    assert read.values == parse_snmprec(LINES).values


def test_what_is_no_recording_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadRecording, match="no line"):
        parse_snmprec(b"%PDF-1.4\nwords\n")
    assert parse_snmprec(b"").values == {}
    monkeypatch.setattr(snmprec, "MOST_OBJECTS", 3)
    with pytest.raises(BadRecording, match="more than 3 objects"):
        parse_snmprec(LINES)
    monkeypatch.setattr(snmprec, "MOST_OCTETS", 10)
    with pytest.raises(BadRecording, match="more than 10 octets"):
        parse_snmprec(LINES)


@given(st.lists(st.one_of(st.binary(max_size=60), st.sampled_from(LINES.split(b"\n")))))
def test_whatever_is_in_the_file(lines: list[bytes]) -> None:
    try:
        read = parse_snmprec(b"\n".join(lines))
    except BadRecording:
        return
    assert all(isinstance(v, int | str | bytes) for _, v in read.values.values())
