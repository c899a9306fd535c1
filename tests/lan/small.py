"""Machines for the lab: a /24 with 60 that are there, as the measurements of the sweep have it, and how to run the child on it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from typing import Any

from tests.lan.lan import ROOT, Lan, Machine

COMMON = (22, 23, 25, 53, 80, 139, 443, 445, 3389, 8080, 8443, 9100)


def sixty(seed: int = 3) -> dict[str, Machine]:
    """60 of a /24: 32 drop what is closed, 27 ignore ping, 5 answer ARP only."""
    draw = random.Random(seed)
    found: dict[str, Machine] = {}
    for number, octet in enumerate(sorted(draw.sample(range(2, 255), 60))):
        ports = frozenset(draw.sample(COMMON, draw.randint(1, 6))) if number >= 5 else frozenset()
        found[f"10.90.0.{octet}"] = Machine(ports, drops=number < 37, pings=number % 20 > 8)
    return found


def sparse(count: int, prefix: int, seed: int = 5) -> dict[str, Machine]:
    """*count* machines somewhere in 10.90.0.0/*prefix*, two open ports each."""
    draw = random.Random(seed)
    size = 1 << (32 - prefix)
    base = 10 << 24 | 90 << 16
    found: dict[str, Machine] = {}
    for offset in sorted(draw.sample(range(2, size - 1), count)):
        value = base + offset
        address = ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))
        found[address] = Machine(frozenset(draw.sample(COMMON, 2)), drops=bool(offset % 2))
    return found


def truth(machines: dict[str, Machine]) -> set[tuple[str, int]]:
    return {(host, port) for host, m in machines.items() for port in m.open}


def look(lan: Lan, *, rights: bool = True, timeout: float = 300, **options: Any) -> dict[str, Any]:
    """What `tests.lan.child` found."""
    argv = [sys.executable, "-m", "tests.lan.child", json.dumps(options)]
    lan.forget_neighbours()
    done = subprocess.run(
        lan.command(argv, rights=rights),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    found: dict[str, Any] = json.loads(done.stdout)
    found["open"] = {(host, port) for host, port in found["open"]}
    return found
