"""The caps hold by send time, however late the event loop wakes: on a clock of our own, with delays drawn by hypothesis."""

from __future__ import annotations

import asyncio
import heapq
from bisect import bisect_left
from collections import defaultdict
from itertools import count
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.net.pacer import EVERYBODY, Cap, Lane, Pacer


class FakeTime:
    """Sleeps end in order, each late by what *lateness* says next."""

    def __init__(self, lateness: list[float]) -> None:
        self.at = 1000.0
        self._late = lateness or [0.0]
        self._drawn = count()
        self._asleep: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        number = next(self._drawn)
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        late = self._late[number % len(self._late)]
        heapq.heappush(self._asleep, (self.at + seconds + late, number, waiting))
        await waiting

    async def run(self, tasks: list[asyncio.Task[None]]) -> None:
        while not all(t.done() for t in tasks):
            for _ in range(20):
                await asyncio.sleep(0)
            if self._asleep:
                at, _, waiting = heapq.heappop(self._asleep)
                self.at = max(self.at, at)
                waiting.set_result(None)
        for task in tasks:
            task.result()


def busiest(times: list[float], window: float) -> int:
    """Most packets in any half-open window; a rounding error of the clock is no packet."""
    ordered = sorted(times)
    return max(i - bisect_left(ordered, t - window + 1e-9) + 1 for i, t in enumerate(ordered))


@settings(max_examples=60, deadline=None)
@given(
    total=st.sampled_from([20.0, 100.0, 700.0, 1000.0]),
    host=st.sampled_from([3.0, 40.0, 50.0, 130.0, 650.0]),
    hosts=st.integers(1, 12),
    each=st.integers(1, 25),
    lateness=st.lists(st.floats(0, 0.25), max_size=12),
)
def test_no_window_of_100_ms_holds_more_than_the_caps(
    total: float, host: float, hosts: int, each: int, lateness: list[float]
) -> None:
    sent: dict[str, list[float]] = defaultdict(list)

    async def main() -> None:
        clock = FakeTime(lateness)
        pacer = Pacer(total, host, 2.0, now=clock.now, sleep=clock.sleep)

        async def one(name: str) -> None:
            await pacer.turn(name)
            sent[name].append(clock.now())

        await clock.run(
            [asyncio.create_task(one(f"h{n}")) for _ in range(each) for n in range(hosts)]
        )

    asyncio.run(main())
    assert sum(map(len, sent.values())) == hosts * each
    for times in sent.values():
        assert busiest(times, 0.1) <= ceil(host * 0.1) + 1
    together = [t for times in sent.values() for t in times]
    assert busiest(together, 0.1) <= ceil(total * 0.1) + 1


def paced(pacer: Pacer, clock: FakeTime, *turns: tuple[str, int, bool]) -> list[float]:
    """When each of *turns* (host, packets, slow), put one after the other, was allowed."""
    out: list[float] = []

    async def all_of_them() -> None:
        for host, packets, slow in turns:
            await pacer.turn(host, packets, slow=slow)
            out.append(round(clock.now() - 1000, 6))

    async def main() -> None:
        await clock.run([asyncio.create_task(all_of_them())])

    asyncio.run(main())
    return out


def fresh(*, host: float = 50, total: float = 1000) -> tuple[Pacer, FakeTime]:
    clock = FakeTime([])
    return Pacer(total, host, 10, now=clock.now, sleep=clock.sleep), clock


def test_what_was_not_sent_is_not_caught_up() -> None:
    pacer, clock = fresh()
    assert paced(pacer, clock, ("a", 1, False)) == [0]
    clock.at += 60
    assert paced(pacer, clock, ("a", 1, False), ("a", 1, False)) == [60, 60.02]


def test_a_host_with_care_gets_its_slow_rate_even_after_a_fast_start() -> None:
    pacer, clock = fresh()
    assert paced(pacer, clock, ("a", 1, False), ("a", 1, True), ("a", 1, True)) == [0, 0.1, 0.2]


def test_a_busy_host_does_not_hold_the_others_back() -> None:
    clock = FakeTime([])
    pacer = Pacer(1000, 1, 1, now=clock.now, sleep=clock.sleep)
    when: dict[str, float] = {}

    async def one(host: str, mark: str) -> None:
        await pacer.turn(host)
        when[mark] = clock.now() - 1000

    async def main() -> None:
        busy = [asyncio.create_task(one("busy", f"b{n}")) for n in range(5)]
        await clock.run([*busy, asyncio.create_task(one("other", "other"))])

    asyncio.run(main())
    assert when["other"] < 0.1
    assert when["b4"] == pytest.approx(4)


def test_packets_the_kernel_sent_push_the_next_turn_back() -> None:
    pacer, clock = fresh()
    assert paced(pacer, clock, ("a", 1, False)) == [0]
    Lane(pacer, "a", False).spend(3)
    assert paced(pacer, clock, ("a", 1, False), ("b", 1, False)) == [0.08, 0.08]


def test_the_gap_counts_from_when_the_packet_really_left() -> None:
    pacer, clock = fresh()
    assert paced(pacer, clock, ("a", 1, False)) == [0]
    clock.at += 0.015
    pacer.left("a")
    assert paced(pacer, clock, ("a", 1, False)) == [0.035]


def test_a_link_has_a_cap_of_its_own() -> None:
    pacer, clock = fresh()
    assert paced(pacer, clock, (EVERYBODY, 100, False), (EVERYBODY, 1, False)) == [0, 0.5]


def test_hosts_that_are_done_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.net.pacer.MANY", 10)
    pacer, clock = fresh(host=1)
    for n in range(11):
        pacer.spend(f"h{n}", 1)
    clock.at += 5
    pacer.spend("late", 1)
    assert list(pacer._hosts) == ["late"]


def test_a_cap_of_nothing_is_no_cap() -> None:
    with pytest.raises(ValueError, match="no packets"):
        Cap(0)
