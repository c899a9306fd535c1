"""Caps by send time: to one host, and in all. An average is no cap: what was not sent earlier is never caught up.

A host with a cap of 50 a second gets at most one packet every 20 ms, however long it was left alone. From 500 a second on, an event loop
cannot wake for every packet: there, a hundredth of the cap may leave in any 10 ms. So in any 100 ms never more than a tenth of the cap,
and one packet. Measured peers: runZero defaults to 1,000 packets a second in all and 40 to a host.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from math import inf
from typing import Self

from agent.net.rates import Rates

EVERYBODY = "255.255.255.255"
"""A link as a whole (RFC 919): what is broadcast there reaches every host on it, and has a cap of its own."""
MANY = 100_000
"""Hosts remembered before those that may be sent to again are forgotten."""


class Cap:
    """At most `burst` packets in any `window` seconds, counted by when they were sent."""

    def __init__(self, pps: float) -> None:
        """Raises `ValueError` for a cap of nothing."""
        if pps <= 0:
            raise ValueError("a cap of no packets: leave the host out instead")
        self.pps = pps
        self.burst = int(pps // 100) if pps >= 500 else 1
        self.window = 0.01 if pps >= 500 else 1 / pps
        self._sent: deque[float] = deque(maxlen=self.burst)

    def ready(self) -> float:
        """The first moment at which a packet may leave."""
        return self._sent[0] + self.window if len(self._sent) == self.burst else -inf

    def take(self, now: float) -> None:
        """A packet leaves; one that left before its turn pushes the next turns back."""
        self._sent.append(max(now, self.ready()))

    def late(self, now: float) -> None:
        """The packet whose turn came last left only *now*: the next gap counts from there."""
        if self._sent:
            self._sent[-1] = max(self._sent[-1], now)


@dataclass
class _Host:
    cap: Cap
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass
class Pacer:
    """`total_pps`, `host_pps`, `slow_pps`, `link_pps`: packets a second in all, to one host, to a host where care is asked for, and
    broadcast on a link (host `EVERYBODY`)."""

    total_pps: float
    host_pps: float
    slow_pps: float
    link_pps: float = 200.0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    _hosts: dict[str, _Host] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _all: Cap = field(init=False)

    def __post_init__(self) -> None:
        self._all = Cap(self.total_pps)

    @classmethod
    def at(cls, rates: Rates) -> Self:
        """The pacer of a profile."""
        return cls(rates.total_pps, rates.host_pps, rates.slow_pps, rates.link_pps)

    async def turn(self, host: str, packets: int = 1, *, slow: bool = False) -> None:
        """Wait until *packets* may leave for *host*. One waiter a host at a time, so that its gap counts from the true send time."""
        mine = self._host(host, slow)
        if not mine.lock.locked() and not self._turn.locked():
            # Nobody waits, and nothing has to be waited for: the usual case on a fast network.
            now = self.now()
            if mine.cap.ready() <= now and self._all.ready() <= now:
                self._take(mine, now, packets)
                return
        async with mine.lock:
            while True:
                await self._until(mine.cap)
                # The slot in all is taken only now: a busy host must not hold the others back.
                async with self._turn:
                    await self._until(self._all)
                    now = self.now()
                    if mine.cap.ready() <= now:
                        break
            self._take(mine, now, packets)

    def _take(self, mine: _Host, now: float, packets: int) -> None:
        for _ in range(packets):
            mine.cap.take(now)
            self._all.take(now)

    def left(self, host: str, *, slow: bool = False) -> None:
        """The packet whose turn came last has left now: on a busy machine some time after its turn."""
        mine, now = self._host(host, slow), self.now()
        mine.cap.late(now)
        self._all.late(now)

    def spend(self, host: str, packets: int, *, slow: bool = False) -> None:
        """Packets the kernel sent by itself (acknowledgements, resets): they cannot wait, so the next ones wait longer."""
        self._take(self._host(host, slow), self.now(), packets)

    def _host(self, host: str, slow: bool) -> _Host:
        if len(self._hosts) > MANY:
            now = self.now()
            busy = {h: m for h, m in self._hosts.items() if m.lock.locked() or m.cap.ready() > now}
            self._hosts = busy
        usual = self.link_pps if host == EVERYBODY else self.host_pps
        pps = self.slow_pps if slow else usual
        mine = self._hosts.get(host)
        if mine is None:
            mine = self._hosts[host] = _Host(Cap(pps))
        elif pps < mine.cap.pps:
            mine.cap = Cap(pps)
            mine.cap.take(self.now())
        return mine

    async def _until(self, cap: Cap) -> None:
        # Sleeping may end early by the clock's grain.
        while (left := cap.ready() - self.now()) > 0:
            await self.sleep(left)


@dataclass(frozen=True)
class Lane:
    """The pacer as one connection sees it: its host, and whether care was asked for."""

    pacer: Pacer
    host: str
    slow: bool

    async def turn(self, packets: int = 1) -> None:
        await self.pacer.turn(self.host, packets, slow=self.slow)

    def spend(self, packets: int) -> None:
        self.pacer.spend(self.host, packets, slow=self.slow)
