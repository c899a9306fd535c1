"""What one host is spared: open TCP connections, and handshakes newly completed in a second. `Doors` lets attempts in one by one.

Who sends a SYN cannot know whether it will be answered. So an attempt counts as a handshake to come until it is refused, or has stayed
without an answer for longer than this host takes to give one; that is learnt from answers which came late.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from typing import Any

SECOND = 1.0
GRACE_S = 0.25
"""How long an attempt may still be answered before it is taken for silent: ten times what a LAN takes, more than Wi-Fi that dozes."""
GRACE_MOST_S = 3.0
MANY = 100_000
"""Hosts remembered before those with nothing under way are forgotten."""


@dataclass(eq=False)
class Attempt:
    """One connection from the moment it was let in. Times in seconds of one monotonic clock."""

    door: Door
    stream: bool
    owner: asyncio.Task[Any] | None = None
    began: float | None = None
    completed: bool = False

    def sent(self, now: float) -> None:
        """Its SYN leaves."""
        self.began = now

    def opened(self, now: float) -> None:
        """The peer accepted."""
        self.completed = True
        self.door.opened(self, now)

    def refused(self, now: float) -> None:
        self.door.heard(self, now)

    def end(self) -> None:
        """It is closed, or was given up. A second call does nothing."""
        self.door.ended(self)


@dataclass
class Door:
    """One host. `met`: something was sent to it before; `prompt`: it has answered an attempt in good time."""

    handshakes: int | None
    connections: int | None
    met: bool = False
    prompt: bool = False
    grace: float = GRACE_S
    _done: deque[float] = field(default_factory=deque[float])
    _now: list[Attempt] = field(default_factory=list[Attempt])
    _streams: int = 0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def wait(self, now: float, *, stream: bool, single: bool) -> float:
        """Seconds until it is worth asking again whether an attempt may begin; 0: it may; `inf`: when another has ended.

        *stream*: the connection will stay open for a while. *single*: care was asked for, one attempt at a time.
        """
        if single and self._now:
            return inf
        if self.connections is not None and self._streams >= self.connections:
            return inf
        if stream and self.connections == 1 and self._now:
            return inf
        if self.handshakes is None:
            return 0
        while self._done and self._done[0] + SECOND <= now:
            self._done.popleft()
        if len(self._done) + len(self._now) < self.handshakes:
            return 0
        coming = [a for a in self._now if not a.completed and not self._silent(a, now)]
        if len(self._done) + len(coming) < self.handshakes:
            return 0
        ends = [a.began + self.grace - now for a in coming if a.began is not None]
        ends += [self._done[0] + SECOND - now] if self._done else []
        return max(0.001, min(ends, default=inf))

    def begin(self, *, stream: bool, owner: asyncio.Task[Any] | None = None) -> Attempt:
        attempt = Attempt(self, stream, owner)
        self._now.append(attempt)
        self._streams += stream
        return attempt

    def opened(self, attempt: Attempt, now: float) -> None:
        self._done.append(now)
        self.heard(attempt, now)

    def heard(self, attempt: Attempt, now: float) -> None:
        took = 0.0 if attempt.began is None else now - attempt.began
        if took > self.grace:
            self.grace = min(GRACE_MOST_S, 2 * took)
        else:
            self.prompt = True
        self._changed.set()

    def ended(self, attempt: Attempt) -> None:
        if attempt in self._now:
            self._now.remove(attempt)
            self._streams -= attempt.stream
            self._changed.set()

    async def enter(self, clock: Callable[[], float], *, stream: bool, single: bool) -> Attempt:
        """Wait for one's turn, first come first served. Raises `RuntimeError` where the task would wait for itself."""
        owner = asyncio.current_task()
        if (
            self.connections is not None
            and self._streams
            and any(a.owner is owner and a.stream for a in self._now)
        ):
            raise RuntimeError("a task with a connection to this host open asked for another")
        async with self._turn:
            while (left := self.wait(clock(), stream=stream, single=single)) > 0:
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(None if left == inf else left):
                        await self._changed.wait()
            return self.begin(stream=stream, owner=owner)

    @property
    def idle(self) -> bool:
        return not self._now and not self._turn.locked()

    def _silent(self, attempt: Attempt, now: float) -> bool:
        return attempt.began is not None and now - attempt.began > self.grace


@dataclass
class Doors:
    """The doors of all hosts, with the same limits."""

    handshakes: int | None
    connections: int | None
    clock: Callable[[], float] = time.monotonic
    _doors: dict[str, Door] = field(default_factory=dict[str, Door])

    def of(self, host: str) -> Door:
        if len(self._doors) > MANY:
            self._doors = {h: d for h, d in self._doors.items() if not d.idle}
        door = self._doors.get(host)
        if door is None:
            door = self._doors[host] = Door(self.handshakes, self.connections)
        return door

    async def enter(self, host: str, *, stream: bool, single: bool) -> Attempt:
        """Let in one attempt to *host*: see `Door.wait`."""
        return await self.of(host).enter(self.clock, stream=stream, single=single)
