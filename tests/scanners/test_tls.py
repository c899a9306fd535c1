"""Certificates from real TLS servers, and from bytes that are none."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.bodies import TcpPort, TlsCertificate
from scanners.services import conversation
from scanners.services.probe import Services
from scanners.tls import NotACertificate, parse, said_no
from tests.agent.net.certificates import certificate
from tests.agent.net.peers import HOST, OFFSET, Books, Handler, context, listening, run_unit, says

SAMPLES = [
    p.read_bytes() for p in sorted(Path(__file__).parents[2].glob("fixtures/tls/*/input.bin"))
]


def look(handler: Handler, tls: ssl.SSLContext | None = None) -> Books:
    async def main() -> Books:
        async with listening(handler, port=443 + OFFSET, tls=tls):
            return await run_unit(Services(), context([(HOST, TcpPort(port=443))]))

    return asyncio.run(main())


def outcome(books: Books) -> str:
    ((subject, answer),) = [(s, a) for kind, s, a in books.asks if kind == "tls.certificate"]
    assert subject is not None and subject.value == f"{HOST}/tcp/443"
    return answer


def certificates(books: Books) -> list[TlsCertificate]:
    return [b for _, b in books.bodies if isinstance(b, TlsCertificate)]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "WAIT_S", 0.6)


def test_the_certificate_of_a_real_server(tmp_path: Path) -> None:
    pem, der = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    books = look(says(b""), server)
    (body,) = certificates(books)
    assert (body.subject, body.self_signed, body.key_type, body.key_bits) == (
        "CN=gear",
        True,
        "ec",
        256,
    )
    assert body.tls_version == "TLSv1.3"
    assert der in books.raw
    assert outcome(books) == "answered"


def test_another_protocol_on_the_port_is_a_no() -> None:
    books = look(says(b"HTTP/1.0 400 Bad Request\r\n\r\nplease speak up\r\n" * 5))
    assert (outcome(books), certificates(books)) == ("negative", [])


@pytest.mark.parametrize("then", ["stay", "close"])
def test_nothing_said_is_neither_yes_nor_no(then: str) -> None:
    assert outcome(look(says(b"", then=then))) == "silent"


def test_an_alert_is_a_refusal() -> None:
    """Record of type 21, fatal, handshake_failure (RFC 8446, 6): such as where a client certificate is wanted."""
    assert outcome(look(says(bytes.fromhex("15 0303 0002 02 28")))) == "refused"


def test_a_broken_certificate_is_an_error_and_costs_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken(_port: int, _der: bytes, _version: str) -> TlsCertificate:
        raise NotACertificate("broken")

    monkeypatch.setattr("scanners.services.conversation.parse", broken)
    pem, _ = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    assert outcome(look(says(b""), server)) == "error"


def test_a_port_that_closed_since_is_a_no() -> None:
    books = asyncio.run(run_unit(Services(), context([(HOST, TcpPort(port=443))])))
    assert outcome(books) == "negative"


def test_a_version_we_cannot_do_leaves_it_unread() -> None:
    error = ssl.SSLError(1, "x")
    error.reason = "UNSUPPORTED_PROTOCOL"
    assert said_no(error) == "error"


def test_a_version_that_does_not_exist_is_unreadable() -> None:
    der = SAMPLES[0]
    assert b"\xa0\x03\x02\x01\x02" in der  # [0] INTEGER 2: version 3 (RFC 5280, 4.1.2.1)
    with pytest.raises(NotACertificate):
        parse(443, der.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07"), "")


@given(st.binary(max_size=300))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(NotACertificate):
        parse(443, data, "")


@given(st.data())
def test_damaged_certificates(data: st.DataObject) -> None:
    der = bytearray(data.draw(st.sampled_from(SAMPLES)))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(der) - 1))
        der[at] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(der)))
    for some in (bytes(der), bytes(der[:cut])):
        try:
            body = parse(443, some, "TLSv1")
        except NotACertificate as error:
            assert len(str(error)) < 100
            continue
        assert body.model_dump_json()
