"""What the raw engine knows of its work: jobs, addresses asked for by ARP, hosts whose ports are asked. Plain state: no clock, no wire."""

from __future__ import annotations

from array import array
from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Any

from scanners.raw_helper.frames import ECHO
from scanners.raw_helper.pace import Steady, Window
from scanners.raw_helper.policy import MAX_TRIES, Loss, RoundTrip

SILENT, OPEN, CLOSED, UNREACHABLE, UNASKED = 0, 1, 2, 3, 4
MACS_KEPT = 8
"""MACs kept for one address: a conflict is two, a joker has many."""
Heap = list[tuple[float, int, "Host"]]


@dataclass
class Group:
    """Hosts that are reached the same way: our link, or one gateway. They share round trips, loss and, beyond a gateway, a cap.
    `asking`: hosts with questions that are not settled; `settled_at`: when the last question asked so far counts as unanswered."""

    pace: Steady | None
    trip: RoundTrip = field(default_factory=RoundTrip)
    loss: Loss = field(default_factory=Loss)
    heap: Heap = field(default_factory=list)
    asking: int = 0
    settled_at: float = 0.0


@dataclass
class Job:
    """One request. `first`: so many of `ports` matter most. `rate`: its own cap on broadcasts. `sure`: somebody is known to be at each of
    its addresses. `held`: addresses that may be asked a third time, once it is known whether packets get lost."""

    id: Any
    ports: tuple[int, ...]
    first: int
    rate: float
    index: dict[int, int]
    sure: bool = True
    asking: int = 0
    held: list[Address] = field(default_factory=list)
    hosts: set[bytes] = field(default_factory=set)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    sent: dict[bytes, list[int]] = field(default_factory=dict)
    error: str = ""

    def count(self, host: bytes, kind: int, packets: int = 1) -> None:
        """*kind*: 0 ARP, 1 UDP, 2 ICMP, 3 TCP."""
        self.sent.setdefault(host, [0, 0, 0, 0])[kind] += packets

    @property
    def over(self) -> bool:
        return not self.asking and not self.hosts


@dataclass(slots=True)
class Address:
    """An address asked for by ARP. `due`: when the last request counts as unanswered."""

    job: Job
    ip: bytes
    tries: int = 0
    asked_at: float = 0.0
    due: float = 0.0
    macs: list[bytes] = field(default_factory=list)
    settled: bool = False


@dataclass(slots=True)
class Host:
    """A host whose ports are asked. `next`: first port not asked yet; `waiting`: (when the last try counts as unanswered, port index);
    `deferred`: asked no more unless packets turn out to get lost; `poked_at`: our kernel is making its acquaintance since then;
    `resting`: nothing but deferred ports is left since then; `owed`: resets of ours that have not left yet."""

    job: Job
    ip: bytes
    head: tuple[bytes, int]
    mac: bytes
    group: Group
    window: Window
    states: bytearray
    tries: bytearray
    at: array[float]
    next: int = 0
    waiting: deque[tuple[float, int]] = field(default_factory=deque)
    deferred: list[int] = field(default_factory=list)
    flight: deque[tuple[float, int]] = field(default_factory=deque)
    answers: int = 0
    opened: int = 0
    resets: int = 0
    owed: int = 0
    over: bool = False
    capped: bool = False
    poked_at: float | None = None
    resting: float | None = None

    @classmethod
    def of(
        cls, job: Job, ip: bytes, mac: bytes, head: tuple[bytes, int], group: Group, window: Window
    ) -> Host:
        n = len(job.ports)
        states, at = bytearray(n), array("d", bytes(8 * n))
        return cls(job, ip, head, mac, group, window, states, bytearray(n), at)

    @property
    def talkative(self) -> bool:
        return self.next >= 10 and self.answers >= 0.8 * self.next

    def ready(self, now: float, *, mute: bool) -> float:
        """When the next question may leave. Unless our kernel is *mute*, one that may still be answered with an open port counts twice:
        that costs a reset more."""
        if self.window.limit is None:
            return -inf
        if mute:
            return self.window.ready()
        flight, horizon = self.flight, self.group.trip.horizon
        while flight and (flight[0][0] + horizon <= now or self.states[flight[0][1]]):
            flight.popleft()
        pending = sum(1 for at, i in flight if at + horizon > now and not self.states[i])
        ready = self.window.ready(1 + pending)
        if ready > now and pending:
            ready = min(ready, flight[0][0] + horizon)
        return ready

    def asked(self, index: int, at: float) -> None:
        """The question of port *index* left at *at*."""
        self.window.take(at)
        if self.group.pace is not None:
            self.group.pace.take(at)
        self.tries[index] += 1
        self.at[index] = at
        due = at + self.group.trip.rto
        self.waiting.append((due, index))
        self.group.settled_at = max(self.group.settled_at, due)
        echo = self.job.ports[index] == ECHO
        if not echo:
            self.flight.append((at, index))
        self.job.count(self.ip, 2 if echo else 3)

    def answered(self, index: int, tried: int, at: float) -> float:
        """Try *tried* (from 0) of port *index* was answered first. Gives seconds of its round trip, 0 where it was not the last try."""
        trip = 0.0
        if tried + 1 == self.tries[index]:
            trip = max(0.0, at - self.at[index])
            self.group.trip.seen(trip)
        self.group.loss.seen(tried + 1)
        self.answers += 1
        return trip

    def leave_rest(self) -> None:
        """What was not asked yet stays unasked."""
        for i in range(len(self.states)):
            if not self.states[i] and not self.tries[i]:
                self.states[i] = UNASKED

    def give_up(self) -> None:
        """A limit is reached: it is asked nothing new."""
        self.capped = True
        self.leave_rest()
        self.next = len(self.states)

    def may_reset(self) -> bool:
        """One more reset of our kernel is within what was reserved for this host."""
        return self.resets < MAX_TRIES * len(self.states)

    def ended(self) -> tuple[Any, ...]:
        """The host's last word: counts by state, and whether a limit cut it short."""
        counts = [self.states.count(s) for s in (OPEN, CLOSED, SILENT, UNREACHABLE, UNASKED)]
        return ("host", self.ip, counts, self.capped)
