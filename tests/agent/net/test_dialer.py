"""The one door to TCP, against real sockets on loopback: scope, print ports, the port map, how an attempt ends."""

from __future__ import annotations

import asyncio
import errno
import os
import socket

import pytest

from agent.contract import OutOfScope
from agent.net.dialer import LiveDialer
from agent.store.failpoint import NAMES
from tests.agent.net.peers import (
    HOST,
    NEVER,
    SCOPE,
    Books,
    closed_port,
    dialer,
    fast_pacer,
    listening,
    says,
)


@pytest.mark.parametrize(
    "host", [NEVER, "127.90.0.1", "localhost", "10.0.0.1", "::2"], ids=range(5)
)
def test_outside_the_scope_nothing_leaves(host: str) -> None:
    books = Books()

    async def main() -> None:
        d = dialer()
        for act in (d.connect, d.knock):
            with pytest.raises(OutOfScope):
                await act(host, 80, timeout_s=1, emit=books)

    asyncio.run(main())
    assert not books.packets


def test_industrial_ports_are_asked_where_the_engagement_opted_in_only() -> None:
    async def main() -> str:
        books = Books()
        with pytest.raises(OutOfScope, match="industrial"):
            await dialer().knock(HOST, 502, timeout_s=1, emit=books)
        assert not books.packets
        opted = dialer(ot=lambda host: host == HOST)
        return await opted.knock(HOST, 502, timeout_s=1, emit=books)

    assert asyncio.run(main()) == "closed"


@pytest.mark.parametrize("port", [515, 6101, 9100, 9103, 9107, 9200, 502])
def test_not_a_byte_is_written_where_machines_print_or_move(port: int) -> None:
    heard = bytearray()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            heard.extend(data)

    async def main() -> None:
        offset = 20000
        async with listening(handler, port=port + offset):
            d = dialer(offset=offset, ot=lambda _host: True)
            stream = await d.connect(HOST, port, timeout_s=1, emit=Books())
            with pytest.raises(OutOfScope):
                await stream.write(b"\x1b%-12345X")
            with pytest.raises(OutOfScope):
                await stream.start_tls(None, 1)
            await stream.close()
            await asyncio.sleep(0.02)

    asyncio.run(main())
    assert bytes(heard) == b""


def test_the_labs_port_map_is_for_127_only() -> None:
    async def main() -> list[str]:
        d = dialer(offset=20000)
        async with (
            listening(says(b""), port=20999) as four,
            listening(says(b""), host="::1", port=20998) as six,
        ):
            return [
                await d.knock(HOST, four - 20000, timeout_s=1, emit=Books()),
                await d.knock("::1", six - 20000, timeout_s=1, emit=Books()),
                await d.knock("::1", six, timeout_s=1, emit=Books()),
            ]

    assert asyncio.run(main()) == ["open", "closed", "open"]


def test_open_closed_and_silent_ports() -> None:
    full = socket.socket()
    full.bind((HOST, 0))
    full.listen(0)
    # A queue of one is filled: the kernel drops further SYNs.
    fillers = [socket.create_connection(full.getsockname(), 1)]

    async def main() -> list[str]:
        d, books = dialer(), Books()
        async with listening(says(b"hello\n")) as port:
            return [
                await d.knock(HOST, port, timeout_s=0.5, emit=books),
                await d.knock(HOST, closed_port(), timeout_s=0.5, emit=books),
                await d.knock(HOST, full.getsockname()[1], timeout_s=0.5, emit=books),
            ]

    try:
        assert asyncio.run(main()) == ["open", "closed", "silent"]
    finally:
        for sock in (*fillers, full):
            sock.close()


def test_connect_says_how_it_failed() -> None:
    async def main() -> None:
        with pytest.raises(ConnectionRefusedError):
            await dialer().connect(HOST, closed_port(), timeout_s=1, emit=Books())

    asyncio.run(main())


def test_what_this_machine_could_not_ask_is_an_error_and_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_room(_host: str, _window: int) -> socket.socket:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("agent.net.dialer.tcp_socket", no_room)

    async def main() -> None:
        d = dialer(parallel=1)
        for _ in range(3):  # the slot is given back
            with pytest.raises(OSError, match="Too many open files"):
                await d.knock(HOST, 80, timeout_s=1, emit=Books())

    asyncio.run(main())


def test_the_fail_point_lies_after_the_send(monkeypatch: pytest.MonkeyPatch) -> None:
    hits: list[str] = []
    monkeypatch.setattr("agent.net.dialer.hit", hits.append)

    async def main() -> None:
        await dialer().knock(HOST, closed_port(), timeout_s=1, emit=Books())
        with pytest.raises(ConnectionRefusedError):
            await dialer().connect(HOST, closed_port(), timeout_s=1, emit=Books())
        with pytest.raises(OutOfScope):
            await dialer().knock("127.90.0.1", 1, timeout_s=1, emit=Books())

    asyncio.run(main())
    assert hits == ["after-send", "after-send"]
    assert "after-send" in NAMES


def test_the_dialer_shows_no_secret_and_no_live_object() -> None:
    assert "Semaphore" not in repr(LiveDialer(SCOPE, fast_pacer()))
