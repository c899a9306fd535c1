"""What the dialer books against what was on the wire: never below, and exact where the number can be known."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from agent.contract import OutOfScope
from agent.net.sockets import segments_out
from fixtures.lab.pcap import PcapError, _frame
from tests.agent.net.peers import HOST, Books, closed_port, dialer, listening, says

OUTGOING = 4
"""PACKET_OUTGOING (linux/if_packet.h): on the loopback every frame is seen twice."""


class Wire:
    """TCP frames to *HOST* that left, by port: seen by a packet socket, not by the product."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._count = sock, dict[int, int]()

    def to(self, port: int) -> int:
        time.sleep(0.05)  # the frames of a moment ago
        while True:
            try:
                frame, where = self._sock.recvfrom(65536)
            except BlockingIOError:
                return self._count.get(port, 0)
            if where[2] != OUTGOING:
                continue
            try:
                packet = _frame(frame, 0, len(frame))
            except PcapError:
                continue
            if packet.proto == "tcp" and packet.dst == HOST:
                self._count[packet.dport] = self._count.get(packet.dport, 0) + 1


@contextmanager
def wire() -> Generator[Wire, None, None]:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 23)
        sock.bind(("lo", 3))
        sock.setblocking(False)
        yield Wire(sock)


@contextmanager
def silent_port() -> Generator[int, None, None]:
    """A queue of one that is full: the kernel drops further SYNs."""
    with socket.socket() as full:
        full.bind((HOST, 0))
        full.listen(0)
        with socket.create_connection(full.getsockname(), 1):
            yield int(full.getsockname()[1])


@pytest.mark.root
def test_knocks_are_counted_as_they_were_on_the_wire() -> None:
    async def main(seen: Wire, silent: int) -> None:
        d = dialer()
        async with listening(says(b"")) as port:
            shut, told = closed_port(), list[tuple[int, int]]()
            for knocked in (silent, shut, port, silent):
                before = seen.to(knocked)
                books = Books()
                await d.knock(HOST, knocked, timeout_s=0.3, emit=books)
                told.append((books.packets[HOST, "tcp"], seen.to(knocked) - before))
            # Of a host that never answered nobody knows how late it does: one reset may follow. Beside the reset of an open port,
            # two more may be needed for a greeting under way.
            assert told == [(2, 1), (1, 1), (5, 3), (1, 1)]

    with silent_port() as port, wire() as seen:
        asyncio.run(main(seen, port))


@pytest.mark.root
def test_a_time_out_that_comes_late_is_counted_with_the_syn_it_cost() -> None:
    async def main(seen: Wire, silent: int) -> None:
        d, books = dialer(), Books()
        await d.knock(HOST, closed_port(), timeout_s=0.9, emit=Books())
        # A busy machine: the kernel has sent its SYN again before we look.
        asyncio.get_running_loop().call_later(0.1, time.sleep, 1.4)
        before = seen.to(silent)
        assert await d.knock(HOST, silent, timeout_s=0.9, emit=books) == "silent"
        assert books.packets[HOST, "tcp"] == seen.to(silent) - before == 2

    with silent_port() as port, wire() as seen:
        asyncio.run(main(seen, port))


@pytest.mark.root
def test_a_connection_is_counted_as_it_was_on_the_wire() -> None:
    async def chatty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(1)
        for _ in range(40):
            writer.write(b"y" * 700)
            await writer.drain()
            await asyncio.sleep(0.001)
        writer.close()
        await writer.wait_closed()

    async def main(seen: Wire) -> None:
        async with listening(chatty) as port:
            books = Books()
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=books)
            await stream.write(b"x")
            while await stream.read(1000, 1):
                pass
            await stream.close()
            assert books.packets[HOST, "tcp"] == seen.to(port) >= 5

    with wire() as seen:
        asyncio.run(main(seen))


@pytest.mark.root
@pytest.mark.parametrize("reserve", [60, 1_000_000])
def test_a_peer_that_makes_us_acknowledge_byte_by_byte_is_left_in_time(reserve: int) -> None:
    """The reservation holds on the wire too: it is all that counts after a kill."""

    async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(400):
            writer.write(b"y")
            await asyncio.sleep(0.001)
        await reader.read()

    async def main(seen: Wire) -> None:
        async with listening(drips) as port:
            books, got, error = Books(reserve=reserve), b"", ""
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=books)
            try:
                while len(got) < 400:
                    got += await stream.read(1, 1)
            except ConnectionAbortedError as cut:
                error = str(cut)
            await stream.close()
            left = seen.to(port)
            assert left <= books.packets[HOST, "tcp"] <= reserve
            assert bool(error) == (reserve < 400) == bool(books.caps)
            assert got

    with wire() as seen:
        asyncio.run(main(seen))


def test_what_left_is_booked_above_the_reservation_and_after_the_units_end() -> None:
    async def main() -> tuple[int, int, bool]:
        d = dialer(parallel=1)
        async with listening(says(b"y" * 20_000)) as port:
            books = Books(reserve=9)
            stream = await d.connect(HOST, port, timeout_s=1, emit=books)
            books.end()
            # The kernel goes on acknowledging, whatever the ledger allows.
            for _ in range(30):
                await asyncio.sleep(0.001)
                stream._sock.recv(200)
            out = segments_out(stream._sock) or 0
            await stream.close()
            return out, books.packets[HOST, "tcp"], d._slots.locked()

    out, booked, locked = asyncio.run(main())
    assert out >= 3
    assert booked > out
    assert not locked


def test_a_stream_that_is_not_closed_leaves_its_number_open() -> None:
    async def main() -> tuple[bool, bool]:
        async with listening(says(b"hello\n")) as port:
            books = Books()
            stream = await dialer().connect(HOST, port, timeout_s=1, emit=books)
            before = books.count.counting
            await stream.close()
            return before, books.count.counting

    assert asyncio.run(main()) == (True, False)


def test_the_reservation_is_a_limit() -> None:
    async def main() -> None:
        async with listening(says(b"hello\n")) as port:
            with pytest.raises(OutOfScope):
                await dialer().connect(HOST, port, timeout_s=0.5, emit=Books(reserve=3))
            books = Books(reserve=8)
            stream = await dialer().connect(HOST, port, timeout_s=0.5, emit=books)
            with pytest.raises(OutOfScope):
                await stream.write(b"x" * 5000)
            await stream.close()
            assert not books.count.over

    asyncio.run(main())
