"""The budget of `make bench PART=identify`: rounds that would not end in time are not begun, the first always is."""

from __future__ import annotations

from itertools import accumulate

import pytest

from tests.bench.part_identify import within


@pytest.mark.parametrize(
    ("lasts", "ran"),
    [
        ([10.0, 10.0, 10.0], 3),
        ([90.0, 90.0, 90.0], 2),
        ([500.0, 1.0, 1.0], 1),
        ([20.0, 120.0, 5.0], 2),
        ([100.0, 100.0, 1.0], 2),
        ([90.0, 30.0, 1.0], 2),
    ],
)
def test_a_round_begins_only_where_it_would_end_within_the_budget(
    lasts: list[float], ran: int
) -> None:
    clock = accumulate(lasts, initial=1000.0)
    assert list(within(200, 3, lambda: next(clock))) == list(range(ran))
