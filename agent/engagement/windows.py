"""Opening hours and scan windows, as people write them: `Mon-Fri 09:30-11:30`, `Mon-Thu 08:00-12:00, 14:00-18:00; Fri 08:00-12:00`.

English and French day names. Times are wall-clock times of the site; the end is not part of the window; `22:00-06:00` runs past midnight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

_NAMES = (
    ("mon", "lun"),
    ("tue", "mar"),
    ("wed", "mer"),
    ("thu", "jeu"),
    ("fri", "ven"),
    ("sat", "sam"),
    ("sun", "dim"),
)
DAYS: tuple[str, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ITEM = re.compile(
    r"^(?P<days>[A-Za-z.]+(?:\s*-\s*[A-Za-z.]+)?)?\s*"
    r"(?P<times>\d{1,2}[:h]\d{2}\s*-\s*\d{1,2}[:h]\d{2})?$"
)
_EVERY_DAY = frozenset(range(7))


class WindowError(ValueError):
    """The text is no window."""


@dataclass(frozen=True)
class Span:
    """On each of `days` (0 = Monday) from minute `start` to minute `end` of that day; `end` <= `start` runs into the next day."""

    days: frozenset[int]
    start: int
    end: int


@dataclass(frozen=True)
class Window:
    """Never empty."""

    spans: tuple[Span, ...]

    def contains(self, local: datetime) -> bool:
        """Is *local*, a wall-clock time of the site, inside?"""
        minute = local.hour * 60 + local.minute
        today, yesterday = local.weekday(), (local.weekday() - 1) % 7
        for s in self.spans:
            if s.start < s.end:
                if today in s.days and s.start <= minute < s.end:
                    return True
            elif (today in s.days and minute >= s.start) or (
                yesterday in s.days and minute < s.end
            ):
                return True
        return False

    def next_start(self, local: datetime) -> datetime:
        """The next moment after *local* at which the window opens."""
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        starts = (
            midnight + timedelta(days=day, minutes=s.start)
            for day in range(8)
            for s in self.spans
            if (midnight + timedelta(days=day)).weekday() in s.days
        )
        return min(start for start in starts if start > local)

    def end(self, local: datetime) -> datetime | None:
        """The first moment after *local* at which the window is closed; None when it never closes."""
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
        ends = sorted(
            midnight + timedelta(days=day, minutes=s.end) for day in range(9) for s in self.spans
        )
        return next((end for end in ends if end > local and not self.contains(end)), None)


def parse_window(text: str) -> Window:
    """Raises `WindowError` with the reason in words; the text itself is not repeated."""
    if text.strip().lower() in ("always", "24/7", "toujours"):
        return Window((Span(_EVERY_DAY, 0, 1440),))
    return Window(tuple(_spans(text)))


def _spans(text: str) -> Iterator[Span]:
    days: frozenset[int] = frozenset()
    timed = True
    for part in re.split(r"[,;]", text):
        item = _ITEM.match(part.strip())
        if item is None or not part.strip():
            raise WindowError("write days and times like Mon-Fri 09:30-11:30")
        if item["days"]:
            named = _days(item["days"])
            days = named if timed else days | named
            timed = False
        if item["times"]:
            start, end = (_minute(t) for t in item["times"].split("-"))
            if start == end or start == 1440:
                raise WindowError("a window begins and ends at different times")
            yield Span(days or _EVERY_DAY, start, end)
            timed = True
    if not timed:
        raise WindowError("a day without times: write Sat 09:00-12:00")


def _days(text: str) -> frozenset[int]:
    first, _, last = (part.strip() for part in text.partition("-"))
    a = _day(first)
    b = _day(last) if last else a
    return frozenset((a + i) % 7 for i in range((b - a) % 7 + 1))


def _day(text: str) -> int:
    for i, names in enumerate(_NAMES):
        if len(text) >= 3 and text.lower().startswith(names):
            return i
    raise WindowError(f"days are {', '.join(DAYS)}")


def _minute(text: str) -> int:
    hours, minutes = (int(part) for part in re.split("[:h]", text.strip()))
    if minutes > 59 or hours * 60 + minutes > 1440:
        raise WindowError("times run from 00:00 to 24:00")
    return hours * 60 + minutes
