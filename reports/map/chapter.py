"""The chapter of the map: which networks have one, which sites have none, and what was asked where there is none at all."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from reports.map.maps import Map

if TYPE_CHECKING:
    from reports.html.view import View


@dataclass(frozen=True)
class Chapter:
    """All networks of one report, as the template sees them."""

    view: View

    @cached_property
    def networks(self) -> list[Map]:
        """Every topology, also those without a box: they may have gaps."""
        found = self.view.judged.topologies
        return [Map(self.view, t, n) for n, t in enumerate(found, start=1)]

    @cached_property
    def maps(self) -> list[Map]:
        """One map a network whose switches told something."""
        return [m for m in self.networks if not m.empty]

    @property
    def unmapped(self) -> list[str]:
        """Sites of which there is no map though there is one of others."""
        drawn = {s for m in self.maps for s in m.sites}
        return [s.id for s in self.view.judged.engagement.sites if drawn and s.id not in drawn]

    @cached_property
    def asked(self) -> tuple[int, int]:
        """(devices asked by SNMP, those that answered): says why there is no map."""
        found = [s for _, s in self.view.judged.statuses if s.probe == "snmp" and s.unit != "*"]
        return len(found), sum(1 for s in found if s.answered)
