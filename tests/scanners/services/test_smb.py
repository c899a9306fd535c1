"""The SMB probe against real sockets: the lab's file servers, and peers that misbehave. Parsing against the words of [MS-SMB2]."""

from __future__ import annotations

import asyncio
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.bodies import Banner, TcpPort
from agent.model.bodies_services import SmbHello
from agent.model.status import AskOutcome
from fixtures.lab.smb import negotiate
from scanners.services import conversation, smb
from scanners.services.probe import PACKETS, Services
from scanners.services.smb import Negotiated, NotSmb, banner, parse, request_1, request_2, wanted
from tests.agent.net.peers import HOST, OFFSET, Books, Handler, context, listening, run_unit

Looked = tuple[list[Banner], list[str], Books]


def look(peer: Handler) -> Looked:
    """What the probe says of *peer*, how its question ended, and its books."""

    async def main() -> Books:
        async with listening(peer, port=445 + OFFSET):
            return await run_unit(Services(), context([(HOST, TcpPort(port=445))]))

    books = asyncio.run(main())
    bodies = [b for _, b in books.bodies if isinstance(b, Banner)]
    return bodies, [a for kind, _, a in books.asks if kind == "banner"], books


def hello(books: Books) -> SmbHello:
    (found,) = [b for _, b in books.bodies if isinstance(b, SmbHello)]
    return found


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "WAIT_S", 0.4)
    monkeypatch.setattr(conversation, "WHOLE_S", 1.2)


def file_server(with_smb1: bool) -> Handler:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            size = int.from_bytes((await reader.readexactly(4))[1:], "big")
            answer = negotiate(await reader.readexactly(size), "SRV", with_smb1)
            if answer:
                writer.write(len(answer).to_bytes(4, "big") + answer)
                await writer.drain()
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    return serve


def test_a_server_that_accepts_smb1_is_called_by_it() -> None:
    (body,), outcomes, books = look(file_server(with_smb1=True))
    assert body.protocol == "SMBv1"
    assert body.text == "SMBv1 (NT LM 0.12); SMB 3.0.2"
    assert outcomes == ["answered"]
    found = hello(books)
    assert (found.smb1, found.dialect, found.signing_required) == (True, "SMB 3.0.2", False)


def test_a_server_without_smb1_hangs_up_on_it() -> None:
    (body,), outcomes, books = look(file_server(with_smb1=False))
    assert hello(books).smb1 is False
    assert (body.protocol, body.text) == ("SMB 3.0.2", "SMB 3.0.2")
    assert outcomes == ["answered"]


@pytest.mark.parametrize(
    ("words", "then", "outcome"),
    [
        (b"220 not a file server\r\n", "close", "negative"),
        (b"", "close", "negative"),
        (b"\0\0\0\xff\xffSMB", "stall", "silent"),
        (b"", "stall", "silent"),
        (b"\0\0\xff\xff\xfeSMB", "drip", "silent"),
        (b"\0\xff\xff\xff\xffSMB", "flood", "negative"),
    ],
)
def test_a_peer_that_misbehaves_costs_little_and_clears_nothing(
    words: bytes, then: str, outcome: str
) -> None:
    fed = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal fed
        try:
            await reader.read(512)
            writer.write(words)
            while then != "close":
                if then == "flood":
                    writer.write(b"A" * 4096)
                elif then == "drip":
                    writer.write(b"B")
                await writer.drain()
                fed += 1
                await asyncio.sleep(0.001 if then == "flood" else 0.1)
        except ConnectionError:
            pass
        finally:
            writer.close()

    bodies, outcomes, books = look(serve)
    assert [b for b in bodies if "SMB" in b.protocol] == []
    assert outcomes == [outcome]
    assert sum(books.packets.values()) <= PACKETS
    assert fed < 500


@pytest.mark.parametrize(
    ("old", "new", "whole"),
    [
        ("negative", "answered", "answered"),
        ("answered", "negative", "answered"),
        ("negative", "negative", "negative"),
        ("silent", "answered", "silent"),
        ("answered", "silent", "silent"),
        ("silent", "error", "error"),
    ],
)
def test_half_an_answer_leaves_the_question_open(
    old: AskOutcome, new: AskOutcome, whole: AskOutcome
) -> None:
    assert smb.both(old, new) == whole


def test_what_windows_answers() -> None:
    """A negotiation as [MS-SMB2] 4.1 prints it: 3.1.1, signing enabled or required; and a refusal."""

    def answer(dialect: int, mode: int, status: int = 0) -> bytes:
        head = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16x", 64, 0, status, 0, 1, 1, 0, 0, 0, 0, 0)
        body = struct.pack("<HHHH", 65, mode, dialect, 2) + bytes(56)
        return (len(head) + len(body)).to_bytes(4, "big") + head + body

    assert parse(answer(0x0311, 1)) == Negotiated("SMB 3.1.1", signing=False)
    assert parse(answer(0x0210, 3)) == Negotiated("SMB 2.1", signing=True)
    for bad in (answer(0x0311, 1, 0xC000000D), answer(0x02FF, 1), answer(0x0311, 1)[:60]):
        with pytest.raises(NotSmb):
            parse(bad)


def test_an_smb1_server_that_takes_none_of_the_dialects() -> None:
    head = b"\xffSMB\x72" + bytes(27)
    refusal = head + b"\x01\xff\xff\0\0"
    with pytest.raises(NotSmb):
        parse(len(refusal).to_bytes(4, "big") + refusal)


def test_signing_is_said() -> None:
    assert (
        banner(445, None, Negotiated("SMB 3.1.1", signing=True)).text
        == "SMB 3.1.1, signing required"
    )


def test_requests_are_framed_and_aligned() -> None:
    for request in (request_1(), request_2()):
        assert int.from_bytes(request[:4], "big") == len(request) - 4
    second = request_2()[4:]
    offset, count = struct.unpack_from("<IH", second, 64 + 28)
    assert (offset % 8, count) == (0, 2)
    # The contexts follow each other at multiples of eight and end with the message ([MS-SMB2] 2.2.3.1).
    for number in range(count):
        kind, size = struct.unpack_from("<HH", second, offset)
        assert kind == number + 1
        offset += 8 + size + (-size % 8 if number + 1 < count else 0)
    assert offset == len(second)
    assert b"NT LM 0.12" in request_1()
    assert b"SMB 2" not in request_1()


@settings(deadline=None)
@given(
    st.binary(max_size=200)
    | st.builds(
        bytes.__add__,
        st.sampled_from([b"\0\0\0\x80\xffSMB\x72", b"\0\0\0\x80\xfeSMB\x40\0"]),
        st.binary(max_size=200),
    )
)
def test_any_bytes(data: bytes) -> None:
    assert 4 <= wanted(data) <= smb.LIMIT
    try:
        found = parse(data)
    except NotSmb:
        return
    assert banner(445, found, None).protocol == "SMBv1"
    assert found.name
