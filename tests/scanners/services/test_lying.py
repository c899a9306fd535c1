"""Hosts that lie on every port, over real sockets and through the engine: what they cost is bounded, and the status says what was left."""

from __future__ import annotations

import asyncio
import tracemalloc
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest

from agent.model.bodies import TcpPort
from agent.model.status import ProbeStatus
from agent.run import WHOLE, Engine
from scanners.services import conversation, http, identify
from scanners.services.probe import MAX_PORTS, MUTE_MOST, MUTE_PORTS, Services
from scanners.services.ways import in_order, way
from tests.agent.net.peers import HOST, OFFSET, Handler, context, says
from tests.scanners.link_child import Memory

OPEN = range(5600, 8800)
"""More ports than any host has; those of them that no list knows are asked last."""
TALKED_TO = [p for p in OPEN if way(p).first != "never"]
ASKED = in_order(TALKED_TO, MAX_PORTS)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversation, "WAIT_S", 0.4)
    monkeypatch.setattr(conversation, "WHOLE_S", 0.6)
    monkeypatch.setattr(conversation, "IMPATIENT_S", 0.1)
    monkeypatch.setattr(conversation, "IMPATIENT_WHOLE_S", 0.1)
    monkeypatch.setattr(identify, "LISTEN_S", 0.4)
    monkeypatch.setattr(identify, "UNKNOWN_S", 0.1)
    monkeypatch.setattr(http, "WHOLE_S", 0.6)


class Liar:
    """A host that accepts on every port and does *inner* there. `calls`: connections by port."""

    def __init__(self, inner: Handler) -> None:
        self.inner = inner
        self.calls: dict[int, int] = {}

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1] - OFFSET
        self.calls[port] = self.calls.get(port, 0) + 1
        await self.inner(reader, writer)


def look(liar: Liar) -> tuple[ProbeStatus, Memory]:
    async def main() -> tuple[ProbeStatus, Memory]:
        store = Memory()
        async with AsyncExitStack() as servers:
            for port in ASKED:
                server = await asyncio.start_server(liar, HOST, port + OFFSET)
                await servers.enter_async_context(server)
            seen = ((HOST, TcpPort(port=p)) for p in OPEN)
            ctx = context(seen)
            found = [o.model_copy(update={"probe": "tcp_ports"}) for o in ctx.seen("tcp.port")]
            ctx = replace(ctx, seen_kind=lambda kind: found if kind == "tcp.port" else [])
            await Engine([Services()], ctx, store, b"key").run()
        [status] = [s for s in store.statuses if s.unit != WHOLE]
        return status, store

    return asyncio.run(main())


def test_a_tarpit_of_thousands_of_ports_is_left_after_some() -> None:
    liar = Liar(says(b""))
    status, _ = look(liar)
    assert status.outcome == "partial"
    assert f"{len(TALKED_TO)} open ports" in status.reason
    assert f"{MUTE_MOST} ports in a row said nothing" in status.reason
    assert len(liar.calls) == MUTE_MOST
    # Those we know something of come first, and only the first few are tried twice.
    assert set(liar.calls) == set(ASKED[:MUTE_MOST])
    assert sum(liar.calls.values()) <= MUTE_MOST + 2 * MUTE_PORTS


def test_one_byte_at_a_time_on_every_port_is_left_after_some() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"\x80")
            await writer.drain()
            await asyncio.sleep(0.03)

    liar = Liar(drip)
    status, _ = look(liar)
    assert (status.outcome, len(liar.calls)) == ("partial", MUTE_MOST)
    assert "did not end" in status.reason


def test_an_endless_banner_on_every_port_costs_neither_memory_nor_the_run() -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            writer.write(b"Z" * 4096)
            await writer.drain()

    tracemalloc.start()
    try:
        status, store = look(Liar(flood))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert status.outcome == "partial"
    assert "did not end" in status.reason
    assert peak < 40_000_000
    assert all(len(o.model_dump_json()) < 10_000 for o in store.observations)


def test_ports_that_answer_in_between_keep_the_others_in_play(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Real services among mute ones: nothing is left out."""
    monkeypatch.setattr("scanners.services.probe.MAX_PORTS", 30)
    monkeypatch.setattr("scanners.services.probe.MUTE_MOST", 12)
    asked = in_order(TALKED_TO, 30)

    async def some(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        port = writer.get_extra_info("sockname")[1] - OFFSET
        if asked.index(port) % 2 == 0:
            writer.write(b"220 here\r\n")
        await asyncio.sleep(60)

    liar = Liar(some)
    status, _ = look(liar)
    assert set(liar.calls) == set(asked)
    assert "in a row" not in status.reason
