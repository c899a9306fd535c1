"""What Windows stores, read as bytes: firmware table, tasks, firewall rules, socket rows, the answer of the WMI script."""

from __future__ import annotations

import json
import socket
import struct
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.endpoint.source import CannotRead
from collectors.endpoint.wanted import Wanted
from collectors.endpoint.windows.asked import answer, centre_state, rows
from collectors.endpoint.windows.firewall import rule
from collectors.endpoint.windows.smbios import Firmware, firmware
from collectors.endpoint.windows.sockets import _TCP4, _TCP6, _UDP6, decoded
from collectors.endpoint.windows.tasks import task

UUID = uuid.UUID("4c4c4544-0058-4b10-8035-b4c04f303031")


def structure(kind: int, body: bytes, *strings: str) -> bytes:
    head = struct.pack("<BBH", kind, 4 + len(body), kind)
    said = b"".join(s.encode() + b"\0" for s in strings)
    return head + body + (said + b"\0" if strings else b"\0\0")


TABLE = (
    structure(0, bytes(14))
    + structure(1, bytes([1, 2, 0, 3]) + UUID.bytes_le + b"\6\0\0", "Dell Inc.", "OptiPlex", "7XK1")
    + structure(3, bytes([1, 0x8A, 0, 2]), "Dell Inc.", "CHASSIS1")
    + structure(127, b"")
)


def test_the_firmware_table() -> None:
    assert firmware(TABLE) == Firmware("Dell Inc.", "OptiPlex", "7XK1", str(UUID), "10")
    for end in range(len(TABLE)):
        assert isinstance(firmware(TABLE[:end]), Firmware)


@given(st.binary(max_size=400))
def test_any_firmware_is_survived(data: bytes) -> None:
    firmware(data)
    firmware(TABLE[:60] + data)


def test_an_action_of_every_kind() -> None:
    text = (
        "<Task><Principals><Principal><GroupId>S-1-5-32-544</GroupId></Principal></Principals>"
        "<Settings><Enabled>false</Enabled></Settings><Actions>"
        "<Exec><Command>C:\\A b\\x.exe</Command></Exec><ComHandler><ClassId>{1}</ClassId></ComHandler>"
        "</Actions></Task>"
    )
    assert list(task("\\T", text.encode(), Wanted())) == [
        ("\\T", '"C:\\A b\\x.exe"', "S-1-5-32-544", "disabled"),
        ("\\T", "COM {1}", "S-1-5-32-544", "disabled"),
    ]


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda t: t.encode("utf-16")))
def test_any_task_is_read_or_refused(data: bytes) -> None:
    try:
        list(task("x", data, Wanted()))
    except ValueError as problem:
        assert str(problem)


@given(st.text(max_size=200))
def test_any_rule_is_survived(text: str) -> None:
    list(rule("x", text))


def test_rows_of_sockets() -> None:
    port = socket.htons(443)
    four = _TCP4.pack(
        5, socket.inet_aton("192.0.2.1"), socket.htons(5000), socket.inet_aton("8.8.8.8"), port, 7
    )
    assert decoded("tcp", 2, _TCP4.unpack(four)) == ("tcp", "192.0.2.1", 5000, "8.8.8.8", 443, 5, 7)
    six = socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    row = _TCP6.pack(six, 0, port, six, 0, port, 2, 9)
    assert decoded("tcp", 23, _TCP6.unpack(row))[:3] == ("tcp", "2001:db8::1", 443)
    assert decoded("udp", 23, _UDP6.unpack(_UDP6.pack(six, 0, port, 9)))[2] == 443


def test_the_answer_of_the_script() -> None:
    said = {
        "consumers": {"rows": {"class": "CommandLineEventConsumer", "name": "x"}},
        "centre": {"error": "CimException"},
        "volumes": {"rows": []},
    }
    told = answer(b"\xef\xbb\xbf" + json.dumps(said).encode())
    assert rows(told, "consumers")[0]["name"] == "x" and rows(told, "volumes") == []
    # What failed is not "none", and what was not answered neither.
    for part in ("centre", "defender"):
        with pytest.raises(CannotRead):
            rows(told, part)
    with pytest.raises(CannotRead):
        answer(b"")


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda c: st.lists(c) | st.dictionaries(st.sampled_from(["consumers", "rows", "error"]), c),
        max_leaves=10,
    ).map(lambda v: json.dumps(v).encode())
)
def test_any_answer_is_read_or_refused(data: bytes) -> None:
    try:
        assert all(isinstance(r, dict) for r in rows(answer(data), "consumers"))
    except CannotRead as problem:
        assert str(problem)


def test_states_of_the_security_centre() -> None:
    # Values that Windows 10 shows for Defender on, off, and on with old signatures.
    assert centre_state(397568) == ("on", "")
    assert centre_state(393472) == ("off", "")
    assert centre_state(397584) == ("on", "outdated")
    assert centre_state("x") == ("unknown", "")
