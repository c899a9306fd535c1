"""The packets of one unit, by target and transport: what was reserved, what left, and the most of it in any second.

"May I send?" and "it left" are two questions. The first is answered with the reservation, which is on the disk before a packet leaves;
the second is the truth, and is booked whatever it is: above the reservation, and after the unit's end too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from agent.contract import OutOfScope, Transport, UnitEnded

SECOND_US = 1_000_000
_LUMPS = 32
"""Into how many parts a late count is spread at most."""


class Amount(NamedTuple):
    packets: int
    bytes: int


NOTHING = Amount(0, 0)


@dataclass
class UnitTally:
    """`contract.Tally`: packets to one target that are counted once they have left."""

    _row: _Row
    _counts: PacketCount
    _looked: int
    _may: Amount = NOTHING
    _gone: Amount = NOTHING
    _open: bool = True

    def may(self, packets: int, size: int) -> None:
        self._counts.open_or_raise()
        bound = _most(self._bound, Amount(self._gone.packets + packets, self._gone.bytes + size))
        self._row.room(_less(bound, self._bound))
        self._set(bound, self._gone)

    def left(self, packets: int, size: int) -> None:
        now = self._counts.now_us()
        if (new := packets - self._gone.packets) > 0:
            self._row.spread(new, self._looked, now)
        self._looked = now
        self._set(self._may, _most(self._gone, Amount(packets, size)))
        self._counts.check(self._row)

    def close(self, spare: int = 0, size: int = 0) -> None:
        if self._open:
            self._counts.changing()
            row, gone = self._row, self._gone
            self._set(NOTHING, NOTHING)
            self._open = False
            row.open -= 1
            row.add(gone.packets + spare, gone.bytes + size)
            self._counts.check(row)

    @property
    def _bound(self) -> Amount:
        """The most that has left by now."""
        return _most(self._may, self._gone)

    def _set(self, may: Amount, gone: Amount) -> None:
        if self._open:
            row, before = self._row, self._bound
            row.bound = _plus(row.bound, _less(_most(may, gone), before))
            row.gone = _plus(row.gone, _less(gone, self._gone))
            self._may, self._gone = may, gone


@dataclass
class _Row:
    """One target and transport. `bound` and `gone`: the sums of what its `open` tallies may have sent, and have sent."""

    name: str
    reserved: Amount
    packets: int = 0
    bytes: int = 0
    open: int = 0
    bound: Amount = NOTHING
    gone: Amount = NOTHING
    events: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def room(self, more: Amount) -> None:
        """Raises `OutOfScope` where *more* would go above the reservation."""
        packets = self.packets + self.bound.packets + more.packets
        size = self.bytes + self.bound.bytes + more.bytes
        if packets > self.reserved.packets or size > self.reserved.bytes:
            raise OutOfScope(f"{self.name}: more than the {self.reserved.packets} packets reserved")

    def add(self, packets: int, size: int) -> None:
        self.packets += packets
        self.bytes += size

    def spread(self, packets: int, since: int, until: int) -> None:
        """*packets* left one by one between the two moments; when exactly is not known."""
        lumps = min(packets, _LUMPS)
        for n in range(lumps):
            share = packets * (n + 1) // lumps - packets * n // lumps
            self.events.append((until - (until - since) * (lumps - 1 - n) // lumps, share))

    def truth(self) -> Amount:
        """What is known to have left."""
        return Amount(self.packets + self.gone.packets, self.bytes + self.gone.bytes)


def _most(a: Amount, b: Amount) -> Amount:
    return Amount(max(a.packets, b.packets), max(a.bytes, b.bytes))


def _less(a: Amount, b: Amount) -> Amount:
    return Amount(a.packets - b.packets, a.bytes - b.bytes)


def _plus(a: Amount, b: Amount) -> Amount:
    return Amount(a.packets + b.packets, a.bytes + b.bytes)


class PacketCount:
    """*reserved*: the most that may leave, by target and transport. *now_us*: a monotonic clock in microseconds.

    `over` names what went above its reservation, in words for the report. *changing* is called before a tally is opened or closed.
    """

    def __init__(
        self,
        owner: str,
        reserved: Mapping[tuple[str, Transport], tuple[int, int]],
        now_us: Callable[[], int],
        changing: Callable[[], None] = lambda: None,
    ) -> None:
        self._owner, self.now_us, self.changing = owner, now_us, changing
        self._rows = {k: _Row(f"{k[0]} ({k[1]})", Amount(*v)) for k, v in reserved.items()}
        self._ended = False
        self.over: list[str] = []

    def sent(self, target: str, transport: Transport, packets: int, size: int) -> None:
        """They leave now. Raises `OutOfScope` above the reservation, `UnitEnded`: then they must not."""
        self.open_or_raise()
        row = self._row(target, transport)
        row.room(Amount(packets, size))
        row.add(packets, size)
        row.events.append((self.now_us(), packets))

    def tally(self, target: str, transport: Transport) -> UnitTally:
        """For packets that can only be counted afterwards. Raises `OutOfScope` for a target that was not reserved, `UnitEnded`."""
        self.open_or_raise()
        row = self._row(target, transport)
        self.changing()
        tally = UnitTally(row, self, self.now_us())
        row.open += 1
        return tally

    @property
    def counting(self) -> bool:
        """Is a tally open: a connection under way, a child at work?"""
        return any(row.open for row in self._rows.values())

    def end(self) -> None:
        """Nothing more may leave; what did is still booked."""
        self._ended = True

    def open_or_raise(self) -> None:
        if self._ended:
            raise UnitEnded(f"{self._owner} has ended")

    def check(self, row: _Row) -> None:
        """Write down that *row* went above its reservation."""
        packets, size = row.truth()
        if packets > row.reserved.packets or size > row.reserved.bytes:
            words = f"{row.name}: more packets left than were reserved"
            if words not in self.over:
                self.over.append(words)

    def settled(self, *, full: bool) -> Iterator[tuple[str, Transport, Amount, int]]:
        """(target, transport, what left, most packets in a second), sorted. Where a tally was never closed, or *full*, the number is not
        known: the reservation stands, unless more is known to have left.
        """
        for (target, transport), row in sorted(self._rows.items()):
            packets, size = row.truth()
            if full or row.open:
                packets = max(packets, row.reserved.packets)
                size = max(size, row.reserved.bytes)
            yield target, transport, Amount(packets, size), busiest_second(row.events)

    def _row(self, target: str, transport: Transport) -> _Row:
        row = self._rows.get((target, transport))
        if row is None:
            raise OutOfScope(f"{target} ({transport}) was not reserved by {self._owner}")
        return row


def busiest_second(events: list[tuple[int, int]]) -> int:
    """Most packets in any second, of (microseconds, packets)."""
    recent: deque[tuple[int, int]] = deque()
    now = most = 0
    for at, packets in sorted(events):
        recent.append((at, packets))
        now += packets
        while recent[0][0] <= at - SECOND_US:
            now -= recent.popleft()[1]
        most = max(most, now)
    return most
