"""Hosts our own kernel has to meet before their ports are asked, where its resets count: it would else ask by ARP just then. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from scanners.raw_helper.work import Host, Job

KERNEL_TRIES, KERNEL_S = 3, 3.5
"""Requests our kernel sends for an address, and how long it takes to give up."""


class Strangers:
    def __init__(self) -> None:
        self._pokes: deque[Host] = deque()
        self._unmet: dict[bytes, Host] = {}

    def add(self, host: Host) -> None:
        self._pokes.append(host)

    def next(self) -> Host | None:
        """The next one to be sent a datagram."""
        while self._pokes:
            host = self._pokes.popleft()
            if not host.over:
                return host
        return None

    def back(self, host: Host) -> None:
        """Its datagram did not leave."""
        self._pokes.appendleft(host)

    def poked(self, host: Host, at: float) -> None:
        """Its datagram was handed to the kernel, which asks for its MAC now."""
        host.poked_at = at
        self._unmet[host.ip] = host

    def met(self, known: Iterable[bytes], at: float) -> list[Host]:
        """Our kernel knows these hosts now: those of them whose ports can be asked."""
        found: list[Host] = []
        for ip in known:
            host = self._unmet.pop(ip, None)
            if host is None or host.over or host.poked_at is None:
                continue
            host.window.take(at)
            # It repeats its request once a second (ip-sysctl, mcast_solicit: three in all).
            if again := min(int(at - host.poked_at), KERNEL_TRIES - 1):
                host.window.take(at)
                host.job.count(ip, 0, again)
            found.append(host)
        return found

    def given_up(self, now: float) -> list[bytes]:
        """Addresses our kernel asks for no more."""
        return [i for i, h in self._unmet.items() if (h.poked_at or now) + KERNEL_S <= now]

    def overdue(self, now: float, rto: float) -> bool:
        """Is there a host our kernel should have met by now? Then its table is worth a look."""
        due = now - rto
        return any(h.poked_at is not None and h.poked_at <= due for h in self._unmet.values())

    def stop(self, job: Job) -> None:
        self._pokes = deque(h for h in self._pokes if h.job is not job)
        self._unmet = {ip: h for ip, h in self._unmet.items() if h.job is not job}

    @property
    def waiting(self) -> bool:
        """Is a datagram to be sent?"""
        return bool(self._pokes)

    @property
    def meeting(self) -> bool:
        """Is our kernel making a host's acquaintance?"""
        return bool(self._unmet)

    def __contains__(self, ip: bytes) -> bool:
        return ip in self._unmet
