"""254 SNMP agents of one process, asked by the product (probe, engine, store), by snmpbulkwalk under xargs and by pysnmp, in turn.

All of what an agent has is asked by everybody: the peers walk the whole tree, which holds only what the product collects. Ratios are of
medians of paired rounds. The agents answer from memory what one of them was asked before, whoever asks; their CPU is nobody's. Ours is
that of the process while the engine runs (`RUSAGE_SELF`, all threads, without the start), the peer's that of its processes. The floor
of dead agents is two questions of one second.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench import Figure
from tests.bench.usm_agents import SECRET, USER

NET, PORT, COUNT, COMMUNITY = "127.94.7", 20161, 254, "lab-read"
ROUNDS = 3
PYSNMP_AGENTS = 16
V3_AGENTS = 40
FLOOR_S = 2.0


@dataclass
class Took:
    wall: float
    cpu: float
    objects: int


def figures() -> Iterable[Figure]:
    peer, slow = "snmpbulkwalk -P64", "pysnmp"
    with TemporaryDirectory(prefix="handover-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        (folder / "agent.snmp").write_text(mib(), "utf-8")
        mine: list[dict[str, Any]] = []
        theirs: list[Took] = []
        python: list[Took] = []
        with agents(folder, 0):
            for i in range(ROUNDS):
                mine.append(_ours(folder / f"eng{i}"))
                theirs.append(_bulkwalk())
            python.append(_pysnmp())
        with agents(folder, 250):
            dead = _ours(folder / "dead")
        v3 = list(_v3(folder))
    pairs = list(zip(mine, theirs, strict=True))
    speed = median((m["objects"] / m["wall"]) / (t.objects / t.wall) for m, t in pairs)
    cpu = median((t.cpu / t.objects) / (m["cpu"] / m["objects"]) for m, t in pairs)
    rate = median(m["objects"] / m["wall"] for m in mine)
    whole = min(m["objects"] for m in mine)
    over = rate / median(p.objects / p.wall for p in python)
    yield _figure(
        "objects", whole, "objects", f">= {theirs[0].objects}", whole >= theirs[0].objects, peer
    )
    yield _figure("rate", round(rate), "objects/s", "-", True, "-")
    yield _figure(
        "peer_rate", round(median(t.objects / t.wall for t in theirs)), "objects/s", "-", True, peer
    )
    yield _figure("faster", speed, "x", ">= 2", speed >= 2, peer)
    yield _figure("faster_than_pysnmp", over, "x", ">= 25", over >= 25, slow)
    yield _figure("cpu", median(m["cpu"] for m in mine), "s", "-", True, "-")
    yield _figure("peer_cpu", median(t.cpu for t in theirs), "s", "-", True, peer)
    yield _figure("less_cpu", cpu, "x", ">= 3", cpu >= 3, peer)
    most = max(m["mib"] for m in mine)
    yield _figure("memory", most, "MiB", "< 120", most < 120, "-")
    ratio = dead["wall"] / FLOOR_S
    yield from v3
    yield _figure("dead_25_over_floor", ratio, "x", "< 1.3", ratio < 1.3, "-")


def _figure(name: str, value: float, unit: str, goal: str, holds: bool, paired: str) -> Figure:
    return Figure("snmp", name, round(value, 2), unit, goal, holds, paired)


def _v3(folder: Path) -> Iterable[Figure]:
    """authPriv (SHA-256, AES-128) on 40 agents, each with an engine of its own."""
    command = [sys.executable, "-m", "tests.bench.usm_agents", str(folder / "agent.snmp"), NET]
    how = ["-v3", "-l", "authPriv", "-u", USER.name.decode(), "-a", USER.auth, "-x", USER.privacy]
    how += ["-A", USER.auth_phrase.decode(), "-X", USER.privacy_phrase.decode()]
    env = {"LAB_COMMUNITY": SECRET, "LAB_USER": USER.name.decode()}
    pairs: list[tuple[dict[str, Any], Took]] = []
    with _ready([*command, str(PORT), str(V3_AGENTS)]):
        for i in range(ROUNDS):
            mine = _ours(folder / f"usm{i}", V3_AGENTS, env)
            pairs.append((mine, _bulkwalk(V3_AGENTS, how)))
    whole = min(m["objects"] / t.objects for m, t in pairs)
    speed = median((m["objects"] / m["wall"]) / (t.objects / t.wall) for m, t in pairs)
    cpu = median((t.cpu / t.objects) / (m["cpu"] / m["objects"]) for m, t in pairs)
    peer = "snmpbulkwalk -v3 -P64"
    yield _figure("v3_objects", whole, "x", ">= 1", whole >= 1, peer)
    yield _figure("v3_faster", speed, "x", ">= 1", speed >= 1, peer)
    yield _figure("v3_less_cpu", cpu, "x", "-", True, peer)


def mib() -> str:
    """An access switch of 48 ports: 780 objects, all of them in tables the product collects."""
    out = [
        "1.3.6.1.2.1.1.1.0|4|Access switch of the lab, software 1.2.3",
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.2",
        "1.3.6.1.2.1.1.3.0|67|4711",
        "1.3.6.1.2.1.1.4.0|4|nobody",
        "1.3.6.1.2.1.1.5.0|4|sw",
        "1.3.6.1.2.1.1.6.0|4|rack",
        "1.3.6.1.2.1.1.7.0|2|2",
    ]
    for i in range(1, 49):
        base, more = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1"
        out += [
            f"{base}.2.{i}|4|GigabitEthernet1/0/{i}",
            f"{base}.3.{i}|2|6",
            f"{base}.6.{i}|4x|001b2100{i:04x}",
            f"{base}.7.{i}|2|1",
            f"{base}.8.{i}|2|1",
            f"{more}.1.{i}|4|Gi1/0/{i}",
            f"{more}.15.{i}|66|1000",
            f"{more}.18.{i}|4|desk {i}",
            f"1.3.6.1.2.1.17.1.4.1.2.{i}|2|{i}",
        ]
    for i in range(170):
        mac = f"0.27.33.1.{i >> 8}.{i & 255}"
        out += [f"1.3.6.1.2.1.17.4.3.1.2.{mac}|2|{i % 48 + 1}", f"1.3.6.1.2.1.17.4.3.1.3.{mac}|2|3"]
    return "\n".join(out) + "\n"


@contextmanager
def agents(folder: Path, dead: int) -> Generator[None, None, None]:
    command = [sys.executable, "-m", "fixtures.lab.snmp.responder", str(folder), NET, str(PORT)]
    command += [str(COUNT), COMMUNITY, str(dead)]
    with _ready(command):
        yield


@contextmanager
def _ready(command: list[str]) -> Generator[None, None, None]:
    """*command* running and ready within the `with`."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.terminate()


