"""What one host is spared, on a clock of our own: connections open at a time, handshakes completed in any second."""

from __future__ import annotations

import asyncio
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.net.door import GRACE_S, Attempt, Door, Doors
from tests.agent.net.peers import HOST, Books, closed_port, dialer, listening, says


def begin(door: Door, now: float, *, stream: bool = False, single: bool = False) -> Attempt:
    assert door.wait(now, stream=stream, single=single) == 0
    attempt = door.begin(stream=stream)
    attempt.sent(now)
    return attempt


@settings(max_examples=200)
@given(
    limit=st.integers(1, 5),
    answers=st.lists(
        st.tuples(st.sampled_from(["open", "closed", "silent"]), st.floats(0, GRACE_S)),
        max_size=60,
    ),
)
def test_no_second_holds_more_handshakes_than_the_limit(
    limit: int, answers: list[tuple[str, float]]
) -> None:
    """Attempts begin as early as they may, every 20 ms at most; each is answered after its own time."""
    door, now = Door(limit, None), 0.0
    coming: list[tuple[float, str, Attempt]] = []
    completed: list[float] = []

    def pass_until(then: float) -> None:
        for at, what, attempt in sorted(coming, key=lambda c: c[0]):
            if at <= then:
                coming.remove((at, what, attempt))
                if what == "open":
                    attempt.opened(at)
                    completed.append(at)
                elif what == "closed":
                    attempt.refused(at)
                attempt.end()

    for what, after in answers:
        while (left := door.wait(now, stream=False, single=False)) > 0:
            nearest = min((c[0] for c in coming), default=inf)
            now = min(now + left, max(now, nearest))
            pass_until(now)
        attempt = begin(door, now)
        coming.append((now + (0.8 if what == "silent" else after), what, attempt))
        now += 0.02
        pass_until(now)
    pass_until(inf)
    for at in completed:
        assert sum(at <= other < at + 1 - 1e-9 for other in completed) <= limit


def test_silence_costs_no_handshake_once_it_is_silence() -> None:
    door = Door(5, 1)
    for _ in range(5):
        begin(door, 0)
    assert door.wait(0.1, stream=False, single=False) == pytest.approx(GRACE_S - 0.1)
    assert door.wait(GRACE_S + 0.01, stream=False, single=False) == 0


def test_a_host_that_answers_late_is_given_longer() -> None:
    door = Door(1, None)
    first = begin(door, 0)
    first.opened(0.6)
    first.end()
    assert not door.prompt
    second = begin(door, 2)
    assert door.wait(3, stream=False, single=False) == pytest.approx(0.2)
    second.refused(3)
    assert door.prompt


def test_one_connection_is_open_at_a_time_and_knocks_wait_for_it() -> None:
    door = Door(None, 1)
    stream = begin(door, 0, stream=True)
    assert door.wait(9, stream=True, single=False) == inf
    assert door.wait(9, stream=False, single=False) == inf
    stream.end()
    knocks = [begin(door, 9), begin(door, 9)]
    assert door.wait(9, stream=True, single=False) == inf
    for knock in knocks:
        knock.end()
    begin(door, 9, stream=True)


def test_where_care_was_asked_for_attempts_go_one_by_one() -> None:
    door = Door(None, None)
    first = begin(door, 0, single=True)
    assert door.wait(9, stream=False, single=True) == inf
    first.end()
    begin(door, 9, single=True)


def test_the_dialer_opens_one_connection_to_a_host_at_a_time() -> None:
    now = peak = 0

    async def main() -> None:
        d = dialer(doors=Doors(None, 1))

        async def one(port: int) -> None:
            nonlocal now, peak
            stream = await d.connect(HOST, port, timeout_s=2, emit=Books())
            now += 1
            peak = max(peak, now)
            await asyncio.sleep(0.01)
            now -= 1
            await stream.close()

        async with listening(says(b"")) as port, asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(one(port))

    asyncio.run(main())
    assert peak == 1


def test_the_dialers_knocks_complete_five_handshakes_a_second() -> None:
    """Twelve open ports at five a second: the last is let in two seconds after the first."""
    when: list[float] = []

    async def main() -> None:
        d = dialer(doors=Doors(5, 1))

        async def one(port: int) -> None:
            assert await d.knock(HOST, port, timeout_s=0.8, emit=Books()) == "open"
            when.append(asyncio.get_running_loop().time())

        async with listening(says(b"")) as port, asyncio.TaskGroup() as group:
            for _ in range(12):
                group.create_task(one(port))

    asyncio.run(main())
    assert max(sum(at <= t < at + 0.99 for t in when) for at in when) <= 5


def test_refusals_are_no_handshakes() -> None:
    async def main() -> int:
        doors = Doors(5, 1)
        d = dialer(doors=doors)
        async with asyncio.TaskGroup() as group:
            for _ in range(40):
                group.create_task(d.knock(HOST, closed_port(), timeout_s=0.8, emit=Books()))
        return len(doors.of(HOST)._done)

    assert asyncio.run(main()) == 0


def test_a_task_does_not_wait_for_itself() -> None:
    async def main() -> None:
        d = dialer(doors=Doors(None, 1))
        async with listening(says(b"")) as port:
            stream = await d.connect(HOST, port, timeout_s=2, emit=Books())
            with pytest.raises(RuntimeError, match="another"):
                await d.knock(HOST, port, timeout_s=2, emit=Books())
            await stream.close()
            assert await d.knock(HOST, port, timeout_s=2, emit=Books()) == "open"

    asyncio.run(main())


def test_the_units_clock_is_told_of_the_wait() -> None:
    async def main() -> int:
        books = Books()
        await dialer().knock(HOST, closed_port(), timeout_s=1, emit=books)
        return books.waits

    assert asyncio.run(main()) == 1


def test_hosts_that_are_done_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.net.door.MANY", 10)
    doors = Doors(5, 1)
    busy = doors.of("busy").begin(stream=True)
    for n in range(10):
        doors.of(f"h{n}")
    doors.of("late")
    assert sorted(doors._doors) == ["busy", "late"]
    busy.end()
