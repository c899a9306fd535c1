"""`handover collect` as an RMM runs it: a file for its owner only, a short summary in ASCII, an exit code that tells the truth."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.imports.endpoint_file import read_endpoint
from agent.model.endpoint_tables import MOST_BYTES, SOURCES_OF

CANARY = "CANARY-91c2"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the Linux part")


def collect(*args: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", "collect", *map(str, args)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "RMM_TOKEN": CANARY},
        check=False,
    )


def test_this_machine_in_one_document(tmp_path: Path) -> None:
    out = tmp_path / "pc.json"
    done = collect("--out", out, "--for", "0" * 32)
    assert done.stderr == "" and done.returncode in (0, 3)
    assert done.stdout.isascii() and len(done.stdout) < 3000
    found = read_endpoint(out).document
    assert found.engagement == "0" * 32 and found.elevated == (os.geteuid() == 0)
    assert {c.source for c in found.checked} >= set(SOURCES_OF["linux"]) - {"firewall_rules"}
    partly = any(c.outcome != "done" for c in found.checked)
    assert done.returncode == (3 if partly else 0)
    assert out.stat().st_size <= MOST_BYTES and out.stat().st_mode & 0o077 == 0
    # The environment of who asks, and of every program here, is no part of it.
    assert CANARY not in out.read_text("utf-8")
    assert [p.name for p in tmp_path.iterdir()] == ["pc.json"]


def test_a_time_that_is_none_is_refused(tmp_path: Path) -> None:
    done = collect("--out", tmp_path / "pc.json", "--seconds", "0.5")
    assert done.returncode == 2 and "0.5" in done.stderr


def test_where_it_cannot_be_written(tmp_path: Path) -> None:
    done = collect("--out", tmp_path / "no" / "pc.json")
    assert done.returncode == 3 and "cannot be written" in done.stderr
    assert collect("--out", tmp_path / "x", "--for", "acme").returncode == 2
