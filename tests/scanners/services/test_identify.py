"""The flow over all protocols: what is tried where, how often, and what hostile or odd peers cost."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from agent.model.bodies import Banner, HttpPage, TcpPort, TlsCertificate
from agent.model.bodies_services import DatabaseHello, OptionsAnswer, RdpHello, SshHello
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from scanners.services import conversation, http, identify
from scanners.services.probe import MUTE_PORTS, Services
from scanners.services.ways import way
from tests.agent.net.certificates import certificate
from tests.agent.net.peers import HOST, OFFSET, Books, Handler, context, listening, run_unit, says

UNKNOWN = 4567


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "WAIT_S", 0.5)
    monkeypatch.setattr(conversation, "WHOLE_S", 1.0)
    monkeypatch.setattr(conversation, "IMPATIENT_S", 0.2)
    monkeypatch.setattr(identify, "LISTEN_S", 0.5)
    monkeypatch.setattr(identify, "UNKNOWN_S", 0.3)
    monkeypatch.setattr(http, "WHOLE_S", 1.0)


class Counted:
    """A peer that keeps what it was sent, one entry a connection."""

    def __init__(self, inner: Handler) -> None:
        self.inner = inner
        self.heard: list[bytearray] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = bytearray()
        self.heard.append(mine)
        feed = asyncio.StreamReader()

        async def copy() -> None:
            while data := await reader.read(4096):
                mine.extend(data)
                feed.feed_data(data)
            feed.feed_eof()

        copying = asyncio.create_task(copy())
        try:
            await self.inner(feed, writer)
        finally:
            copying.cancel()


def look(*services: tuple[int, Handler], tls: ssl.SSLContext | None = None) -> Books:
    async def main(left: tuple[tuple[int, Handler], ...]) -> Books:
        if left:
            async with listening(left[0][1], port=left[0][0] + OFFSET, tls=tls):
                return await main(left[1:])
        return await run_unit(Services(), context((HOST, TcpPort(port=p)) for p, _ in services))

    return asyncio.run(main(services))


def of(books: Books, kind: type) -> list[object]:
    return [b for _, b in books.bodies if isinstance(b, kind)]


def outcomes(books: Books) -> dict[str, str]:
    return {kind: outcome for kind, _, outcome in books.asks}


async def page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    line = await reader.readline()
    if not line.startswith(b"GET "):
        return
    body = b"<title>found</title>"
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    await reader.read()


def test_a_greeting_on_an_unknown_port_is_recognised() -> None:
    peer = Counted(says(b"SSH-2.0-dropbear_2020.81\r\n"))
    books = look((UNKNOWN, peer))
    (banner,) = of(books, Banner)
    assert isinstance(banner, Banner) and banner.protocol == "ssh"
    assert [bytes(h) for h in peer.heard] == [b"SSH-2.0-handover\r\n"]
    assert outcomes(books) == {"ssh.hello": "silent"}


def test_a_web_server_on_an_unknown_port_is_found_on_one_connection() -> None:
    peer = Counted(page)
    (found,) = of(look((UNKNOWN, peer)), HttpPage)
    assert isinstance(found, HttpPage) and found.title == "found"
    assert len(peer.heard) == 1


def test_tls_on_an_unknown_port_is_found(tmp_path: Path) -> None:
    pem, _ = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    books = look((UNKNOWN, page), tls=server)
    assert len(of(books, TlsCertificate)) == 1
    (found,) = of(books, HttpPage)
    assert isinstance(found, HttpPage) and found.tls


def test_an_unknown_silent_port_is_tried_with_http_and_tls_only() -> None:
    peer = Counted(says(b""))
    books = look((UNKNOWN, peer))
    assert books.bodies == []
    assert len(peer.heard) == 2
    assert bytes(peer.heard[0]).startswith(b"GET / HTTP/1.1\r\n")
    # A TLS record with a ClientHello (RFC 8446, 5.1).
    assert bytes(peer.heard[1][:1]) == b"\x16"


def test_a_known_port_without_a_harmless_question_is_listened_to_only() -> None:
    peers = {port: Counted(says(b"")) for port in (4370, 8728, 10050, 4899)}
    look(*peers.items())
    assert {port: [bytes(h) for h in p.heard] for port, p in peers.items()} == {
        port: [b""] for port in peers
    }


def test_print_and_industrial_ports_are_not_even_connected_to() -> None:
    assert {way(p).first for p in RAW_PRINT_PORTS | OT_PORTS} == {"never"}
    peers = {port: Counted(says(b"")) for port in (515, 502, 9100)}
    look(*peers.items())
    assert [p.heard for p in peers.values()] == [[], [], []]


def test_ssh_on_the_port_of_the_web_is_recognised_by_its_words() -> None:
    books = look((80, says(b"SSH-2.0-OpenSSH_9.2\r\n")))
    assert outcomes(books)["http.page"] == "negative"
    (banner,) = of(books, Banner)
    assert isinstance(banner, Banner) and banner.protocol == "ssh"


def test_the_web_on_the_port_of_rdp_is_recognised_by_its_refusal() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.read(4096)
        status = b"200 OK" if head.startswith(b"GET") else b"400 Bad Request"
        writer.write(b"HTTP/1.1 " + status + b"\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read()

    books = look((3389, refuse))
    assert of(books, RdpHello) == []
    (found,) = of(books, HttpPage)
    assert isinstance(found, HttpPage) and (found.status, found.server) == (200, "nginx")
    assert outcomes(books)["rdp.hello"] == "negative"


def test_whether_nla_is_required_is_asked_on_a_second_connection() -> None:
    async def windows(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readexactly(19)
        nla = request[15] & 2
        answer = "00021f080002000000" if nla else "000300080005000000"
        writer.write(bytes.fromhex("030000130ed000001234" + answer))
        await writer.drain()
        await reader.read(1)

    peer = Counted(windows)
    (found,) = of(look((3389, peer)), RdpHello)
    assert isinstance(found, RdpHello)
    assert (found.security, found.nla, found.nla_required) == ("nla", True, True)
    assert len(peer.heard) == 2
    # Never the third message of NTLM: no name, no password.
    assert not any(b"NTLMSSP\0\x03" in bytes(h) for h in peer.heard)


def test_a_refused_connection_answers_every_question_with_no() -> None:
    ports = (22, 443, 445, 3389)
    books = asyncio.run(run_unit(Services(), context((HOST, TcpPort(port=p)) for p in ports)))
    assert {o for _, _, o in books.asks} == {"negative"}
    assert {k for k, _, _ in books.asks} >= {"banner", "http.page", "smb.hello", "rdp.hello"}


def test_silence_and_hanging_up_are_neither_yes_nor_no() -> None:
    for then in ("stay", "close"):
        books = look(
            (389, says(b"", then=then)), (1433, says(b"", then=then)), (5060, says(b"", then=then))
        )
        assert outcomes(books) == {
            "ldap.rootdse": "silent",
            "database.hello": "silent",
            "options.answer": "silent",
        }
        assert books.bodies == []


def test_a_host_of_mute_ports_costs_ever_less() -> None:
    """A tarpit that accepts on every port: from the seventh on one connection each, nothing tried twice."""
    peers = {4600 + n: Counted(says(b"")) for n in range(MUTE_PORTS + 4)}
    look(*peers.items())
    assert [len(p.heard) for p in peers.values()] == [2] * MUTE_PORTS + [1] * 4


def test_more_ports_than_a_host_has_are_left_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanners.services.probe.MAX_PORTS", 3)
    peers = {4700 + n: Counted(says(b"220 x\r\n")) for n in range(5)}
    books = look(*peers.items())
    assert [len(p.heard) for p in peers.values()] == [1, 1, 1, 0, 0]
    assert books.caps == ["5 open ports; only 3 were asked what they are"]


@pytest.mark.parametrize("port", [22, 80, 389, 443, 3306, 3389, 5432, 6379, UNKNOWN])
@pytest.mark.parametrize("then", ["drip", "flood"])
def test_a_hostile_peer_ends_in_time_and_within_what_was_reserved(port: int, then: str) -> None:
    async def hostile(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"\x00" if then == "drip" else b"\x30\x84\xff\xff" * 4096)
            await writer.drain()
            await asyncio.sleep(0.05 if then == "drip" else 0.001)

    # `run_unit` checks what was sent against what the unit reserved.
    books = look((port, hostile))
    assert of(books, SshHello) == of(books, DatabaseHello) == of(books, OptionsAnswer) == []


def test_secrets_in_what_a_service_says_are_neither_shown_nor_kept() -> None:
    async def camera(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"RTSP/1.0 200 OK\r\nServer: cam password=hunter2\r\n\r\n")
        await reader.read()

    books = look((554, camera))
    assert "[redacted]" in "".join(b.model_dump_json() for _, b in books.bodies)
    assert "hunter2" not in "".join(b.model_dump_json() for _, b in books.bodies)
    assert all(b"hunter2" not in (raw or b"") for raw in books.raw)
