"""What is sent to a directory, byte by byte against the standard's own encoding, and filters that would be others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.protocol.rfc4511 import LDAPMessage
from pyasn1.codec.ber.decoder import decode

from collectors.directory import messages
from scanners.services import ber


def test_a_bind_is_that_of_the_standard() -> None:
    told = ber.element(
        0x60, ber.integer(3), ber.element(ber.OCTETS, b"u@x"), ber.element(0x80, "é".encode())
    )
    assert messages.bind(7, "u@x", "é") == ber.element(ber.SEQUENCE, ber.integer(7), told)


def test_starttls_and_goodbye() -> None:
    asked = ber.element(0x77, ber.element(0x80, messages.STARTTLS.encode()))
    assert messages.start_tls(1) == ber.element(ber.SEQUENCE, ber.integer(1), asked)
    assert messages.unbind(2).hex() == "30050201024200"


def test_a_page_brings_its_controls() -> None:
    search = messages.Search("DC=a", 2, messages.present("cn"), ["cn"], descriptors=True)
    first, _ = decode(search.page(3, b""), asn1Spec=LDAPMessage())
    names = [str(c["controlType"]) for c in first["controls"]]
    assert names == [messages.DOMAIN_SCOPE, "1.2.840.113556.1.4.319", "1.2.840.113556.1.4.801"]
    request = first["protocolOp"]["searchRequest"]
    assert (int(request["scope"]), int(request["sizeLimit"]), int(request["derefAliases"])) == (
        2,
        0,
        0,
    )
    assert b"next" in search.page(4, b"next") and b"next" not in search.page(5, b"")
    plain = messages.Search("", 0, messages.present("cn"), ["cn"], paged=False)
    only, _ = decode(plain.page(1, b""), asn1Spec=LDAPMessage())
    assert len(only["controls"]) == 1


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20))
def test_a_value_is_never_more_than_a_value(value: str) -> None:
    page = messages.Search("DC=a", 2, messages.equal("cn", value), ["cn"]).page(1, b"")
    found, _ = decode(page, asn1Spec=LDAPMessage())
    only = found["protocolOp"]["searchRequest"]["filter"]["equalityMatch"]
    assert bytes(only["assertionValue"]).decode() == value


def test_filters_nest() -> None:
    query = messages.both(
        messages.either(messages.equal("a", "1"), messages.present("b")),
        messages.without(messages.present("c")),
    )
    assert query == "(&(|(a=1)(b=*))(!(c=*)))"
    one = ber.element(0xA3, ber.element(ber.OCTETS, b"a"), ber.element(ber.OCTETS, b"1"))
    whole = ber.element(
        0xA0,
        ber.element(0xA1, one, ber.element(0x87, b"b")),
        ber.element(0xA2, ber.element(0x87, b"c")),
    )
    assert whole in messages.Search("DC=a", 2, query, ["cn"]).page(1, b"")


@pytest.mark.parametrize("query", ["(bad", "cn=x)", ""])
def test_a_filter_that_is_none_is_refused(query: str) -> None:
    with pytest.raises(ValueError):
        messages.Search("DC=a", 2, query, ["cn"])
