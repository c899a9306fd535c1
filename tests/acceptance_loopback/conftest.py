"""One loopback lab for all tests of this folder, and an engagement with a scope small enough to be run many times."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fixtures.lab import Lab

Child = Callable[..., "subprocess.Popen[bytes]"]
ROOT = Path(__file__).parents[2]
RUN = """
import asyncio, sys
from pathlib import Path
from agent.engagement.engagement import load_engagement
from agent.perform import Performing, RunRequest
from agent.told import Told
request = RunRequest(site="siege", resume="--resume" in sys.argv, outside_window=True, port_offset=20000)
performing = Performing(load_engagement(Path(sys.argv[1])), request)
try:
    end = asyncio.run(performing.main())
except Told as told:
    print(told, file=sys.stderr)
    sys.exit(told.exit_code)
except ExceptionGroup as group:
    while isinstance(group, ExceptionGroup):
        group = group.exceptions[0]
    print(group, file=sys.stderr)
    sys.exit(3)
print(performing.path)
sys.exit(0 if end.outcome == "complete" else 3)
"""


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    with Lab(mode="loopback", sites=("siege",)) as up:
        yield up


def small(lab: Lab, folder: Path) -> Path:
    """The lab's engagement in *folder*, cut down to thirty addresses of one network."""
    lab.engagement(folder, "loopback")
    client = folder / "client.toml"
    text = client.read_text("utf-8")
    nets = re.findall(r'\{ net = "(127\.\d+)\.1\.0/24"', text)
    one = re.sub(r'  \{ net = "127\.\d+\.20\.0/24"[^\n]*\n', "", text)
    client.write_text(one.replace(f"{nets[0]}.1.0/24", f"{nets[0]}.1.0/27"), "utf-8")
    return folder


@pytest.fixture
def engagement(lab: Lab, tmp_path: Path) -> Path:
    return small(lab, tmp_path / "eng")


@pytest.fixture(scope="module")
def child() -> Iterator[Child]:
    """Starts a real run in a process of its own; whatever is left of it is ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(folder: Path, *words: str, **env: str) -> subprocess.Popen[bytes]:
        import os

        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(folder), *words],
            cwd=ROOT,
            env={**os.environ, **env},
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
