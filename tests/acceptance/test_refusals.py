"""Runs that must not begin: the exit code, a reason in words, no run file, and not one packet on the wire."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fixtures.lab import Lab
from tests.acceptance.product import MARKS, another_day, change, run_at, runs_of
from tests.acceptance.wire import sent

pytestmark = MARKS
NETWORKS = r"networks = \[.*?\n\]"
Edit = Callable[[Path], Path]


def no_mandate(folder: Path) -> Path:
    return change(folder, r"\[mandate\].*?(?=\[takeover\])", "")


def expired(folder: Path) -> Path:
    return change(folder, r"valid     = .*?$", "valid = { from = 2024-01-01, to = 2024-06-30 }")


def unsigned(folder: Path) -> Path:
    return change(folder, r"^signed_by.*?$", "")


def sweep_not_allowed(folder: Path) -> Path:
    return change(folder, r"^allows .*?$", 'allows = ["devices"]')


def another_network(folder: Path) -> Path:
    return change(folder, r'gateway_mac = "[^"]*"', 'gateway_mac = "00:00:5e:00:01:7f"')


def never_pinned(folder: Path) -> Path:
    return change(folder, r"^here_if .*?$", "")


def window_closed(folder: Path) -> Path:
    """Open for one hour, six hours from now at the site."""
    opens = datetime.now(ZoneInfo("Europe/Paris")) + timedelta(hours=6)
    shuts = opens + timedelta(hours=1)
    return change(folder, '"always"', f'"{opens:%a %H:%M}-{shuts:%H:%M}"')


def nothing_to_ask(folder: Path) -> Path:
    return change(folder, NETWORKS, "networks = []")


def all_of_it_never(folder: Path) -> Path:
    return change(folder, r"never = \[", 'never = [{ net = "192.168.0.0/16", why = "all" },')


def too_wide(folder: Path) -> Path:
    return change(folder, NETWORKS, 'networks = [{ net = "192.168.0.0/15", use = "office" }]')


def as_it_is(folder: Path) -> Path:
    return folder


@pytest.mark.parametrize(
    ("edit", "options", "code", "words"),
    [
        pytest.param(no_mandate, (), 4, "mandate", id="no mandate"),
        pytest.param(expired, (), 4, "2024-06-30", id="mandate ended"),
        pytest.param(unsigned, (), 4, "signed_by", id="nobody signed"),
        pytest.param(sweep_not_allowed, (), 4, "'sweep'", id="sweep not allowed"),
        pytest.param(another_network, (), 4, "00:00:5e:00:01:7f", id="another network"),
        pytest.param(never_pinned, (), 4, "pin", id="never pinned"),
        pytest.param(window_closed, (), 4, "window", id="outside the window"),
        pytest.param(nothing_to_ask, (), 2, "scope", id="no network"),
        pytest.param(all_of_it_never, (), 2, "empty", id="all of it never"),
        pytest.param(too_wide, (), 2, "--wide", id="wider than a /16"),
        pytest.param(as_it_is, ("--site", "nulle-part"), 2, "nulle-part", id="unknown site"),
        pytest.param(as_it_is, ("--only", "192.168.1.60"), 4, "never", id="host in never"),
        pytest.param(as_it_is, ("--only", "198.51.100.66"), 4, "outside", id="host outside"),
        pytest.param(as_it_is, ("--only", "everything"), 2, "everything", id="no such probe"),
    ],
)
def test_refused_without_a_packet(
    lab: Lab, tmp_path: Path, edit: Edit, options: tuple[str, ...], code: int, words: str
) -> None:
    folder = edit(lab.engagement(tmp_path / "engagement"))
    another_day(lab, "siege")
    with lab.capture("siege") as capture:
        done = run_at(lab, "siege", folder, *options, timeout_s=60)
    assert done.code == code, done.text
    assert words in done.err, done.text
    assert "Traceback" not in done.err
    assert not runs_of(folder)
    assert sent(lab.packets(capture), lab.truth().site("siege")) == []


def test_one_host_by_name_of_its_address(lab: Lab, tmp_path: Path) -> None:
    """The counterpart: what may be asked is asked, and nothing beside it; and the capture above would have shown it."""
    folder = lab.engagement(tmp_path / "engagement")
    another_day(lab, "siege")
    with lab.capture("siege") as capture:
        done = run_at(lab, "siege", folder, "--only", "arp", "--only", "192.168.1.70", timeout_s=60)
    assert done.code == 0, done.text
    ours = sent(lab.packets(capture), lab.truth().site("siege"))
    assert {p.dst for p in ours} == {"192.168.1.70"}


def test_now_goes_past_the_window(lab: Lab, tmp_path: Path) -> None:
    folder = window_closed(lab.engagement(tmp_path / "engagement"))
    another_day(lab, "depot")
    done = run_at(lab, "depot", folder, "--only", "arp", "--now", timeout_s=60)
    assert done.code == 0, done.text
    assert len(runs_of(folder)) == 1
