"""How long a technician waits for the command to answer: CPU seconds of `handover --help`, paired with a bare interpreter."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.bench import Figure

RUNS = 7


def cpu_s(command: list[str]) -> float:
    """User and system seconds of one run of *command*."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def figures() -> Iterable[Figure]:
    handover = [str(Path(sys.executable).parent / "handover"), "--help"]
    bare = [sys.executable, "-c", "pass"]
    cpu_s(handover)
    pairs = [(cpu_s(handover), cpu_s(bare)) for _ in range(RUNS)]
    ours = statistics.median(a for a, _ in pairs)
    yield Figure("start", "help_cpu", round(ours, 3), "s", "< 0.3", ours < 0.3, "python -c pass")
    ratio = statistics.median(a / max(b, 0.001) for a, b in pairs)
    yield Figure("start", "help_cpu_ratio", round(ratio, 1), "x", "-", True, "python -c pass")
