"""What goes wrong around a run: no route, full disk, a clock set back, a second run, signals, a deadline. A clear message, nothing lost."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agent.commands.judging import judged
from agent.engagement.engagement import load_engagement
from agent.store.reader import RunFile
from agent.store.verify import verify
from fixtures.lab import Lab
from tests.acceptance_loopback.conftest import ROOT, RUN, Child, small

pytestmark = pytest.mark.xdist_group("loopback2")
WAIT_S = 90
# A clock that jumps back one day at every reading after the fortieth.
CLOCK = """
import itertools, agent.clock
read, count = agent.clock.Clock.now_us, itertools.count()
agent.clock.Clock.now_us = lambda self: read(self) - max(0, next(count) - 40) * 86_400_000_000
"""


@pytest.fixture(scope="module")
def bed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small(lab, tmp_path_factory.mktemp("bad") / "eng")


@pytest.fixture(scope="module")
def undisturbed(bed: Path, child: Child) -> bytes:
    process = child(bed)
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err.decode()
    with RunFile(Path(out.decode().strip())) as run:
        return run.canonical()


@pytest.fixture
def empty(bed: Path) -> Path:
    """The one engagement of this file (ids are keyed per engagement), without runs."""
    shutil.rmtree(bed / "runs", ignore_errors=True)
    return bed


@pytest.fixture
def run_code() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """A run as `child` starts it, with code of ours before it."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str, folder: Path, *words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-c", code + RUN, str(folder), *words],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def handover(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
    )


def one_run(folder: Path) -> Path:
    (path,) = (folder / "runs").glob("*.run")
    return path


