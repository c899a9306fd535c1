"""The one door to TCP: checks the scope, waits for its turn, counts what leaves, never writes a byte to a raw print port.

The pacer rules when a connection is begun and when a request leaves; acknowledgements the kernel sends by itself cannot wait and are
taken off the host's next turns.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Network, ip_address

from agent.contract import Emit, Knock, OutOfScope
from agent.model.scope import OT_PORTS, ScopeRule
from agent.net.pacer import Pacer
from agent.net.sockets import KNOCK_WINDOW, UNREACHABLE, WINDOW, connected, tcp_socket
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
    parallel: int = 512
    ot: Callable[[str], bool] = _no
    _slots: asyncio.Semaphore = field(init=False, repr=False)
    _single: dict[str, asyncio.Lock] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_slots", asyncio.Semaphore(self.parallel))

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
            except TimeoutError:
                # An answer that comes after all is refused by the kernel.
                emit.sent(host, "tcp", 1, FRAME)
                sock.close()
                raise
            except BaseException:
                sock.close()
                raise
            finally:
                hit("after-send")
        except BaseException:
            release()
            raise

        def spend(packets: int) -> None:
            self.pacer.spend(host, packets, slow=slow)

        spend(_OPENED)
        return LiveStream(sock, host, port, emit, tries + _OPENED, spend, release)

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
                finally:
                    hit("after-send")
                more = _OPENED + _CROSSED
                emit.sent(host, "tcp", more, more * FRAME)
                self.pacer.spend(host, _OPENED, slow=slow)
        except TimeoutError:
            emit.sent(host, "tcp", 1, FRAME)
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
