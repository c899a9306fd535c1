"""A real run is killed at every named fail point and at random moments; resumed, it ends as if nothing had happened."""

from __future__ import annotations

import random
import shutil
import signal
import time
from pathlib import Path

import pytest

from agent.commands.judging import judged
from agent.engagement.engagement import load_engagement
from agent.store.failpoint import NAMES
from agent.store.ledger import ledger_totals
from agent.store.reader import RunFile
from fixtures.lab import Lab
from reports.html.render import render
from tests.acceptance_loopback.conftest import Child, small

pytestmark = pytest.mark.xdist_group("loopback")
WAIT_S = 90
RANDOM_KILLS = 25


def newest(folder: Path) -> Path:
    return max((folder / "runs").glob("*.run"), key=lambda p: p.stat().st_mtime_ns)


def finish(child: Child, folder: Path, *words: str) -> Path:
    process = child(folder, *words)
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err.decode()
    return Path(out.decode().strip())


def canonical(path: Path) -> bytes:
    with RunFile(path) as run:
        return run.canonical()


def looks_after(folder: Path, tmp_path: Path) -> None:
    """What must hold right after a kill: the single file reads, and the report can be made."""
    run = newest(folder)
    alone = tmp_path / "copy.run"
    shutil.copyfile(run, alone)
    with RunFile(alone) as copy:
        assert copy.header.site == "siege"
    result = judged(load_engagement(folder))
    assert "<html" in render(result, "en", "technician")
    assert not [i for i in result.checklist if i.mode == "evidence" and i.state == "clear"]


@pytest.fixture(scope="module")
def bed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small(lab, tmp_path_factory.mktemp("crash") / "eng")


@pytest.fixture(scope="module")
def undisturbed(bed: Path, child: Child) -> bytes:
    whole = canonical(finish(child, bed))
    assert b"tcp.port" in whole
    return whole


@pytest.fixture
def engagement(bed: Path) -> Path:
    """The one engagement of this file (ids are keyed per engagement), without runs."""
    shutil.rmtree(bed / "runs", ignore_errors=True)
    return bed


@pytest.mark.parametrize("name", [n for n in NAMES if n != "after-end"])
def test_killed_at_a_fail_point(
    name: str, engagement: Path, undisturbed: bytes, child: Child, tmp_path: Path
) -> None:
    hits = (1,) if name in ("before-end", "in-checkpoint") else (2, 3)
    for hit in hits:
        process = child(engagement, HANDOVER_FAILPOINT=f"{name}:{hit}")
        process.communicate(timeout=WAIT_S)
        assert process.returncode == -signal.SIGKILL, f"{name}:{hit} was never reached"
        looks_after(engagement, tmp_path)
        path = finish(child, engagement, "--resume")
        assert canonical(path) == undisturbed
        path.unlink()


def test_killed_after_the_end_is_whole(engagement: Path, undisturbed: bytes, child: Child) -> None:
    process = child(engagement, HANDOVER_FAILPOINT="after-end")
    process.communicate(timeout=WAIT_S)
    assert process.returncode == -signal.SIGKILL
    assert canonical(newest(engagement)) == undisturbed


def test_killed_at_random_moments(
    engagement: Path, undisturbed: bytes, child: Child, tmp_path: Path
) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    started = time.monotonic()
    finish(child, engagement).unlink()
    length = time.monotonic() - started
    resume: tuple[str, ...] = ()
    killed = 0
    while killed < RANDOM_KILLS:
        process = child(engagement, *resume)
        time.sleep(dice.uniform(0.2, length))
        process.kill()
        process.communicate()
        killed += 1
        if not list((engagement / "runs").glob("*.run")):
            continue  # killed before there was a run: nothing was sent
        if killed % 5 == 0:
            looks_after(engagement, tmp_path)
        with RunFile(newest(engagement)) as run:
            done = run.ended
        if done:
            assert canonical(newest(engagement)) == undisturbed, f"seed {seed}"
            newest(engagement).unlink()
            resume = ()
        else:
            resume = ("--resume",)
    if resume:
        assert canonical(finish(child, engagement, *resume)) == undisturbed, f"seed {seed}"


@pytest.mark.parametrize("harm", ["cut", "lost"])
def test_a_torn_or_lost_wal(
    harm: str, engagement: Path, undisturbed: bytes, child: Child, tmp_path: Path
) -> None:
    process = child(engagement, HANDOVER_FAILPOINT="after-commit:9")
    process.communicate(timeout=WAIT_S)
    run = newest(engagement)
    wal = run.with_name(run.name + "-wal")
    assert wal.exists(), "the kill left no WAL to harm"
    if harm == "cut":
        data = wal.read_bytes()
        wal.write_bytes(data[: len(data) * 2 // 3])
    else:
        wal.unlink()
    looks_after(engagement, tmp_path)
    assert canonical(finish(child, engagement, "--resume")) == undisturbed


def test_the_ledger_of_a_killed_run_counts_what_was_reserved(
    engagement: Path, child: Child
) -> None:
    process = child(engagement, HANDOVER_FAILPOINT="after-send:40")
    process.communicate(timeout=WAIT_S)
    with RunFile(newest(engagement)) as run:
        entries = run.ledger()
        settled = {(e.probe, e.unit) for e in entries if e.entry == "settle"}
        open_ = [e for e in entries if (e.probe, e.unit) not in settled]
        assert open_, "the kill came when nothing was under way"
        totals = ledger_totals(entries)
    for e in open_:
        packets, size = totals[e.target, e.transport]
        assert packets >= e.packets and size >= e.bytes
