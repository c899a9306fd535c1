"""How much a network is asked to bear, by profile: one table, for the run, its plan and the README.

normal  what an office does not notice: at most 5 packets that begin something to one host in any 100 ms. We send 4, as the reset that
        ends an accepted connection comes by itself. runZero defaults to 1,000 packets a second in all and 40 to a host, too.
quiet   where somebody might react: Cisco's dynamic ARP inspection shuts a port at 15 ARP a second by default.
fast    for a network that is ours alone: no cap for one host, but for those where care was asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from agent.model.raw_caps import RawCaps

RAW_SHARE = 0.9
"""Of all packets a second: the rest is for the connections to fragile hosts that run beside a raw sweep."""

Profile = Literal["normal", "quiet", "fast"]


@dataclass(frozen=True)
class Rates:
    """Packets a second, by send time: in all, to one host (evenly, a tenth in any 100 ms), to one where care was asked for, broadcast.

    `handshakes`: TCP connections newly completed with one host in any second; `connections`: open with it at a time. None: no limit.
    """

    total_pps: float
    host_pps: float
    slow_pps: float
    link_pps: float
    handshakes: int | None
    connections: int | None

    def times(self, factor: int) -> Rates:
        """For packets that never leave this machine: the loopback lab."""
        return replace(
            self,
            total_pps=self.total_pps * factor,
            host_pps=self.host_pps * factor,
            slow_pps=self.slow_pps * factor,
            link_pps=self.link_pps * factor,
            handshakes=None if self.handshakes is None else self.handshakes * factor,
            connections=None if self.connections is None else self.connections * factor,
        )


PROFILES: Mapping[Profile, Rates] = {
    "normal": Rates(1000, 40, 10, 500, handshakes=5, connections=1),
    "quiet": Rates(200, 10, 5, 10, handshakes=2, connections=1),
    "fast": Rates(5000, 5000, 10, 500, handshakes=None, connections=None),
}


def raw_caps(rates: Rates, arp_pps: int | None) -> RawCaps:
    """Caps of the raw engine in a profile; its window of 100 ms holds the resets of our kernel too."""
    free = rates.host_pps >= rates.total_pps
    return RawCaps(
        host=None if free else int(rates.host_pps // 10) + 1,
        total=rates.total_pps * RAW_SHARE,
        broadcast=float(arp_pps or rates.link_pps),
    )
