"""Banners from real listeners: what greets, stalls, drips, floods or hangs up, read within the limits."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.bodies import Banner, TcpPort
from scanners.banner import LIMIT, finished, parse
from scanners.services import conversation
from scanners.services.probe import Services
from tests.agent.net.peers import HOST, OFFSET, Books, Handler, context, listening, run_unit, says


def look(*services: tuple[int, Handler]) -> Books:
    """Listen with *services* (port of the catalogue, handler) on one host and run the probe."""

    async def main(left: tuple[tuple[int, Handler], ...]) -> Books:
        if left:
            async with listening(left[0][1], port=left[0][0] + OFFSET):
                return await main(left[1:])
        ctx = context((HOST, TcpPort(port=port)) for port, _ in services)
        return await run_unit(Services(), ctx)

    return asyncio.run(main(services))


def banners(books: Books) -> dict[int, Banner]:
    return {b.port: b for _, b in books.bodies if isinstance(b, Banner)}


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "WAIT_S", 0.6)


def outcomes(books: Books) -> list[str]:
    return [a for kind, _, a in books.asks if kind == "banner"]


def test_greetings_are_read_line_by_line() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        writer.write(b"220-one\r\n")
        await writer.drain()
        await asyncio.sleep(0.1)
        writer.write(b"220 FTP two\r\n")
        await reader.read()

    books = look(
        (22, says(b"SSH-2.0-OpenSSH_9.2p1\r\n")),
        (21, late),
        (5900, says(b"RFB 003.008\n", then="close")),
    )
    found = banners(books)
    assert found[22].text == "SSH-2.0-OpenSSH_9.2p1\r\n"
    assert found[21].text == "220-one\r\n220 FTP two\r\n"
    assert (found[5900].protocol, found[5900].truncated) == ("vnc", False)
    assert outcomes(books) == ["answered"] * 3


def test_a_flood_is_not_answered() -> None:
    """What breaks the rules of a greeting is kept and left alone."""
    heard = bytearray()

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 " + b"A" * 5000)
        heard.extend(await reader.read(100))

    look((21, flood))
    assert bytes(heard) == b""


def test_a_service_that_says_nothing_or_hangs_up_is_silent() -> None:
    books = look((22, says(b"")), (21, says(b"", then="close")))
    assert books.bodies == []
    assert outcomes(books) == ["silent"] * 2


def test_a_port_that_closed_since_is_a_no() -> None:
    books = asyncio.run(run_unit(Services(), context([(HOST, TcpPort(port=22))])))
    assert outcomes(books) == ["negative"]


def test_an_endless_service_is_cut_and_the_cut_is_shown() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"A" * 65536)
            await writer.drain()

    (found,) = banners(look((21, endless))).values()
    assert (len(found.text), found.truncated) == (LIMIT, True)


def test_a_dripping_service_ends_in_time() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.1)

    (found,) = banners(look((22, drip))).values()
    assert 10 <= len(found.text) <= 40


def test_a_secret_in_a_greeting_is_neither_shown_nor_kept() -> None:
    books = look((21, says(b"220 FTP ready, password=hunter2\r\n")))
    (found,) = banners(books).values()
    assert "hunter2" not in found.text
    assert b"hunter2" not in (books.raw[0] or b"")


@given(st.integers(1, 65535), st.binary(max_size=5000))
def test_any_bytes_are_a_banner(port: int, data: bytes) -> None:
    body = parse(port, data)
    assert len(body.text) <= LIMIT
    assert body.truncated is (len(data) > LIMIT)
    assert body.model_dump_json()
    finished(port, data)


@given(
    st.sampled_from([21, 22, 23, 25, 3306]),
    st.lists(
        st.sampled_from([b"SSH-2.0-", b"220 ", b"\xff\xfb\x01", b"\xff\xfa", b"\xff\xf0", b"\n"])
        | st.sampled_from([b"\x05\0\0\0\x0a", b"\x05\0\0\0\xff\x6a\x04", b"\0", b"RFB "]),
        max_size=12,
    ),
)
def test_pieces_of_protocols_in_any_order(port: int, pieces: list[bytes]) -> None:
    assert parse(port, b"".join(pieces)).port == port


@pytest.mark.parametrize(
    ("port", "data", "done"),
    [
        (21, b"220-a\r\n", False),
        (21, b"220 a\r\n", True),
        (21, b"220 a", False),
        (22, b"motd\r\n", False),
        (22, b"motd\r\nSSH-2.0-x\r\n", True),
        (23, b"\xff\xfb\x01\n", False),
    ],
)
def test_when_a_greeting_is_over(port: int, data: bytes, done: bool) -> None:
    assert finished(port, data) is done
