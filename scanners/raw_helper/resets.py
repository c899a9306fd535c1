"""Resets of ours that are owed to hosts which accepted a connection: they leave when the cap of their host lets them. Pure."""

from __future__ import annotations

import heapq
import itertools
from math import inf

from scanners.raw_helper.work import Host


class Resets:
    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Host, int, int]] = []
        self._numbers = itertools.count()

    def owe(self, host: Host, port: int, tried: int, when: float) -> None:
        """One to *port* of *host*, not before *when*; *tried*: which of our tries was answered."""
        heapq.heappush(self._heap, (when, next(self._numbers), host, port, tried))

    def due(self, now: float) -> tuple[Host, int, int] | None:
        """(host, port, try) of one that may leave now. A host whose window is full is put off; one that is over gets none."""
        while self._heap and self._heap[0][0] <= now:
            _, _, host, port, tried = heapq.heappop(self._heap)
            if host.over:
                continue
            if (ready := host.window.ready()) > now:
                self.owe(host, port, tried, ready)
                continue
            return host, port, tried
        return None

    def next_at(self) -> float:
        """When to look again; `inf` when none is owed."""
        return self._heap[0][0] if self._heap else inf

    def __bool__(self) -> bool:
        return bool(self._heap)
