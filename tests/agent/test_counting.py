"""What may leave is one question, what left another: reservations, tallies, the truth above them, the busiest second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract import OutOfScope, UnitEnded
from agent.counting import Amount, PacketCount, busiest_second

HOST = "10.0.0.1"


class At:
    """A clock we set."""

    us = 0

    def __call__(self) -> int:
        return self.us


def count(packets: int = 10, clock: At | None = None) -> PacketCount:
    return PacketCount("probe/unit", {(HOST, "tcp"): (packets, packets * 100)}, clock or At())


def settled(books: PacketCount, *, full: bool = False) -> tuple[Amount, int]:
    ((_, _, amount, peak),) = books.settled(full=full)
    return amount, peak


def test_nothing_may_leave_above_the_reservation_open_tallies_included() -> None:
    books = count(10)
    books.sent(HOST, "tcp", 3, 300)
    one = books.tally(HOST, "tcp")
    one.may(4, 400)
    with pytest.raises(OutOfScope):
        books.sent(HOST, "tcp", 4, 100)
    with pytest.raises(OutOfScope):
        books.sent(HOST, "tcp", 1, 400)
    books.tally(HOST, "tcp").may(3, 300)
    with pytest.raises(OutOfScope):
        one.may(5, 0)
    with pytest.raises(OutOfScope):
        books.tally("10.0.0.2", "tcp")


def test_what_a_tally_did_not_need_is_free_again() -> None:
    books = count(10)
    for _ in range(5):
        one = books.tally(HOST, "tcp")
        one.may(6, 600)
        one.left(1, 100)
        one.close()
    assert settled(books)[0] == (5, 500)


def test_what_left_is_booked_whatever_was_reserved_and_even_late() -> None:
    books = count(3)
    one = books.tally(HOST, "tcp")
    one.may(3, 300)
    one.left(2, 200)
    books.end()
    with pytest.raises(UnitEnded):
        one.may(1, 1)
    with pytest.raises(UnitEnded):
        books.sent(HOST, "tcp", 1, 1)
    one.left(7, 700)
    one.close(2, 200)
    one.close(2, 200)
    assert settled(books)[0] == (9, 900)
    assert len(books.over) == 1 and HOST in books.over[0]


def test_the_reservation_counts_where_the_number_is_not_known() -> None:
    books = count(10)
    one = books.tally(HOST, "tcp")
    one.left(2, 200)
    assert settled(books)[0] == (10, 1000)
    one.left(12, 900)
    assert settled(books)[0] == (12, 1000)
    assert books.over
    one.close()
    assert settled(books)[0] == (12, 900)
    assert settled(books, full=True)[0] == (12, 1000)
    assert settled(count(10), full=True)[0] == (10, 1000)
    assert settled(count(10))[0] == (0, 0)


def test_a_late_count_is_spread_over_the_time_it_took() -> None:
    clock = At()
    books = count(1000, clock)
    one = books.tally(HOST, "tcp")
    clock.us = 8_000_000
    one.left(392, 39_200)
    one.close(17, 1700)
    amount, peak = settled(books)
    assert amount.packets == 409
    assert 49 <= peak <= 52


def test_the_busiest_second_lies_anywhere() -> None:
    clock = At()
    books = count(1000, clock)
    for ms in (900, 950, 1000, 1050, 1899):
        clock.us = ms * 1000
        books.sent(HOST, "tcp", 10, 10)
    assert settled(books)[1] == 50
    assert busiest_second([(0, 1), (1_000_000, 1)]) == 1
    assert busiest_second([]) == 0


@given(st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 9)), max_size=30))
def test_the_busiest_second_is_the_busiest(events: list[tuple[int, int]]) -> None:
    brute = max(
        (sum(n for at, n in events if start <= at < start + 1_000_000) for start, _ in events),
        default=0,
    )
    assert busiest_second(events) == brute


@given(st.integers(0, 500), st.integers(0, 10_000_000))
def test_spreading_loses_no_packet(packets: int, until: int) -> None:
    clock = At()
    books = count(1000, clock)
    one = books.tally(HOST, "tcp")
    clock.us = until
    one.left(packets, packets)
    row = books._rows[HOST, "tcp"]
    assert sum(n for _, n in row.events) == packets
    assert all(0 <= at <= until for at, _ in row.events)
