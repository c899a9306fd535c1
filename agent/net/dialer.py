"""The one door to TCP: checks the scope, waits for its turn, counts what leaves, never writes a byte to a raw print port.

The pacer rules when a connection is begun and when a request leaves; acknowledgements the kernel sends by itself cannot wait and are
taken off the host's next turns. One connection at a time is open to a host, and five handshakes a second, unless the profile says more.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address
from weakref import WeakKeyDictionary

from agent.contract import Emit, Knock, OutOfScope, Tally
from agent.model.scope import OT_PORTS, ScopeRule
from agent.net.door import Attempt, Doors
from agent.net.gateway import Gateway
from agent.net.pacer import Lane, Pacer
from agent.net.rates import PROFILES
from agent.net.sockets import (
    KNOCK_WINDOW,
    UNREACHABLE,
    WINDOW,
    connected,
    room_for,
    segments_out,
    tcp_socket,
)
from agent.net.stream import FRAME, LiveStream
from agent.store.failpoint import hit

LAB = IPv4Network("127.0.0.0/8")
_OPENED = 2
"""Segments that follow the SYN of an accepted connection that ends at once: ACK and RST."""
_CROSSED = 2
"""More resets, where a service greets while we leave; a knock's small window lets no more be under way."""
_SYN_AGAIN_S = (1, 3, 7, 15)
"""When a SYN is sent again (RFC 6298: 1 s, doubled each time)."""
_REFUSED_TRIES = 3 if sys.platform == "win32" else 1
"""Windows sends its SYN twice more after a refusal."""


def _no(_host: str) -> bool:
    return False


def _polite() -> Doors:
    return Doors(PROFILES["normal"].handshakes, PROFILES["normal"].connections)


