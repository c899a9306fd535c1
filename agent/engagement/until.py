"""Until when a session may go on, and whether this machine still stands where it stood: what the gate asked once, asked again on the way.

For the session (`agent.perform`). Reads the clock and this machine's tables; sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from agent.engagement.client_file import Site
from agent.engagement.engagement import Engagement
from agent.engagement.gate import Gate, zone_of
from agent.engagement.here import Here, look
from agent.engagement.pin import left
from agent.engagement.windows import parse_window


@dataclass(frozen=True)
class Until:
    """A moment (UTC) at which the session ends cleanly, and why in words."""

    at: datetime
    why: str


def until(
    engagement: Engagement, site: Site, now: datetime, *, outside_window: bool
) -> Until | None:
    """The earlier of the mandate's last midnight and the end of the open scan window; *outside_window* is what `--now` says."""
    ends: list[Until] = []
    valid = engagement.client.mandate.valid
    if valid is not None and valid.to is not None:
        midnight = datetime.combine(valid.to + timedelta(days=1), time())
        ends.append(Until(_utc(midnight, site), f"the mandate ended on {valid.to}"))
    if site.scan is not None and not outside_window:
        local = now.astimezone(zone_of(site)).replace(tzinfo=None)
        closes = parse_window(site.scan).end(local)
        if closes is not None:
            why = f"the scan window {site.scan} of site {site.id} closed"
            ends.append(Until(_utc(closes, site), why))
    return min(ends, key=lambda u: u.at, default=None)


@dataclass(frozen=True)
class Watch:
    """Asked while a session runs: `expired` by the clock alone, `why_stop` also where this machine stands."""

    passed: Gate
    until: Until | None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    vantage_probe: Callable[[], Here] = look

    def expired(self) -> str:
        """Why the time is up; empty while it is not."""
        return self.until.why if self.until and self.clock() >= self.until.at else ""

    def why_stop(self) -> str:
        """Why nothing more may be sent; empty while all stands."""
        if why := self.expired():
            return why
        # The loopback lab stands where this machine stands.
        place = self.passed.place
        return left(self.passed.site, place, self.vantage_probe()) if place.gateway else ""


def _utc(local: datetime, site: Site) -> datetime:
    """*local* is a wall-clock time of *site*; of two such moments (autumn) the earlier."""
    zone = zone_of(site)
    aware = local.replace(tzinfo=zone) if zone else local.astimezone()
    return aware.astimezone(UTC)
