"""The profiles: what each allows, in the table the run, its plan and the README share."""

from __future__ import annotations

from dataclasses import astuple
from pathlib import Path

import pytest

from agent.engagement.engagement import Engagement
from agent.net.pacer import Pacer
from agent.net.rates import PROFILES, Rates
from agent.perform import Performing, RunRequest
from tests.agent.engagement.sample import CLIENT, engagement

README = Path(__file__).parents[3] / "README.md"


def limits(rates: Rates) -> list[float]:
    return [float("inf") if n is None else n for n in astuple(rates)]


def test_quiet_is_quieter_and_fast_still_takes_care() -> None:
    quiet, normal, fast = (limits(PROFILES[p]) for p in ("quiet", "normal", "fast"))
    assert all(q <= n <= f for q, n, f in zip(quiet, normal, fast, strict=True))
    assert all(q < n for q, n in zip(quiet[:5], normal[:5], strict=True))
    assert PROFILES["fast"].slow_pps == PROFILES["normal"].slow_pps
    # Dynamic ARP inspection: 15 a second.
    assert PROFILES["quiet"].link_pps < 15
    assert PROFILES["normal"].host_pps <= 50 and PROFILES["normal"].connections == 1


def test_a_profile_is_what_the_pacer_holds() -> None:
    pacer = Pacer.at(PROFILES["quiet"].times(2))
    assert (pacer.total_pps, pacer.host_pps, pacer.slow_pps, pacer.link_pps) == (400, 20, 10, 20)
    assert PROFILES["normal"].times(50).handshakes == 250
    assert PROFILES["fast"].times(50).handshakes is None


@pytest.mark.parametrize("profile", PROFILES)
def test_the_readme_says_the_same(profile: str) -> None:
    (row,) = [r for r in README.read_text("utf-8").splitlines() if r.startswith(f"| {profile} ")]
    cells = [c.strip().replace(",", "") for c in row.split("|")[2:-1]]
    rates = PROFILES[profile]  # type: ignore[index]  # its keys are what we were given
    told = [c.split()[0] for c in cells]
    # A reset may come on top of what is sent to one host in 100 ms.
    host = "no" if rates.host_pps >= rates.total_pps else f"{rates.host_pps / 10 + 1:g}"
    link = "no" if rates.connections is None else f"{rates.connections}"
    assert told == [
        f"{rates.total_pps:g}",
        host,
        f"{rates.slow_pps:g}",
        f"{rates.link_pps:g}",
        link,
    ]
    if rates.handshakes is not None:
        assert f"{rates.handshakes} handshakes" in cells[-1]


@pytest.mark.parametrize(
    ("quiet", "fast", "profile"),
    [
        (False, False, "normal"),
        (False, True, "fast"),
        (True, False, "quiet"),
        (True, True, "quiet"),
    ],
)
def test_nobody_at_the_keyboard_lifts_the_quiet_profile(
    quiet: bool, fast: bool, profile: str, tmp_path: Path
) -> None:
    text = CLIENT.replace("former_knows = false", f"former_knows = {str(not quiet).lower()}")
    agreed: Engagement = engagement(tmp_path, text)
    assert agreed.quiet == quiet
    assert Performing(agreed, RunRequest(fast=fast))._profile() == profile
