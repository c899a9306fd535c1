"""Identity by recorded SNMP walks: walks a second, and where HANDOVER_RECORDINGS names a folder with score.py, its figures.

The recordings are not part of the project: without the folder this part says so and measures nothing.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.catalogs.snmp_families import families
from agent.commands.identify import identified
from agent.inventory.snmp.identify import identify
from agent.inventory.snmp.snmprec import parse_snmprec
from tests.bench import Figure

PRECISION = 0.95
KNOWN = {"vendor": 0.95, "type": 0.92, "model": 0.80, "version": 0.80, "serial": 0.80}
"""Recall asked for on families the catalogue knows."""


def figures() -> Iterable[Figure]:
    where = os.environ.get("HANDOVER_RECORDINGS")
    if not where:
        print("identity: HANDOVER_RECORDINGS names no folder of recordings", file=sys.stderr)
        return
    files = sorted(Path(where, "walks").glob("*.snmprec"))
    read = [(f.stem, parse_snmprec(f.read_bytes()).values) for f in files]
    identify(read[0][1])
    begun = time.process_time()
    for _, values in read:
        identify(values)
    spent = time.process_time() - begun
    yield Figure("identity", "walks_per_cpu_s", len(read) / spent, "1/s", "-", True, "nothing")
    yield Figure("identity", "families", len(families()), "families", "-", True, "nothing")
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "told.jsonl")
        told.write_text("".join(identified(f).model_dump_json() + "\n" for f in files))
        yield from _scored(Path(where), told)


def _scored(recordings: Path, told: Path) -> Iterator[Figure]:
    done = subprocess.run(
        [sys.executable, str(recordings / "score.py"), "--pred", str(told)],
        check=True,
        capture_output=True,
        text=True,
    )
    for line in done.stdout.splitlines():
        row = re.fullmatch(r"(\w+)\s+\d+\s+\d+\s+\d+\s+([\d.]+)\s+([\d.]+)", line)
        if row is None:
            continue
        field, precision, recall = row[1], float(row[2]), float(row[3])
        yield Figure(
            *("identity", f"precision_{field}", precision, "share", f">= {PRECISION}"),
            precision >= PRECISION,
            "truth.jsonl",
        )
        yield Figure(
            *(
                "identity",
                f"recall_{field}",
                recall,
                "share",
                f">= {KNOWN[field]} (known families)",
            ),
            recall >= KNOWN[field],
            "truth.jsonl",
        )
