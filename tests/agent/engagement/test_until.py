"""A session under way: stopped by the clock, or when this machine no longer stands where the gate found it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.engagement.gate import gate
from agent.engagement.here import Here
from agent.engagement.until import Watch, until
from agent.net.interfaces import Way
from tests.agent.engagement.sample import CLIENT, engagement, here

GOOD = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def test_the_window_or_the_mandate_whichever_ends_first(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    site = e.site("usine")
    found = until(e, site, GOOD, outside_window=False)
    assert found is not None
    # 11:30 in Paris, an hour ahead.
    assert found.at == datetime(2026, 3, 2, 10, 30, tzinfo=UTC) and "scan window" in found.why
    found = until(e, site, GOOD, outside_window=True)
    assert found is not None
    assert found.at == datetime(2026, 6, 30, 22, 0, tzinfo=UTC) and "mandate" in found.why
    late = engagement(tmp_path, CLIENT.replace("to = 2026-06-30", "to = 2026-03-01"))
    found = until(late, site, GOOD, outside_window=False)
    assert found is not None and found.why == "the mandate ended on 2026-03-01"


def elsewhere() -> Here:
    return replace(here(), ask=lambda host: Way("wg0"))


@pytest.mark.parametrize(
    ("now_here", "words"),
    [
        (here(), ""),
        (here(None), ""),  # the table dropped the entry for a moment
        (here("02:aa:bb:cc:dd:ee"), "has MAC 02:aa:bb:cc:dd:ee now"),
        (replace(here(), routes=()), "no gateway 192.168.7.1 on eth0 any more"),
        (replace(here(), interfaces=()), "lost its address 192.168.7.20"),
        (elsewhere(), "would leave by wg0"),
        (Here(problem="no ip"), "cannot be read any more: no ip"),
    ],
)
def test_where_the_machine_stands_on_the_way(tmp_path: Path, now_here: Here, words: str) -> None:
    e = engagement(tmp_path)
    passed = gate(e, "usine", GOOD, vantage_probe=here)
    watch = Watch(passed, None, lambda: GOOD, lambda: now_here)
    assert words in watch.why_stop() and bool(words) == bool(watch.why_stop())
    assert watch.expired() == ""


def test_the_clock(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    passed = gate(e, "usine", GOOD, vantage_probe=here)
    end = until(e, passed.site, GOOD, outside_window=False)
    assert Watch(passed, end, lambda: GOOD + timedelta(hours=1), here).why_stop() == ""
    late = Watch(passed, end, lambda: GOOD + timedelta(hours=2), here)
    assert "closed" in late.expired() and late.why_stop() == late.expired()