def under_way(folder: Path) -> None:
    """Waits until a run of *folder* has stored something."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        for path in (folder / "runs").glob("*.run"):
            with RunFile(path) as run:
                if run.statuses():
                    return
        time.sleep(0.05)
    raise AssertionError("the run did not begin")


def resumed(child: Child, folder: Path) -> bytes:
    process = child(folder, "--resume")
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err.decode()
    path = Path(out.decode().strip())
    assert path == one_run(folder) and verify(path).self_consistent
    with RunFile(path) as run:
        return run.canonical()


def test_sigterm_ends_it_as_ctrl_c_does(empty: Path, undisturbed: bytes, child: Child) -> None:
    process = child(empty)
    under_way(empty)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 3, err.decode()
    with RunFile(one_run(empty)) as run:
        assert run.ended and run.ends[-1].outcome == "interrupted"
        assert "SIGTERM" in run.ends[-1].reason
        assert {(u.probe, u.unit) for u in run.plan} == {(s.probe, s.unit) for s in run.statuses()}
    assert verify(one_run(empty)).signed_by
    assert resumed(child, empty) == undisturbed


def test_a_deadline_ends_it_partial_and_says_so(empty: Path) -> None:
    done = handover("run", empty, "--site", "siege", "--now", "--deadline", "0.2")
    assert done.returncode == 3, done.stderr
    assert done.stdout.startswith("interrupted") and "0.2 s was up" in done.stdout
    with RunFile(one_run(empty)) as run:
        assert run.ends[-1].outcome == "interrupted"
    result = judged(load_engagement(empty))
    assert not [i for i in result.checklist if i.mode == "evidence" and i.state == "clear"]


def test_a_run_under_way_is_not_resumed_by_a_second_program(
    empty: Path, undisturbed: bytes, child: Child
) -> None:
    first = child(empty)
    under_way(empty)
    first.send_signal(signal.SIGSTOP)
    try:
        done = handover("run", empty, "--site", "siege", "--now", "--resume")
    finally:
        first.send_signal(signal.SIGCONT)
    assert done.returncode == 3 and "another handover is writing it" in done.stderr
    assert "Traceback" not in done.stderr
    out, err = first.communicate(timeout=WAIT_S)
    assert first.returncode == 0, err.decode()
    with RunFile(Path(out.decode().strip())) as run:
        assert run.canonical() == undisturbed and len(run.ends) == 1


def test_two_runs_at_once_are_two_whole_runs(empty: Path, undisturbed: bytes, child: Child) -> None:
    both = [child(empty), child(empty)]
    paths = set[Path]()
    for process in both:
        out, err = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0, err.decode()
        paths.add(Path(out.decode().strip()))
    assert len(paths) == 2
    for path in paths:
        assert verify(path).self_consistent
        with RunFile(path) as run:
            assert run.canonical() == undisturbed
    assert len(judged(load_engagement(empty)).runs) == 2


def test_a_full_disk_is_told_and_what_was_committed_is_kept(
    empty: Path,
    undisturbed: bytes,
    child: Child,
    run_code: Callable[..., subprocess.Popen[bytes]],
) -> None:
    # RLIMIT_FSIZE refuses the write as a full disk or a quota does, without root.
    limit = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
    process = run_code(limit, empty)
    _, err = process.communicate(timeout=WAIT_S)
    words = err.decode()
    assert process.returncode == 3, words
    assert "refused a write" in words and "--resume" in words and "Traceback" not in words
    with RunFile(one_run(empty)) as run:
        assert run.statuses() and not run.problems
    result = judged(load_engagement(empty))
    assert [r.outcome for r in result.runs] == ["killed"]
    assert resumed(child, empty) == undisturbed


def test_a_clock_set_back_loses_nothing(
    empty: Path, undisturbed: bytes, run_code: Callable[..., subprocess.Popen[bytes]]
) -> None:
    process = run_code(CLOCK, empty)
    _, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, err.decode()
    assert verify(one_run(empty)).self_consistent
    with RunFile(one_run(empty)) as run:
        times = [o.at for o in run.observations()]
        assert times != sorted(times), "the clock was not set back"
        assert run.canonical() == undisturbed
    assert handover("report", empty).returncode == 0


@pytest.mark.root
@pytest.mark.needs("unshare")
def test_without_a_route_nothing_is_called_absent(empty: Path) -> None:
    """In a namespace of its own no interface is up: not a packet can leave."""
    words = [sys.executable, "-m", "agent", "run", str(empty), "--site", "siege", "--now"]
    done = subprocess.run(
        ["unshare", "-n", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 3 and done.stdout.startswith("partial"), done.stderr
    result = judged(load_engagement(empty))
    asked = [s for _, s in result.statuses if s.probe == "tcp_ports" and s.unit != "*"]
    assert len(asked) > 20 and {s.outcome for s in asked} == {"failed"}
    assert all("unreachable" in s.reason for s in asked)
    assert not result.assets and not result.services
    assert not [i for i in result.checklist if i.mode == "evidence" and i.state == "clear"]


def test_in_the_wrong_place_nothing_is_sent(empty: Path, tmp_path: Path) -> None:
    """Without a route there is no gateway, and nothing tells that we stand where we think."""
    folder = Path(shutil.copytree(empty, tmp_path / "eng"))
    client = folder / "client.toml"
    # A documentation network (RFC 5737): refused before a packet could go there.
    text = re.sub(r"127\.\d+\.1\.0/27", "192.0.2.0/29", client.read_text("utf-8"))
    client.write_text(text, "utf-8")
    done = handover("run", folder, "--site", "siege", "--now")
    assert done.returncode == 4 and "pin" in done.stderr and "Next step" in done.stderr
    assert not list((folder / "runs").glob("*.run"))


@pytest.mark.root
@pytest.mark.needs("setpriv")
def test_a_file_that_may_not_be_read_is_named(empty: Path, tmp_path: Path) -> None:
    """Root without its capability to read everything is stopped by a mode like anybody."""
    folder = Path(shutil.copytree(empty, tmp_path / "eng"))
    (folder / "client.toml").chmod(0)
    drop = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    done = subprocess.run(
        [*drop, sys.executable, "-m", "agent", "plan", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
        cwd=ROOT,
    )
    assert done.returncode == 2, done.stderr
    assert "client.toml: this user may not read it" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_user_without_a_name_may_run(empty: Path) -> None:
    """A container or an RMM may give a number only; nobody has this one."""
    code = (
        "import os, sys\nfor k in ('LOGNAME', 'USER', 'LNAME', 'USERNAME'):\n    os.environ.pop(k, None)\n"
        "import pwd\ndef none(uid):\n    raise KeyError(uid)\npwd.getpwuid = none\n"
        f"from agent.cli import main\n"
        f"sys.exit(main(['run', {str(empty)!r}, '--site', 'siege', '--now', '--deadline', '0.2']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_S,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 3 and "interrupted" in done.stdout, done.stderr
    shown = json.loads(handover("show", empty, "runs", "--json").stdout)["runs"]
    assert shown[0]["header"]["operator"] == f"uid {os.getuid()}"
