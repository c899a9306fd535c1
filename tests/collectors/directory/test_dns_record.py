"""`dnsRecord` values as Samba's own code packs them, and the same with bytes changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.directory.dns_record import BadRecord, DnsRecord, dns_record
from tests.collectors.directory.samba_oracle import DNS_RECORDS, begin, samba

CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"type": 1, "data": "192.0.2.7"}, "A", "192.0.2.7"),
    ({"type": 28, "data": "2001:db8::7"}, "AAAA", "2001:db8::7"),
    ({"type": 2, "data": "DC1.Corp.Example"}, "NS", "dc1.corp.example"),
    ({"type": 5, "data": "www.example.org"}, "CNAME", "www.example.org"),
    ({"type": 12, "data": "pc7.corp.example"}, "PTR", "pc7.corp.example"),
    ({"type": 15, "data": [10, "mail.former.example"]}, "MX", "10 mail.former.example"),
    ({"type": 33, "data": [0, 100, 389, "dc1.corp.example"]}, "SRV", "0 100 389 dc1.corp.example"),
    ({"type": 16, "data": ["v=spf1 -all", 'a "b"']}, "TXT", '"v=spf1 -all" "a \\"b\\""'),
    (
        {"type": 6, "data": ["dc1.corp.example", "admin.corp.example", 42, 900, 600, 86400, 3600]},
        "SOA",
        "dc1.corp.example admin.corp.example 42 900 600 86400 3600",
    ),
]


@pytest.fixture(scope="module")
def packed() -> Iterator[list[bytes]]:
    asked = "".join(json.dumps({**c[0], "at": 3_700_000}) + "\n" for c in CASES)
    done, _ = begin(DNS_RECORDS).communicate(asked.encode())
    yield [bytes.fromhex(line) for line in done.decode().split()]


@samba
@pytest.mark.parametrize("which", range(len(CASES)), ids=[c[1] for c in CASES])
def test_as_samba_packs_it(packed: list[bytes], which: int) -> None:
    _, kind, data = CASES[which]
    assert dns_record(packed[which]) == DnsRecord(kind, data, 900, 7, 3_700_000)
    for end in range(len(packed[which])):
        with pytest.raises(BadRecord):
            dns_record(packed[which][:end])


def _value(kind: int, data: bytes, hours: int = 0) -> bytes:
    head = (
        len(data).to_bytes(2, "little") + kind.to_bytes(2, "little") + b"\5\xf0\0\0" + b"\1\0\0\0"
    )
    return head + (3600).to_bytes(4, "big") + b"\0\0\0\0" + hours.to_bytes(4, "little") + data


def test_a_tombstone_is_dead_and_says_since_when() -> None:
    """2026-01-01T00:00:00Z as a FILETIME."""
    died = (1_767_225_600 + 11_644_473_600) * 10_000_000
    told = dns_record(_value(0, died.to_bytes(8, "little")))
    assert told == DnsRecord("ZERO", "", 3600, 1, None, 1_767_225_600)


def test_a_kind_nobody_knows_keeps_its_bytes() -> None:
    assert dns_record(_value(257, b"\0\5issueca")) == DnsRecord(
        "TYPE257", "000569737375656361", 3600, 1
    )


def test_what_is_not_ascii_is_escaped() -> None:
    name = bytes((9, 2, 3)) + b"a\xff." + bytes((3,)) + b"com" + b"\0"
    assert dns_record(_value(5, name)).data == "a\\255\\..com"


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (1, b"\1\2\3"),
        (28, b"\0" * 15),
        (0, b"\0" * 7),
        (15, b"\0"),
        (5, b"\xff\1\1a"),
        (5, b"\4\3\1a\1b\0"),
        (16, b"\5abc"),
    ],
)
def test_records_that_are_none(kind: int, data: bytes) -> None:
    with pytest.raises(BadRecord):
        dns_record(_value(kind, data))


@given(st.sampled_from([0, 1, 2, 5, 6, 12, 13, 15, 16, 28, 33, 39, 65281]), st.binary(max_size=120))
def test_any_bytes_are_a_record_or_an_error_of_ours(kind: int, data: bytes) -> None:
    for value in (data, _value(kind, data)):
        try:
            told = dns_record(value)
        except BadRecord:
            continue
        assert told.data.isprintable()
