"""The product's connect scan on the loopback lab, paired in the same run with nmap's (`-sT`), both over the same ports."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path

from agent.catalogs.port_sets import port_set
from agent.engagement.engagement import load_engagement
from agent.perform import Performing, RunRequest
from agent.store.reader import RunFile
from fixtures.lab import Lab
from tests.bench import Figure

OFFSET = 20000
ROUNDS = 3


def figures() -> Iterable[Figure]:
    ratios, missed = [], 0
    with Lab(mode="loopback", sites=("siege",)) as lab:
        for _ in range(ROUNDS):
            folder = Path(tempfile.mkdtemp(prefix="handover-bench-"))
            try:
                lab.engagement(folder / "eng", "loopback")
                ours, seen = _ours(folder / "eng")
                theirs, found = _nmap(sorted({host for host, _ in seen}))
            finally:
                shutil.rmtree(folder)
            missed += len(found - seen)
            ratios.append(ours / theirs)
    ratio = sorted(ratios)[len(ratios) // 2]
    yield Figure("ports", "missed", missed, "ports", "0", missed == 0, "nmap -sT")
    yield Figure("ports", "wall_ratio", round(ratio, 2), "x", "-", True, "nmap -sT -n -Pn -T4")


def _ours(engagement: Path) -> tuple[float, set[tuple[str, int]]]:
    request = RunRequest(site="siege", only=("tcp_ports",), outside_window=True, port_offset=OFFSET)
    performing = Performing(load_engagement(engagement), request)
    start = time.monotonic()
    asyncio.run(performing.main())
    wall = time.monotonic() - start
    with RunFile(performing.path) as run:
        hosts = sum(1 for u in run.plan if u.probe == "tcp_ports" and u.unit != "*")
        seen = {(o.subject.value, o.body.model_dump()["port"]) for o in run.observations()}
    # A figure a host: nmap is asked for the hosts with something open only.
    return wall / max(1, hosts), seen


def _nmap(hosts: list[str]) -> tuple[float, set[tuple[str, int]]]:
    ports = ",".join(str(p + OFFSET) for p in port_set())
    start = time.monotonic()
    done = subprocess.run(
        ["nmap", "-n", "-Pn", "-sT", "-T4", "-p", ports, "-oX", "-", *hosts],
        check=True,
        capture_output=True,
        timeout=300,
    )
    wall = time.monotonic() - start
    found = set()
    for host in ET.fromstring(done.stdout).iter("host"):
        address = host.find("address")
        for port in host.iter("port"):
            state = port.find("state")
            if state is not None and state.get("state") == "open" and address is not None:
                found.add((str(address.get("addr")), int(str(port.get("portid"))) - OFFSET))
    return wall / max(1, len(hosts)), found
