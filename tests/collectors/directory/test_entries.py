"""The reader of search answers beside ldap3's own decoder, on messages it encoded, whole, in pieces and changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ldap3.protocol import rfc4511
from ldap3.protocol.rfc2696 import paged_search_control
from pyasn1.codec.ber import decoder, encoder
from pyasn1.error import PyAsn1Error

from collectors.directory.entries import Answer, BadAnswer, Done, Entry, Reader, Reference

_NAME = st.from_regex(r"[a-zA-Z][a-zA-Z0-9;-]{0,20}", fullmatch=True)
_VALUES = st.lists(st.binary(max_size=300), max_size=4)
_ATTRIBUTES = st.dictionaries(_NAME, _VALUES, max_size=4)


def _wrap(number: int, name: str, operation: Any, controls: Any = None) -> bytes:
    message = rfc4511.LDAPMessage()
    message["messageID"] = rfc4511.MessageID(number)
    choice = rfc4511.ProtocolOp()
    choice[name] = operation
    message["protocolOp"] = choice
    if controls is not None:
        message["controls"] = controls
    return bytes(encoder.encode(message))


def entry(number: int, dn: bytes, attributes: dict[str, list[bytes]]) -> bytes:
    found = rfc4511.SearchResultEntry()
    found["object"] = rfc4511.LDAPDN(dn)
    rows = rfc4511.PartialAttributeList()
    for i, (name, values) in enumerate(attributes.items()):
        row = rfc4511.PartialAttribute()
        row["type"] = rfc4511.AttributeDescription(name)
        held = rfc4511.Vals()
        for j, value in enumerate(values):
            held[j] = rfc4511.AttributeValue(value)
        row["vals"] = held
        rows[i] = row
    found["attributes"] = rows
    return _wrap(number, "searchResEntry", found)


def done(number: int, code: int, cookie: bytes | None = None) -> bytes:
    over = rfc4511.SearchResultDone()
    over["resultCode"] = rfc4511.ResultCode(code)
    over["matchedDN"] = rfc4511.LDAPDN(b"DC=x")
    over["diagnosticMessage"] = rfc4511.LDAPString(b"so it is")
    if cookie is None:
        return _wrap(number, "searchResDone", over)
    controls = rfc4511.Controls()
    controls[0] = paged_search_control(False, 0, cookie)
    return _wrap(number, "searchResDone", over, controls)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 2**31 - 1), st.binary(max_size=200), _ATTRIBUTES, st.integers(1, 50))
def test_an_entry_comes_out_as_it_went_in(
    number: int, dn: bytes, attributes: dict[str, list[bytes]], piece: int
) -> None:
    data = entry(number, dn, attributes)
    assert Reader().feed(data) == [Entry(number, dn, attributes)]
    reader = Reader()
    out: list[Answer] = []
    for at in range(0, len(data), piece):
        assert out == []
        out += reader.feed(data[at : at + piece])
    assert out == [Entry(number, dn, attributes)]
    assert reader.waiting == 0


def test_the_end_with_and_without_a_page() -> None:
    stream = (
        entry(7, b"CN=a", {"cn": [b"a"]}) + done(7, 0, b"next\0page") + done(7, 0, b"") + done(7, 4)
    )
    told = Reader().feed(stream)
    assert told[0] == Entry(7, b"CN=a", {"cn": [b"a"]})
    assert told[1:] == [
        Done(7, 0, b"DC=x", b"so it is", b"next\0page"),
        Done(7, 0, b"DC=x", b"so it is", b""),
        Done(7, 4, b"DC=x", b"so it is", None),
    ]


def test_references_are_told_and_not_followed() -> None:
    found = rfc4511.SearchResultReference()
    found[0] = rfc4511.URI(b"ldap://other.example/DC=other")
    (told,) = Reader().feed(_wrap(3, "searchResRef", found))
    assert told == Reference(3, (b"ldap://other.example/DC=other",))


@settings(max_examples=150, deadline=None)
@given(
    _ATTRIBUTES,
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=3),
)
def test_changed_bytes_are_refused_or_read_as_pyasn1_reads_them(
    attributes: dict[str, list[bytes]], changes: list[tuple[int, int]]
) -> None:
    data = bytearray(entry(1, b"CN=a,DC=b", attributes))
    for at, value in changes:
        data[at % len(data)] = value
    changed = bytes(data)
    try:
        told = Reader().feed(changed)
    except BadAnswer:
        return
    if not told or not isinstance(told[0], Entry):
        return
    try:
        theirs, _ = decoder.decode(changed, asn1Spec=rfc4511.LDAPMessage())
    except (PyAsn1Error, ValueError, UnicodeError):
        pytest.fail(f"taken though pyasn1 refuses it: {changed.hex()}")
    found = theirs["protocolOp"]["searchResEntry"]
    assert told[0].message == int(theirs["messageID"])
    assert told[0].dn == bytes(found["object"])
    rows: dict[str, list[bytes]] = {}
    for row in found["attributes"]:
        rows.setdefault(bytes(row["type"]).decode(), []).extend(bytes(v) for v in row["vals"])
    assert told[0].attributes == rows


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 40))
def test_any_bytes_are_answers_or_an_error_of_ours(data: bytes, piece: int) -> None:
    for one in (data, b"\x30" + bytes((len(data),)) + data if len(data) < 128 else data):
        reader = Reader()
        try:
            for at in range(0, len(one), piece):
                reader.feed(one[at : at + piece])
        except BadAnswer:
            continue


@pytest.mark.parametrize(
    "head", [b"\x30\x80", b"\x30\x85\1\1\1\1\1", b"\x30\x84\x7f\xff\xff\xff", b"\x04\x01"]
)
def test_lengths_nobody_may_promise(head: bytes) -> None:
    with pytest.raises(BadAnswer):
        Reader().feed(head + b"\0" * 8)
