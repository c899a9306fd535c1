"""A probe that will not end cannot hold the technician: Ctrl-C ends the run, a second one at once, and the run file is whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.model.ledger import LedgerEntry
from agent.store.ledger import ledger_totals
from agent.store.reader import RunFile
from tests.acceptance_loopback.conftest import ROOT

pytestmark = pytest.mark.xdist_group("loopback2")
HELD = 77
# A run with one probe, that says when it has begun and then never ends: in a thread, in the loop itself, or by refusing to be cancelled.
RUN = """
import asyncio, sys, time
import agent.registry, agent.run
from agent.contract import Needs
from agent.model.run import UnitPlan

class Stuck:
    name, rev, emits, asks = "stuck", 1, frozenset(), {}
    needs = Needs()
    def plan(self, ctx):
        yield UnitPlan(probe=self.name, unit="u", targets=(next(ctx.scope.hosts()),))
    def cost(self, unit):
        return {(unit.targets[0], "tcp"): (77, 7700)}
    async def run(self, unit, ctx, emit):
        tally = emit.tally(unit.targets[0], "tcp")
        print("begun", flush=True)
        if sys.argv[2] == "loop":
            time.sleep(3600)
        if sys.argv[2] == "thread":
            await asyncio.to_thread(time.sleep, 3600)
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                print("refused", flush=True)

agent.registry.PROBES = (Stuck(),)
agent.run.GRACE_S = agent.run.Engine.grace_s = 3600 if sys.argv[2] == "task" else 0.2
import agent.stopping
agent.stopping.run_bounded.__kwdefaults__["grace_s"] = 0.2
from agent.cli import main
sys.exit(main(["run", sys.argv[1], "--site", "siege", "--now"]))
"""
Begin = Callable[[str], "subprocess.Popen[bytes]"]


@pytest.fixture
def begin(engagement: Path) -> Iterator[Begin]:
    started: list[subprocess.Popen[bytes]] = []

    def start(how: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(engagement), how],
            cwd=ROOT,
            env=dict(os.environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        until(process, b"begun")
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def until(process: subprocess.Popen[bytes], word: bytes) -> None:
    assert process.stdout is not None
    while word not in (line := process.stdout.readline()):
        assert line, process.stderr and process.stderr.read().decode()


def run_of(engagement: Path) -> Path:
    (path,) = engagement.glob("runs/*.run")
    return path


def packets(entries: list[LedgerEntry]) -> int:
    return sum(count for count, _ in ledger_totals(entries).values())


def test_a_probe_stuck_in_a_thread_does_not_hold_the_run(engagement: Path, begin: Begin) -> None:
    process = begin("thread")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3 and b"interrupted" in out, err.decode()
    with RunFile(run_of(engagement)) as run:
        assert run.ends[-1].outcome == "interrupted"
        # What the thread still sends nobody knows.
        assert packets(list(run.ledger())) == HELD


def test_a_second_ctrl_c_waits_for_nobody(engagement: Path, begin: Begin) -> None:
    process = begin("task")
    process.send_signal(signal.SIGINT)
    until(process, b"refused")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 3 and b"interrupted" in out, err.decode()
    with RunFile(run_of(engagement)) as run:
        assert run.ends[-1].outcome == "interrupted"
        (status,) = [s for s in run.statuses() if s.unit == "u"]
        assert "SIGINT" in status.reason and "did not end" in status.reason
        assert packets(list(run.ledger())) == HELD


def test_a_stuck_loop_is_left_at_the_second_ctrl_c(engagement: Path, begin: Begin) -> None:
    process = begin("loop")
    for _ in range(200):
        process.send_signal(signal.SIGINT)
        try:
            process.wait(0.1)
            break
        except subprocess.TimeoutExpired:
            pass  # a signal may come while the first is still being told
    assert process.returncode == 3
    with RunFile(run_of(engagement)) as run:
        assert packets(list(run.ledger())) == HELD


LATE = """
import os, signal, sys
import agent.store.words
real = agent.store.words.head_words
def interrupted(head):
    os.kill(os.getpid(), signal.SIGINT)
    return real(head)
agent.store.words.head_words = interrupted
from agent.cli import main
sys.exit(main(["run", sys.argv[1], "--site", "siege", "--now", "--only", "ntp"]))
"""


def test_a_second_ctrl_c_does_not_swallow_where_the_run_is(engagement: Path) -> None:
    """It comes when the session has ended cleanly, and nothing but its last words is left."""
    done = subprocess.run(
        [sys.executable, "-c", LATE, str(engagement)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Head of the chain" in done.stdout and "Next: handover report" in done.stdout
