"""Caps by send time for the raw engine. Pure: the caller says what time it is, so that a test can replay a whole sweep in no time.

A time is taken *after* a frame has left and asked for *before* the next one leaves: whatever delays the process in between, the wire
never sees more than the cap.
"""

from __future__ import annotations

from collections import deque
from math import inf


class Window:
    """At most *limit* packets in any *window* seconds; no limit at all when *limit* is None."""

    def __init__(self, limit: int | None, window: float) -> None:
        """Raises `ValueError` for a cap of nothing."""
        if limit is not None and limit < 1:
            raise ValueError("a cap of no packets: leave the host out instead")
        self.limit, self.window = limit, window
        self._sent: deque[float] = deque(maxlen=limit)

    def ready(self, more: int = 0) -> float:
        """The first moment at which one packet may leave, and *more* of them right after it."""
        if self.limit is None:
            return -inf
        # A crowd that can never fit at once is let through one by one.
        over = len(self._sent) + min(more, self.limit - 1) + 1 - self.limit
        return self._sent[over - 1] + self.window if over > 0 else -inf

    def take(self, at: float) -> None:
        """A packet left at *at*."""
        if self.limit is not None:
            self._sent.append(max(at, self._sent[-1]) if self._sent else at)

    def lately(self) -> list[float]:
        return list(self._sent)

    def idle(self, now: float) -> bool:
        """Nothing left within the last window: forgetting this one changes nothing."""
        return not self._sent or self._sent[-1] + self.window <= now


class Steady:
    """A cap of *pps* a second: one packet at a time below 500. From there a tenth of it in any 100 ms, so that a process that was
    woken late may catch up within that, and 1.3 hundredths in any 10 ms, so that it does so gently."""

    def __init__(self, pps: float, after: Steady | None = None) -> None:
        """What has left under *after* counts."""
        fine = pps >= 500
        self.pps = pps
        self._long = Window(int(pps // 10), 0.1) if fine else Window(1, 1 / pps)
        self._short = Window(int(pps * 0.013), 0.01) if fine else Window(None, 0.01)
        for at in after.lately() if after is not None else ():
            self.take(at)

    def ready(self) -> float:
        return max(self._long.ready(), self._short.ready())

    def take(self, at: float) -> None:
        self._long.take(at)
        self._short.take(at)

    def lately(self) -> list[float]:
        return self._long.lately()
