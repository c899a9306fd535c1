"""The one door to TCP: checks the scope, waits for its turn, counts what leaves, never writes a byte to a raw print port.

The pacer rules when a connection is begun and when a request leaves; acknowledgements the kernel sends by itself cannot wait and are
taken off the host's next turns.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address
from weakref import WeakKeyDictionary

from agent.contract import Emit, Knock, OutOfScope, UnitEnded
from agent.model.scope import OT_PORTS, ScopeRule
from agent.net.pacer import Lane, Pacer
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


@dataclass(frozen=True)
class LiveDialer:
    """`port_offset` shifts ports of 127.0.0.0/8 only: the loopback lab, where ordinary users cannot bind below 1024.

    `slow`: hosts with one connection at a time, at the pacer's slow rate. `ot`: hosts whose industrial ports may be connected to.
    """

    scope: ScopeRule
    pacer: Pacer
    slow: Callable[[str], bool] = _no
    port_offset: int = 0
    parallel: int = 1024
    ot: Callable[[str], bool] = _no
    _slots: asyncio.Semaphore = field(init=False, repr=False)
    _late: WeakKeyDictionary[Emit, set[tuple[str, int]]] = field(
        init=False, repr=False, default_factory=WeakKeyDictionary
    )
    """Connections that were given up, by the unit that began them."""
    _single: dict[str, asyncio.Lock] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_slots", asyncio.Semaphore(room_for(self.parallel)))

    async def connect(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> LiveStream:
        """Raises `OutOfScope` (nothing was sent), `TimeoutError`, `ConnectionRefusedError`, `OSError`."""
        real = self._real_port(host, port)
        slow = self.slow(host)
        release = await self._admitted(host, slow)
        try:
            tries = max(_REFUSED_TRIES, 1 + sum(timeout_s > t for t in _SYN_AGAIN_S))
            emit.sent(host, "tcp", tries, tries * FRAME)
            sock = tcp_socket(host, WINDOW)
            try:
                await connected(sock, host, real, timeout_s)
                emit.sent(host, "tcp", _OPENED, _OPENED * FRAME)
                self._opened(host, port, emit)
            except BaseException:
                self._syns(host, sock, tries, emit)
                sock.close()
                raise
            finally:
                hit("after-send")
        except BaseException as error:
            if isinstance(error, TimeoutError):
                self._gave_up(host, port, emit)
            release()
            raise
        lane = Lane(self.pacer, host, slow)
        lane.spend(1)
        return LiveStream(sock, host, port, emit, tries + _OPENED, lane, release)

    async def knock(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> Knock:
        """One SYN where *timeout_s* is below a second; an open connection is reset at once.

        Raises `OutOfScope`, and `OSError` where this machine could not ask (no route, no descriptor, forbidden).
        """
        real = self._real_port(host, port)
        slow = self.slow(host)
        release = await self._admitted(host, slow)
        try:
            tries = max(_REFUSED_TRIES, 1 + sum(timeout_s > t for t in _SYN_AGAIN_S))
            emit.sent(host, "tcp", tries, tries * FRAME)
            with tcp_socket(host, KNOCK_WINDOW) as sock:
                try:
                    await connected(sock, host, real, timeout_s)
                except BaseException:
                    self._syns(host, sock, tries, emit)
                    raise
                finally:
                    hit("after-send")
                more = _OPENED + _CROSSED
                emit.sent(host, "tcp", more, more * FRAME)
                self._opened(host, port, emit)
                self.pacer.spend(host, _OPENED, slow=slow)
        except TimeoutError:
            self._gave_up(host, port, emit)
            return "silent"
        except ConnectionRefusedError:
            return "closed"
        except OSError as error:
            if error.errno in UNREACHABLE:
                return "unreachable"
            raise
        finally:
            release()
        return "open"

    def _syns(self, host: str, sock: socket.socket, counted: int, emit: Emit) -> None:
        """On a busy machine our time-out comes late, and the kernel has sent its SYN once more."""
        more = (segments_out(sock) or 0) - counted
        if more > 0:
            self.pacer.spend(host, more, slow=self.slow(host))
            # After the unit's end its ledger is closed: the reservation stands for these.
            with suppress(UnitEnded):
                emit.sent(host, "tcp", more, more * FRAME)

    def _gave_up(self, host: str, port: int, emit: Emit) -> None:
        self._late.setdefault(emit, set()).add((host, port))

    def _opened(self, host: str, port: int, emit: Emit) -> None:
        """The port is open: an earlier try of this unit that we gave up was answered late, and the kernel reset it."""
        late = self._late.get(emit, set())
        if (host, port) in late:
            late.discard((host, port))
            emit.sent(host, "tcp", 1, FRAME)

    def _real_port(self, host: str, port: int) -> int:
        if (verdict := self.scope.judge(host)) != "allowed":
            raise OutOfScope(f"{host} is {verdict}")
        if port in OT_PORTS and not self.ot(host):
            raise OutOfScope(f"{host}:{port} is industrial control, which client.toml opts into")
        address = ip_address(host)
        return port + self.port_offset if address.version == 4 and address in LAB else port

    async def _admitted(self, host: str, slow: bool) -> Callable[[], None]:
        """Wait for the host's turn and a free slot; returns what gives the slot back."""
        single = self._single.setdefault(host, asyncio.Lock()) if slow else None
        if single is not None:
            await single.acquire()
        try:
            await self.pacer.turn(host, slow=slow)
            waited = self._slots.locked()
            await self._slots.acquire()
            if waited:
                # The turn went by while we waited for a slot: it counts, and the next one is taken.
                await self._again(host, slow)
        except BaseException:
            if single is not None:
                single.release()
            raise

        def release() -> None:
            self._slots.release()
            if single is not None:
                single.release()

        return release

    async def _again(self, host: str, slow: bool) -> None:
        try:
            await self.pacer.turn(host, slow=slow)
        except BaseException:
            self._slots.release()
            raise