def _ours(folder: Path, count: int = COUNT, env: Mapping[str, str] | None = None) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.snmp_run", str(folder), NET, str(count), str(PORT)],
        check=True,
        stdout=subprocess.PIPE,
        env={**os.environ, **(env or {"LAB_COMMUNITY": COMMUNITY})},
        timeout=300,
    )
    return dict(json.loads(done.stdout))


def _bulkwalk(count: int = COUNT, how: Sequence[str] = ("-v2c", "-c", COMMUNITY)) -> Took:
    hosts = "\n".join(f"{NET}.{i}:{PORT}" for i in range(1, count + 1))
    command = ["xargs", "-P64", "-I{}", "snmpbulkwalk", *how, "-m", "", "-Oqn"]
    command += ["-Cr25", "-t1", "-r1", "{}", "1.3.6.1"]
    before, start = _children(), time.monotonic()
    done = subprocess.run(command, input=hosts, capture_output=True, text=True, timeout=300)
    wall = time.monotonic() - start
    rows = sum("No more variables" not in line for line in done.stdout.splitlines())
    return Took(wall, _children() - before, rows)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _pysnmp() -> Took:
    """On some of the agents only: it would take minutes."""

    async def walk(engine: Any, host: str) -> int:
        from pysnmp.hlapi.v1arch.asyncio import (
            CommunityData,
            ObjectIdentity,
            ObjectType,
            UdpTransportTarget,
            bulk_walk_cmd,
        )

        target = await UdpTransportTarget.create((host, PORT), timeout=1, retries=1)
        rows = 0
        async for error, _, _, bindings in bulk_walk_cmd(
            engine,
            CommunityData(COMMUNITY, mpModel=1),
            target,
            0,
            25,
            ObjectType(ObjectIdentity("1.3.6.1")),
            lookupMib=False,
        ):
            if error:
                break
            rows += len(bindings)
        return rows

    async def main() -> int:
        from pysnmp.hlapi.v1arch.asyncio import SnmpDispatcher

        engine = SnmpDispatcher()
        try:
            hosts = [f"{NET}.{i}" for i in range(1, PYSNMP_AGENTS + 1)]
            return sum(await asyncio.gather(*(walk(engine, h) for h in hosts)))
        finally:
            engine.close()

    used, start = time.process_time(), time.monotonic()
    rows = asyncio.run(main())
    return Took(time.monotonic() - start, time.process_time() - used, rows)
