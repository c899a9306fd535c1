"""Endpoint documents: a thousand imported into an engagement and judged, each in a process of its own; time and peak of memory.

The machines have most of their rows in common and one in ten of their tasks of their own. The floor it is paired with is the same run's
`json.loads` of the same files: what a reader costs that checks, keeps and judges nothing.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.bench import Figure

MACHINES = 1000
SECONDS, MEGABYTES = 20.0, 300.0


def figures() -> Iterable[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        _alone(_made, where)
        plain = _alone(_parsed, where)[0]
        importing, first = _alone(_brought, where)
        judging, second = _alone(_judged, where)
        seconds, peak = importing + judging, max(first, second)
    yield Figure(
        *("endpoints", "import_and_judge_s", seconds, "s", f"<= {SECONDS:.0f}"),
        seconds <= SECONDS,
        "nothing",
    )
    yield Figure(
        *("endpoints", "peak_mb", peak, "MB", f"<= {MEGABYTES:.0f}"), peak <= MEGABYTES, "nothing"
    )
    yield Figure(*("endpoints", "times_json_loads", seconds / plain, "x", "-"), True, "json.loads")


def _alone(work: object, where: Path) -> tuple[float, float]:
    """(seconds, peak in MB) of *work*, in a new process: what was imported before must not count."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(work, where, theirs))
    process.start()
    told: tuple[float, float] = ours.recv()
    process.join()
    return told


def _run(work: object, where: Path, answer: object) -> None:
    begun = time.monotonic()
    work(where)  # type: ignore[operator]
    spent = time.monotonic() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.send((spent, peak))  # type: ignore[attr-defined]


def _made(where: Path) -> None:
    from tests.agent.engagement.sample import folder
    from tests.agent.imports.endpoint_sample import (
        FORMER,
        OURS,
        document,
        screenconnect,
        write,
    )

    folder(where / "eng")
    for n in range(1, MACHINES + 1):
        services = [screenconnect(OURS, "relay.msp.example")]
        if n % 10 == 0:
            services.append(screenconnect(FORMER))
        own = [n if k < 15 else 0 for k in range(150)]
        program = r"C:\Program Files\App{0}\app{0}.exe"
        more = {
            "services": services,
            "tasks": [
                [rf"\Task {k} {i}", f'"{program.format(k)}" /run', "SYSTEM", "enabled"]
                for k, i in enumerate(own)
            ],
            "firewall_rules": [
                [f"Rule {k}", program.format(k), "tcp", str(k), "on"] for k in range(300)
            ],
        }
        write(where / "documents", document(n, more=more), f"{n:04d}.json")


def _parsed(where: Path) -> None:
    for file in sorted((where / "documents").iterdir()):
        json.loads(file.read_bytes())


def _brought(where: Path) -> None:
    from agent.engagement.engagement import load_engagement
    from agent.imports.endpoints import bring_endpoints

    files = sorted((where / "documents").iterdir())
    said = asyncio.run(bring_endpoints(load_engagement(where / "eng"), files, "usine", "bench"))
    if said.added != {"usine": MACHINES}:
        raise RuntimeError(f"not all were imported: {said.added}, {said.refused[:1]}")


def _judged(where: Path) -> None:
    from agent.commands.judging import judged
    from agent.engagement.engagement import load_engagement

    result = judged(load_engagement(where / "eng"))
    former = sum(s.owner.owner == "former" for s in result.software)
    if (len(result.assets), former) != (MACHINES, MACHINES // 10):
        raise RuntimeError(f"{len(result.assets)} machines, {former} agents of the former provider")
