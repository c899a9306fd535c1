"""How many ARP requests the kernel may have sent for one neighbour while we talked to it: it does not say, so the most is counted.

An unresolved neighbour is asked once a second as long as there is something to send (ip-sysctl, retrans_time_ms), and twice more after
the last packet; one that answered is trusted for at least 15 s (base_reachable_time_ms, half of it), then asked again once.
"""

from __future__ import annotations

TRUSTED_S = 15.0
TAIL_S = 3.0
FIRST = 3
"""Beside one a second: the request that starts the asking, and the two that follow the last packet."""


class ArpCount:
    """For one neighbour; times are in seconds of one monotonic clock."""

    def __init__(self) -> None:
        self._covered = 0.0
        self._asking_s = 0.0
        self._counted = 0

    def until(self, now: float, moment: float) -> int:
        """Requests to add to the ledger before something is sent from *now* on until *moment*."""
        if moment > self._covered:
            idle = max(0.0, now - self._covered) if self._counted else 0.0
            self._asking_s += moment - max(self._covered, now) + min(idle, TAIL_S)
            self._covered = moment
        due = int(self._asking_s) + 1 + FIRST
        new, self._counted = due - self._counted, due
        return new

    def answered(self, now: float) -> None:
        """The neighbour answered: it is not asked for a while."""
        self._covered = max(self._covered, now + TRUSTED_S)
