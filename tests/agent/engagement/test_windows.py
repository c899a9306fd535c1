"""Opening hours and scan windows as people write them, to the minute."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engagement.windows import WindowError, parse_window

MONDAY = datetime(2026, 3, 2)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return MONDAY.replace(day=2 + day, hour=hour, minute=minute)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (
            "Mon-Fri 09:30-11:30",
            [at(0, 9, 30), at(4, 11, 29)],
            [at(0, 9, 29), at(4, 11, 30), at(5, 10)],
        ),
        ("Sat 09:00-24:00", [at(5, 23, 59)], [at(6, 0), at(5, 8, 59)]),
        ("Fri 22:00-06:00", [at(4, 22), at(5, 5, 59)], [at(4, 5), at(5, 6), at(5, 22)]),
        ("Sun 22:00-06:00", [at(6, 23), at(0, 3)], [at(0, 22), at(6, 3)]),
        ("Fri-Mon 10:00-11:00", [at(4, 10), at(6, 10), at(0, 10)], [at(1, 10), at(3, 10)]),
        ("Mon, Wed 10:00-11:00", [at(0, 10), at(2, 10)], [at(1, 10)]),
        (
            "Mon-Thu 08:00-12:00, 14:00-18:00; Fri 08:00-12:00",
            [at(3, 15), at(4, 9)],
            [at(4, 15), at(3, 13)],
        ),
        ("lun-ven 9h00-17h30", [at(0, 9), at(4, 17, 29)], [at(5, 9)]),
        ("Tuesday 10:00-11:00", [at(1, 10)], [at(0, 10)]),
        ("09:00-10:00", [at(6, 9)], [at(6, 10)]),
        ("24/7", [at(6, 3), at(0, 0)], []),
    ],
)
def test_edges(text: str, inside: list[datetime], outside: list[datetime]) -> None:
    window = parse_window(text)
    for moment in inside:
        assert window.contains(moment), moment
    for moment in outside:
        assert not window.contains(moment), moment
        opens = window.next_start(moment)
        assert opens > moment and window.contains(opens)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Mon",
        "Mo 9-11",
        "Mon-Fri 9:30",
        "Foo 09:00-10:00",
        "Mon 09:00-25:00",
        "Mon 09:60-10:00",
        "Mon 10:00-10:00",
        "Mon 24:00-02:00",
        "09:00-10:00;",
        "Mon 09:00-10:00 Tue",
    ],
)
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(WindowError):
        parse_window(text)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="MonTueFri lv09:-,;h24/7x", max_size=40) | st.text(max_size=40))
def test_any_text_is_a_window_or_refused(text: str) -> None:
    try:
        window = parse_window(text)
    except WindowError:
        return
    assert window.contains(window.next_start(MONDAY))


@pytest.mark.parametrize(
    ("text", "now", "end"),
    [
        ("Mon-Fri 09:30-11:30", datetime(2026, 3, 2, 10, 0), datetime(2026, 3, 2, 11, 30)),
        ("09:00-11:00, 10:00-12:00", datetime(2026, 3, 2, 10, 30), datetime(2026, 3, 2, 12, 0)),
        ("Mon 22:00-02:00", datetime(2026, 3, 2, 23, 0), datetime(2026, 3, 3, 2, 0)),
        ("Mon 22:00-02:00", datetime(2026, 3, 3, 1, 0), datetime(2026, 3, 3, 2, 0)),
        (
            "Mon 12:00-24:00, Tue 00:00-06:00",
            datetime(2026, 3, 2, 13, 0),
            datetime(2026, 3, 3, 6, 0),
        ),
        ("24/7", datetime(2026, 3, 2, 13, 0), None),
    ],
)
def test_when_a_window_closes(text: str, now: datetime, end: datetime | None) -> None:
    window = parse_window(text)
    assert window.contains(now)
    assert window.end(now) == end
