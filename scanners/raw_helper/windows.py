"""The caps of single hosts in the raw engine: one window a host, from its first packet until it may be forgotten. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from scanners.raw_helper.pace import Window

SECONDS = 0.1
"""Of which window the cap of a host speaks."""


class Windows:
    """`limit`: packets to one host in any `SECONDS`; None lifts the cap, and nothing is remembered then."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._free = Window(None, SECONDS) if limit is None else None
        self._windows: dict[bytes, Window] = {}
        self._ended: deque[bytes] = deque()

    def of(self, ip: bytes) -> Window:
        if self._free is not None:
            return self._free
        found = self._windows.get(ip)
        if found is None:
            found = self._windows[ip] = Window(self._limit, SECONDS)
        return found

    def ended(self, ip: bytes) -> None:
        """Nothing more is asked of *ip* for now: its window may be forgotten once it is idle."""
        if self._free is None:
            self._ended.append(ip)

    def forget(self, now: float, busy: Callable[[bytes], bool]) -> None:
        """Drop windows of hosts that have ended, in the order in which they did: no look at all those that are being asked."""
        while self._ended:
            ip = self._ended[0]
            window = self._windows.get(ip)
            if window is not None and not busy(ip):
                if not window.idle(now):
                    return
                del self._windows[ip]
            self._ended.popleft()

    def __len__(self) -> int:
        return len(self._windows)
