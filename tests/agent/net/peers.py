"""Real peers on 127.0.0.0/8 and an `Emit` that keeps its books; for the tests of the dialer and of the probes that use it."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from ssl import SSLContext
from typing import Literal

from agent.context import RunContext
from agent.contract import Probe, RawPort, Transport, UnitEnded
from agent.counting import Amount, PacketCount, UnitTally, _Row
from agent.model.bodies import Body
from agent.model.observation import Observation, Standing
from agent.model.ref import Ref, addr
from agent.model.run import Vantage
from agent.model.scope import ScopeRule
from agent.model.status import AskOutcome
from agent.net.dialer import LiveDialer
from agent.net.door import Doors
from agent.net.pacer import Pacer

NET = f"127.91.{os.getpid() % 251}"
"""Of this process alone: suites that run side by side bind the same ports."""
HOST, NEVER = f"{NET}.1", f"{NET}.9"
SCOPE = ScopeRule(allowed=(f"{NET}.0/24", "::1"), never=(NEVER,), actions=("sweep",))
OFFSET = 20000
"""The port map of the loopback lab."""
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class AnyTarget(PacketCount):
    """The engine's own count, where every target has the same reservation."""

    def __init__(self, reserve: int) -> None:
        super().__init__("test", {}, lambda: time.monotonic_ns() // 1000)
        self._reserve = reserve

    def _row(self, target: str, transport: Transport) -> _Row:
        new = _Row(target, Amount(self._reserve, self._reserve * 10_000))
        return self._rows.setdefault((target, transport), new)

    def known(self) -> dict[tuple[str, Transport], int]:
        return {key: row.truth().packets for key, row in self._rows.items() if row.truth().packets}


class Books:
    """`contract.Emit` in memory; `reserve` bounds what may be sent, `end()` is what the engine does at a deadline."""

    def __init__(self, reserve: int = 1_000_000) -> None:
        self.count = AnyTarget(reserve)
        self.waits = 0
        self.bodies: list[tuple[Ref, Body]] = []
        self.raw: list[bytes | None] = []
        self.asks: list[tuple[str, Ref | None, AskOutcome]] = []
        self.caps: list[str] = []
        self.ended = False

    @property
    def packets(self) -> dict[tuple[str, Transport], int]:
        return self.count.known()

    async def __call__(
        self,
        subject: Ref,
        body: Body,
        *,
        channel: str,
        via: Ref | None = None,
        standing: Standing = "direct",
        account: str | None = None,
        raw: bytes | None = None,
        redactions: tuple[str, ...] = (),
    ) -> None:
        self._open()
        self.bodies.append((subject, body))
        self.raw.append(raw)

    def ask(self, kind: str, subject: Ref | None, outcome: AskOutcome) -> None:
        self._open()
        self.asks.append((kind, subject, outcome))

    def cap(self, name: str) -> None:
        self._open()
        self.caps.append(name)

    def sent(self, target: str, transport: Transport, packets: int, size: int) -> None:
        self.count.sent(target, transport, packets, size)

    def tally(self, target: str, transport: Transport) -> UnitTally:
        return self.count.tally(target, transport)

    @contextmanager
    def queued(self) -> Generator[None, None, None]:
        self.waits += 1
        yield

    def end(self) -> None:
        self.ended = True
        self.count.end()

    def _open(self) -> None:
        if self.ended:
            raise UnitEnded("over")


def fast_pacer() -> Pacer:
    return Pacer(100_000, 100_000, 100_000)


def dialer(
    pacer: Pacer | None = None,
    *,
    slow: Callable[[str], bool] = lambda _host: False,
    offset: int = 0,
    parallel: int = 64,
    ot: Callable[[str], bool] = lambda _host: False,
    doors: Doors | None = None,
) -> LiveDialer:
    """Without limits on connections, where *doors* sets none."""
    freely = doors or Doors(None, None)
    return LiveDialer(SCOPE, pacer or fast_pacer(), slow, offset, parallel, ot, freely)


def context(
    seen: Iterable[tuple[str, Body]] = (),
    *,
    slow: bool = False,
    quiet: bool = False,
    scope: ScopeRule = SCOPE,
    on_link: tuple[str, ...] = (),
    mode: Literal["raw", "unprivileged", "lab-loopback"] = "lab-loopback",
    raw: RawPort | None = None,
    gateway_mac: str | None = None,
) -> RunContext:
    """What a probe gets in a run on the loopback lab (ports 20000 up); *seen*: (address, body) of probes before."""
    sights = [_sight(host, body) for host, body in seen]
    pacer = fast_pacer()
    return RunContext(
        site="here",
        scope=scope,
        vantage=Vantage(
            site="here",
            host="h",
            interface="eth0",
            address=f"{NET}.250",
            mode=mode,
            on_link=on_link,
            gateway_mac=gateway_mac,
        ),
        quiet=quiet,
        dial=LiveDialer(scope, pacer, lambda _host: slow, OFFSET, doors=Doors(None, None)),
        pace=pacer,
        raw=raw,
        raw_why="",
        accounts=NoAccounts(),
        seen_kind=lambda kind: [o for o in sights if o.body.kind == kind],
        slow_ranges=(f"{NET}.0/24",) if slow else (),
    )


class NoAccounts:
    def handles(self, purpose: str, site: str) -> tuple[str, ...]:
        return ()


def _sight(host: str, body: Body) -> Observation:
    return Observation(
        id="0" * 32,
        probe="p",
        probe_rev=1,
        unit="u",
        subject=addr("here", host),
        standing="direct",
        channel="tcp",
        at=1,
        mono=1,
        body=body,
    )


async def run_unit(probe: Probe, ctx: RunContext, books: Books | None = None) -> Books:
    """Plan *probe* and run all its units as the engine would, within what each reserved."""
    books = books or Books()
    for unit in probe.plan(ctx):
        mine = Books()
        await probe.run(unit, ctx, mine)
        cost = probe.cost(unit)
        for key, packets in mine.packets.items():
            assert packets <= cost[key][0], f"{key}: {packets} sent, {cost[key][0]} reserved"
            books.sent(*key, packets, 0)
        books.bodies += mine.bodies
        books.raw += mine.raw
        books.asks += mine.asks
        books.caps += mine.caps
    return books


@asynccontextmanager
async def listening(
    handler: Handler, host: str = HOST, port: int = 0, tls: SSLContext | None = None
) -> AsyncGenerator[int]:
    """A server on *host*; gives its port. Connections that are open at the end are cut."""
    open_now: set[asyncio.StreamWriter] = set()

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_now.add(writer)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            open_now.discard(writer)
            writer.transport.abort()

    server = await asyncio.start_server(held, host, port, ssl=tls)
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        server.close()
        for writer in list(open_now):
            writer.transport.abort()
        # Let the handlers see the end of their connections.
        for _ in range(5):
            await asyncio.sleep(0)


def says(data: bytes, *, then: str = "stay") -> Handler:
    """A handler that says *data*; `then` it stays, or closes."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()
        if then == "stay":
            await reader.read()
        else:
            writer.close()
            await writer.wait_closed()

    return handler


def closed_port(host: str = HOST) -> int:
    """A port of *host* on which nobody listens."""
    with socket.socket() as sock:
        sock.bind((host, 0))
        return int(sock.getsockname()[1])
