"""Root pages from real servers: what is read, what is never asked, and how hostile servers end."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import ssl
from pathlib import Path

import pytest

from agent.model.bodies import HttpPage, TcpPort
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from scanners.http_answer import LIMIT
from scanners.murmur import favicon_hash
from scanners.services import conversation, http
from scanners.services.probe import Services
from scanners.services.ways import way
from tests.agent.net.certificates import certificate
from tests.agent.net.peers import HOST, OFFSET, Books, Handler, context, listening, run_unit, says

ICON = b"\x00\x00\x01\x00icon" * 30


def look(handler: Handler, port: int = 80, tls: ssl.SSLContext | None = None) -> Books:
    async def main() -> Books:
        async with listening(handler, port=port + OFFSET, tls=tls):
            return await run_unit(Services(), context([(HOST, TcpPort(port=port))]))

    return asyncio.run(main())


def page_of(books: Books) -> HttpPage:
    (body,) = [b for _, b in books.bodies if isinstance(b, HttpPage)]
    return body


def outcome(books: Books) -> str:
    (answer,) = [a for kind, _, a in books.asks if kind == "http.page"]
    return answer


class Site:
    """A small web server that keeps its requests."""

    def __init__(
        self, root: bytes, icon: bytes = b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
    ) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.pages = {b"/": root, b"/favicon.ico": icon}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
            except asyncio.IncompleteReadError:
                return
            self.requests.append(head)
            writer.write(self.pages[head.split()[1]])
            await writer.drain()


def answer(body: bytes, head: bytes = b"", status: bytes = b"200 OK") -> bytes:
    length = b"Content-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 " + status + b"\r\n" + length + head + b"\r\n" + body


def test_title_server_realm_and_favicon() -> None:
    site = Site(
        answer(
            b"<title>NAS</title>",
            b'Server: nginx\r\nWWW-Authenticate: Basic realm="DSM"\r\n',
            b"401 Unauthorized",
        ),
        answer(ICON, b"Content-Type: image/x-icon\r\n"),
    )
    books = look(site)
    body = page_of(books)
    assert (body.status, body.title, body.server, body.realm) == (401, "NAS", "nginx", "DSM")
    assert body.favicon_sha256 == hashlib.sha256(ICON).hexdigest()
    assert body.favicon_mmh3 == favicon_hash(ICON)
    assert outcome(books) == "answered"
    assert [r.split()[:2] for r in site.requests] == [[b"GET", b"/"], [b"GET", b"/favicon.ico"]]
    assert site.connections == 1
    assert all(b"\r\nHost: " + HOST.encode() + b"\r\n" in r for r in site.requests)


def test_over_tls(tmp_path: Path) -> None:
    pem, _ = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    body = page_of(look(Site(answer(b"<title>Secure</title>")), 443, server))
    assert (body.tls, body.title, body.favicon_mmh3) == (True, "Secure", None)


def test_a_redirect_is_written_down_and_never_followed() -> None:
    async def main() -> tuple[Books, list[bytes]]:
        trap = Site(answer(b"<title>trap</title>"))
        async with listening(trap, port=8080 + OFFSET):
            where = f"http://{HOST}:{8080 + OFFSET}/login?token=abc123".encode()
            site = Site(answer(b"", b"Location: " + where + b"\r\n", b"302 Found"))
            async with listening(site, port=80 + OFFSET):
                books = await run_unit(Services(), context([(HOST, TcpPort(port=80))]))
        return books, trap.requests

    books, trapped = asyncio.run(main())
    assert trapped == []
    assert page_of(books).location == f"http://{HOST}:28080/login?token=[redacted]"


def test_secrets_are_neither_shown_nor_kept() -> None:
    body = b"<title>password=hunter2</title><input type=password value=hunter2>"
    head = b'Set-Cookie: SID=hunter2\r\nWWW-Authenticate: Basic realm="token=hunter2"\r\n'
    packed = gzip.compress(body)
    chunked = b"%x\r\n%s\r\n0\r\n\r\n" % (len(packed), packed)
    raw = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: gzip\r\n"
    raw += head + b"\r\n" + chunked
    books = look(Site(raw))
    assert "hunter2" not in page_of(books).model_dump_json()
    assert b"hunter2" not in (books.raw[0] or b"")
    assert b"<title>password=[redacted]</title>" in (books.raw[0] or b"")
    assert b"\x1f\x8b" not in (books.raw[0] or b"")


def test_printers_and_machines_are_never_spoken_to() -> None:
    ports = sorted(RAW_PRINT_PORTS | OT_PORTS)
    assert {way(port).first for port in ports} == {"never"}
    ctx = context((HOST, TcpPort(port=p)) for p in ports)
    assert list(Services().plan(ctx)) == []


@pytest.mark.parametrize(
    ("said", "told"),
    [(b"SSH-2.0-x\r\n", "negative"), (b"\x15\x03\x01\x00\x02\x02\x46", "negative")],
)
def test_another_protocol_is_a_no(said: bytes, told: str) -> None:
    assert outcome(look(says(said, then="close"))) == told


def test_nothing_said_is_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "WAIT_S", 0.3)
    assert outcome(look(says(b""))) == "silent"
    assert outcome(look(says(b"", then="close"))) == "silent"


def test_a_port_that_closed_since_is_a_no() -> None:
    books = asyncio.run(run_unit(Services(), context([(HOST, TcpPort(port=80))])))
    assert outcome(books) == "negative"


def test_a_page_without_an_end_is_cut_and_said_so() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Filler: " + b"B" * 65000 + b"\r\n")
            await writer.drain()

    books = look(endless)
    assert page_of(books).status == 200
    assert books.caps == [f"the page on port 80 was cut at {LIMIT} bytes, before a title"]


def test_a_cut_after_the_title_hides_nothing() -> None:
    async def long(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<title>long</title>")
        while True:
            writer.write(b"B" * 65000)
            await writer.drain()

    books = look(long)
    assert (page_of(books).title, books.caps) == ("long", [])


def test_a_page_that_drips_ends_in_time_and_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "WHOLE_S", 0.5)
    asked: list[bytes] = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n<title>slow</title>")
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(0.05)

    books = look(drip)
    assert page_of(books).title == "slow"
    assert len(asked) == 1
