"""Turns and slots: every connection, read and write waits for its own, and gives back what it took."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest

from agent.contract import OutOfScope
from agent.net.pacer import Pacer
from agent.net.sockets import WINDOW, segments_in, segments_out
from tests.agent.net.peers import (
    HOST,
    NET,
    Books,
    closed_port,
    dialer,
    listening,
    says,
)

OTHER = f"{NET}.2"


def test_every_connection_waits_for_its_turn() -> None:
    turns: list[tuple[str, bool]] = []

    class Watched(Pacer):
        async def turn(self, host: str, packets: int = 1, *, slow: bool = False) -> None:
            turns.append((host, slow))
            await super().turn(host, packets, slow=slow)

    async def main() -> None:
        d = dialer(Watched(1e5, 1e5, 1e5), slow=lambda host: host == OTHER)
        await d.knock(HOST, closed_port(), timeout_s=1, emit=Books())
        await d.knock(OTHER, closed_port(OTHER), timeout_s=1, emit=Books())

    asyncio.run(main())
    assert turns == [(HOST, False), (OTHER, True)]


@pytest.mark.parametrize(("slow", "most"), [(True, 1), (False, 3)])
def test_one_connection_at_a_time_where_care_was_asked_for(slow: bool, most: int) -> None:
    now = peak = 0

    async def main() -> None:
        d = dialer(slow=lambda _host: slow)
        together = asyncio.Barrier(most)

        async def one(port: int) -> None:
            nonlocal now, peak
            stream = await d.connect(HOST, port, timeout_s=2, emit=Books())
            now += 1
            peak = max(peak, now)
            await asyncio.wait_for(together.wait(), 5)
            await asyncio.sleep(0.02)
            now -= 1
            await stream.close()

        async with listening(says(b"")) as port, asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(one(port))

    asyncio.run(main())
    assert peak == most


def test_reads_and_writes_are_paced_too() -> None:
    """A flood is taken at our pace: what the kernel acknowledges counts against the host's cap."""
    counted: list[tuple[int, float]] = []

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"f" * 65536)
            await writer.drain()

    async def main() -> None:
        clock = asyncio.get_running_loop().time
        async with listening(flood) as port:
            books, start = Books(), clock()
            stream = await dialer(Pacer(1000, 50, 10)).connect(HOST, port, timeout_s=2, emit=books)
            for _ in range(10):
                await stream.read(65536, 2)
            counted.append((segments_out(stream._sock) or 0, clock() - start))
            await stream.close()

    asyncio.run(main())
    ((sent, seconds),) = counted
    assert seconds >= (max(sent, 10) - 5) / 50


def test_what_the_kernel_sends_by_itself_is_taken_off_the_next_turns() -> None:
    """Its ARP request at the first contact; ACK and RST of a port that was open."""
    spent: list[int] = []

    class Watched(Pacer):
        def spend(self, host: str, packets: int, *, slow: bool = False) -> None:
            spent.append(packets)
            super().spend(host, packets, slow=slow)

    async def main() -> None:
        d = dialer(Watched(1e5, 1e5, 1e5))
        for _ in range(2):
            await d.knock(HOST, closed_port(), timeout_s=1, emit=Books())
        async with listening(says(b"")) as port:
            await d.knock(HOST, port, timeout_s=1, emit=Books())

    asyncio.run(main())
    assert spent == [1, 1, 1]


def test_every_write_waits_for_its_turn() -> None:
    async def main() -> float:
        clock = asyncio.get_running_loop().time
        async with listening(says(b"")) as port:
            stream = await dialer(Pacer(1000, 50, 10)).connect(
                HOST, port, timeout_s=2, emit=Books()
            )
            start = clock()
            for _ in range(10):
                await stream.write(b"x")
            took = clock() - start
            await stream.close()
            return took

    assert asyncio.run(main()) >= 9 / 50


def test_who_gives_up_while_it_waits_for_its_turn_frees_its_slot() -> None:
    async def main() -> bool:
        d = dialer(Pacer(1000, 1, 1), parallel=1)
        async with listening(says(b"")) as port:
            first = await d.connect(HOST, port, timeout_s=2, emit=Books())
            # Another host: its turn comes at once, the slot does not; then the turn has gone by and a second one is due in a second.
            waiting = asyncio.create_task(d.connect(OTHER, port, timeout_s=2, emit=Books()))
            await asyncio.sleep(0.05)
            await first.close()
            await asyncio.sleep(0.05)
            assert d._slots.locked()
            waiting.cancel()
            await asyncio.wait({waiting})
            return d._slots.locked()

    assert asyncio.run(main()) is False


def test_slots_are_given_back_whatever_happens() -> None:
    async def main() -> None:
        d = dialer(parallel=2, slow=lambda _host: True)
        for _ in range(3):
            await d.knock(HOST, closed_port(), timeout_s=1, emit=Books())
            with pytest.raises(OutOfScope):
                await d.connect(HOST, closed_port(), timeout_s=1, emit=Books(reserve=0))
            waiting = asyncio.create_task(
                d.connect(f"{NET}.200", closed_port(), timeout_s=1, emit=Books())
            )
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait({waiting})
        assert not d._slots.locked()
        assert await d.knock(HOST, closed_port(), timeout_s=1, emit=Books()) == "closed"

    asyncio.run(main())


class Slots(Pacer):
    """Counts the turns that were taken or spent."""

    taken = 0

    async def turn(self, host: str, packets: int = 1, *, slow: bool = False) -> None:
        self.taken += packets
        await super().turn(host, packets, slow=slow)

    def spend(self, host: str, packets: int, *, slow: bool = False) -> None:
        self.taken += packets
        super().spend(host, packets, slow=slow)


@pytest.mark.skipif(sys.platform != "linux", reason="needs a kernel that tells what it sent")
def test_a_talk_costs_the_turns_of_what_it_sent_and_no_more() -> None:
    """Neither a read whose acknowledgement went along with our next words, nor resets for words that nobody sends."""
    pacer = Slots(1e5, 1e5, 1e5)
    sent: list[int] = []

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
            await writer.drain()

    async def main() -> None:
        async with listening(echo) as port:
            stream = await dialer(pacer).connect(HOST, port, timeout_s=2, emit=Books())
            for _ in range(5):
                await stream.write(b"hello")
                assert await stream.read(100, 2) == b"hello"
            sent.append(segments_out(stream._sock) or 0)
            await stream.close()

    asyncio.run(main())
    # The request for the host's MAC, the reset, and one read that was paid for.
    assert sent[0] <= pacer.taken <= sent[0] + 3


def test_a_peer_that_is_cut_off_in_its_words_costs_the_turns_of_the_resets() -> None:
    pacer = Slots(1e5, 1e5, 1e5)
    before: list[int] = []

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"f" * 65536)
            await writer.drain()

    async def main() -> None:
        server = await asyncio.start_server(flood, HOST, 0)
        with server.sockets[0].dup() as there:
            # Segments as small as on a network; on the loopback one would hold all.
            there.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
            port = there.getsockname()[1]
        async with server:
            stream = await dialer(pacer).connect(HOST, port, timeout_s=2, emit=Books())
            await stream.read(1000, 2)
            await asyncio.sleep(0.1)
            before.append(pacer.taken)
            assert segments_in(WINDOW, stream._sock) > 10
            await stream.close()
            assert pacer.taken - before[0] > 10

    asyncio.run(main())
