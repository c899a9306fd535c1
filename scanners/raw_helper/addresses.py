"""Addresses that are asked for by ARP, in which order and how often: twice, and a third time where packets are known to get lost. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from math import inf

from scanners.raw_helper.policy import TRIES_UNKNOWN, Loss, enough_for
from scanners.raw_helper.work import Address, Group, Job


class Addresses:
    """`link`: what the hosts of our link have shown. `ended` is told of each address that is through."""

    def __init__(self, link: Group, ended: Callable[[Address], None]) -> None:
        self._link, self._ended = link, ended
        self.loss = Loss()
        self._known: dict[bytes, Address] = {}
        self._next: deque[Address] = deque()
        self._asked: deque[Address] = deque()

    def add(self, job: Job, ip: bytes) -> None:
        one = self._known[ip] = Address(job, ip)
        self._next.append(one)
        job.asking += 1

    def get(self, ip: bytes) -> Address | None:
        return self._known.get(ip)

    def next(self) -> Address | None:
        """The next one to ask for."""
        while self._next:
            one = self._next.popleft()
            if not one.settled and not one.macs:
                return one
        return None

    def back(self, one: Address) -> None:
        """Its request did not leave."""
        self._next.appendleft(one)

    def asked(self, one: Address, at: float) -> None:
        """Its request has left."""
        one.tries += 1
        one.asked_at, one.due = at, at + self._link.trip.rto
        self._asked.append(one)

    def answered(self, one: Address, at: float) -> None:
        """By its first answer."""
        self.loss.seen(one.tries)
        if one.tries == 1:
            self._link.trip.seen(at - one.asked_at)

    def expire(self, now: float) -> None:
        """Those whose last request counts as unanswered: asked again, or given up."""
        while self._asked and self._asked[0].due <= now:
            one = self._asked.popleft()
            if one.macs:
                self._over(one)
            elif one.tries < TRIES_UNKNOWN:
                self._next.append(one)
            else:
                one.job.held.append(one)
                self.decide(one.job)

    def decide(self, job: Job) -> None:
        """A third request is worth it once packets are known to get lost; that none do is known when all other questions are through."""
        if not job.held:
            return
        seen = [r for r in (self.loss.rate, self._link.loss.rate) if r]
        through = len(job.held) >= job.asking and not job.hosts
        if not (seen or through):
            return
        held, job.held = job.held, []
        most = enough_for(max(seen)) if seen else TRIES_UNKNOWN
        for one in held:
            if one.tries < most:
                self._next.append(one)
            else:
                self._over(one)

    def stop(self, job: Job) -> None:
        for one in [a for a in self._known.values() if a.job is job]:
            self._over(one)
        self._next = deque(a for a in self._next if a.job is not job)
        self._asked = deque(a for a in self._asked if a.job is not job)

    def deadline(self) -> float:
        """When the oldest request counts as unanswered; `inf` when none is under way."""
        return self._asked[0].due if self._asked else inf

    @property
    def waiting(self) -> bool:
        """Is a request to be sent?"""
        return bool(self._next)

    def __contains__(self, ip: bytes) -> bool:
        return ip in self._known

    def _over(self, one: Address) -> None:
        if one.settled:
            return
        one.settled = True
        self._known.pop(one.ip, None)
        one.job.asking -= 1
        self.decide(one.job)
        self._ended(one)