@dataclass(frozen=True)
class LiveDialer:
    """`port_offset` shifts ports of 127.0.0.0/8 only: the loopback lab, where ordinary users cannot bind below 1024.

    `slow`: hosts with one attempt at a time, at the pacer's slow rate. `ot`: hosts whose industrial ports may be connected to. `doors`:
    connections at a time and handshakes a second with one host; `gateway`: new connections a second beyond the own link.
    """

    scope: ScopeRule
    pacer: Pacer
    slow: Callable[[str], bool] = _no
    port_offset: int = 0
    parallel: int = 1024
    ot: Callable[[str], bool] = _no
    doors: Doors = field(default_factory=_polite, repr=False)
    gateway: Gateway = field(default_factory=Gateway, repr=False)
    _slots: asyncio.Semaphore = field(init=False, repr=False)
    _late: WeakKeyDictionary[Emit, set[tuple[str, int]]] = field(
        init=False, repr=False, default_factory=WeakKeyDictionary
    )
    """Connections that were given up, by the unit that began them."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_slots", asyncio.Semaphore(room_for(self.parallel)))

    async def connect(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> LiveStream:
        """Raises `OutOfScope` (nothing was sent), `TimeoutError`, `ConnectionRefusedError`, `OSError`."""
        real = self._real_port(host, port)
        with ExitStack() as undo:
            attempt = await self._admitted(host, emit, undo, stream=True)
            tally = emit.tally(host, "tcp")
            undo.callback(tally.close)
            sock = tcp_socket(host, WINDOW)
            undo.callback(sock.close)
            late = await self._opened(sock, (host, port, real), timeout_s, attempt, tally, emit)
            lane = Lane(self.pacer, host, self.slow(host))
            # From here on the stream gives back what was taken.
            return LiveStream(sock, host, port, emit, tally, lane, undo.pop_all().close, late)

    async def knock(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> Knock:
        """One SYN where *timeout_s* is below a second; an open connection is reset at once.

        Raises `OutOfScope`, and `OSError` where this machine could not ask (no route, no descriptor, forbidden).
        """
        real = self._real_port(host, port)
        with ExitStack() as undo:
            attempt = await self._admitted(host, emit, undo, stream=False)
            tally = emit.tally(host, "tcp")
            undo.callback(tally.close)
            try:
                with tcp_socket(host, KNOCK_WINDOW) as sock:
                    where = (host, port, real)
                    late = await self._opened(sock, where, timeout_s, attempt, tally, emit)
                    sent = (segments_out(sock) or _REFUSED_TRIES + 1) + 1
            except TimeoutError:
                return "silent"
            except ConnectionRefusedError:
                return "closed"
            except OSError as error:
                if error.errno in UNREACHABLE:
                    return "unreachable"
                raise
            tally.left(sent, sent * FRAME)
            spare = _CROSSED + late
            tally.close(spare, spare * FRAME)
            self.pacer.spend(host, 1, slow=self.slow(host))
            return "open"

    async def _opened(
        self,
        sock: socket.socket,
        where: tuple[str, int, int],
        timeout_s: float,
        attempt: Attempt,
        tally: Tally,
        emit: Emit,
    ) -> int:
        """Connect *sock*, count what the kernel sent for it. Returns the resets an earlier try may have cost that was answered late."""
        host, port, real = where
        slow = self.slow(host)
        tries = max(_REFUSED_TRIES, 1 + sum(timeout_s > t for t in _SYN_AGAIN_S))
        most = tries + _OPENED + _CROSSED + 1
        tally.may(most, most * FRAME)

        def gone() -> None:
            self.pacer.left(host, slow=slow)
            attempt.sent(self.doors.clock())
            if not attempt.door.met:
                # Before its first segment the kernel asks for the MAC of a host on our link.
                attempt.door.met = True
                self.pacer.spend(host, 1, slow=slow)

        late = self._late.get(emit, set())
        sent = tries
        try:
            await connected(sock, host, real, timeout_s, gone)
            sent = _REFUSED_TRIES + 1
            attempt.opened(self.doors.clock())
        except ConnectionRefusedError:
            sent = _REFUSED_TRIES
            attempt.refused(self.doors.clock())
            raise
        except (TimeoutError, asyncio.CancelledError):
            if attempt.door.prompt:
                self._late.setdefault(emit, set()).add((host, port))
            else:
                # Nobody knows how long this host takes: an answer that comes now costs a reset.
                sent = self._count(sock, sent, tally)
                tally.close(1, FRAME)
            raise
        finally:
            hit("after-send")
            # A kernel that tells is believed: on a busy machine our time-out comes late, and it has sent its SYN once more.
            sent = self._count(sock, sent, tally)
            if sent > 1:
                self.pacer.spend(host, sent - 1, slow=slow)
        answered_late = (host, port) in late
        late.discard((host, port))
        return int(answered_late)

    def _count(self, sock: socket.socket, otherwise: int, tally: Tally) -> int:
        told = segments_out(sock)
        sent = otherwise if told is None else told
        tally.left(sent, sent * FRAME)
        return sent

    def _real_port(self, host: str, port: int) -> int:
        if (verdict := self.scope.judge(host)) != "allowed":
            raise OutOfScope(f"{host} is {verdict}")
        if port in OT_PORTS and not self.ot(host):
            raise OutOfScope(f"{host}:{port} is industrial control, which client.toml opts into")
        address = ip_address(host)
        return port + self.port_offset if address.version == 4 and address in LAB else port

    async def _admitted(self, host: str, emit: Emit, undo: ExitStack, *, stream: bool) -> Attempt:
        """Wait for the host's turn and a free slot; *undo* gives both back."""
        slow = self.slow(host)
        with emit.queued():
            attempt = await self.doors.enter(host, stream=stream, single=slow)
            undo.callback(attempt.end)
            await self.gateway.turn(host)
            await self.pacer.turn(host, slow=slow)
            waited = self._slots.locked()
            await self._slots.acquire()
            undo.callback(self._slots.release)
            if waited:
                # The turn went by while we waited for a slot: it counts, and the next one is taken.
                await self.pacer.turn(host, slow=slow)
        return attempt
