"""Runs the product as a technician would: the command `handover`, on his machine's network, and nothing but its files read afterwards."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.engagement.engagement import load_engagement
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.load_material import load_material
from agent.material import Material
from agent.model.judged import Judged
from fixtures.lab import Lab

ROOT = Path(__file__).resolve().parents[2]
DAY_S = 86_400
GATEWAY = "192.168.1.1"
NO_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--")
"""A process without a single capability: no packet socket, no ICMP socket of the raw kind."""
MARKS = [
    pytest.mark.root,
    pytest.mark.needs("ip", "nft", "nsenter", "setpriv", "sshd", "tcpdump"),
    pytest.mark.xdist_group("namespace"),
    pytest.mark.timeout(900),
]
_AT_ANOTHER_TIME = """\
import runpy, sys, time
back, moment, nanos = float(sys.argv.pop(1)), time.time, time.time_ns
time.time = lambda: moment() - back
time.time_ns = lambda: nanos() - int(back * 1e9)
runpy.run_module("agent", run_name="__main__", alter_sys=True)
"""
"""The machine's clock set back: what the product reads as the time is of another day."""


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


def handover(
    *words: str | Path, before: Sequence[str] = (), days_ago: int = 0, timeout_s: float = 300
) -> Done:
    """`handover WORDS...`, with *before* put before the command; `days_ago` sets its clock back."""
    program = ["-m", "agent"]
    if days_ago:
        program = ["-c", _AT_ANOTHER_TIME, str(days_ago * DAY_S)]
    argv = [*before, sys.executable, *program, *map(str, words)]
    done = subprocess.run(
        argv,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return Done(done.returncode, done.stdout, done.stderr)


def run_at(
    lab: Lab,
    site: str,
    folder: Path,
    *options: str,
    rights: bool = True,
    days_ago: int = 0,
    timeout_s: float = 300,
) -> Done:
    """`handover run FOLDER --site SITE` on the technician's machine at *site*."""
    there = ("nsenter", f"--net={lab.technician_ns(site)}", "--")
    before = there if rights else (*there, *NO_RIGHTS)
    return handover(
        "run",
        folder,
        "--site",
        site,
        *options,
        before=before,
        days_ago=days_ago,
        timeout_s=timeout_s,
    )


def another_day(lab: Lab, site: str) -> None:
    """The technician's machine has forgotten whom it met before, and has talked to its gateway, as one in use has. Sends nothing."""
    mac = lab.truth().site(site).gateway_mac
    known = ["replace", GATEWAY, "lladdr", mac, "dev", "eth0", "nud", "stale"]
    for words in (["flush", "dev", "eth0"], known):
        subprocess.run(
            ["nsenter", f"--net={lab.technician_ns(site)}", "ip", "neigh", *words],
            check=True,
            capture_output=True,
            timeout=30,
        )


def small_voice_network(folder: Path) -> Path:
    """Ask 30 addresses behind the gateway, not 254: all its devices are among them, and a run takes a third of the time."""
    return change(folder, "192.168.20.0/24", "192.168.20.0/27")


def change(folder: Path, pattern: str, into: str) -> Path:
    """Replace what *pattern* (a regular expression) matches in client.toml, once or more; returns *folder*."""
    file = folder / "client.toml"
    text, count = re.subn(pattern, into, file.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert count, f"{pattern!r} is not in client.toml"
    file.write_text(text)
    return folder


def runs_of(folder: Path) -> list[Path]:
    return sorted((folder / "runs").glob("*.run"))


def with_runs(source: Path, target: Path, runs: Sequence[Path]) -> Path:
    """A copy of the engagement *source* that holds *runs* only."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("runs"))
    (target / "runs").mkdir()
    for run in runs:
        shutil.copy(run, target / "runs" / run.name)
    return target


def material_of(folder: Path) -> Material:
    return load_material(load_engagement(folder))


def judged_of(folder: Path) -> Judged:
    material = material_of(folder)
    return judge(material, build(material))
