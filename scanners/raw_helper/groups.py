"""The ways hosts are reached by the raw engine: our link, gateways, echoes of one rate. Each has its round trips, its loss and its pace."""

from __future__ import annotations

from collections.abc import Iterator

from scanners.raw_helper.frames import ECHO
from scanners.raw_helper.pace import Steady
from scanners.raw_helper.work import Group, Job


class Groups:
    """`gateway_pps`: new connections a second through one gateway."""

    def __init__(self, gateway_pps: float) -> None:
        self.link = Group(None)
        self._gateway_pps = gateway_pps
        self._gateways: dict[bytes, Group] = {}
        self._echoes: dict[float, Group] = {}

    def of(self, job: Job, mac: bytes, *, routed: bool) -> Group:
        """Where a host of *job* behind *mac* belongs."""
        if job.ports == (ECHO,):
            return self._echoes.setdefault(job.rate, Group(Steady(job.rate)))
        if routed:
            return self._gateways.setdefault(mac, Group(Steady(self._gateway_pps)))
        return self.link

    def waiting(self) -> bool:
        return any(group.heap for group in self)

    def __iter__(self) -> Iterator[Group]:
        yield self.link
        yield from self._gateways.values()
        yield from self._echoes.values()
