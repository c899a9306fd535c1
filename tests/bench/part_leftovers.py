"""Remote-access agents: our catalogue against the exact names of LOLRMM used as a detector, on the same rows.

The list is not part of the project: HANDOVER_LOLRMM names a JSON file with `tools`, each with `process_names` and `service_names`; without
it only our own figures are printed. LOLRMM counts as right wherever any of its names hits, whatever product it calls it. The rows are the
examples of our own catalogue: what neither list knows is in none of them, so ours is an upper bound.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path, PureWindowsPath

from agent.catalogs.remote_access import Tool, tools
from agent.inventory.software.find import software
from agent.model.software import Trace
from tests.agent.inventory.software.disguises import DISGUISES, default, disguised, stock
from tests.bench import Figure

KEY = b"k" * 32
LIST = "HANDOVER_LOLRMM"
Detector = Callable[[list[Trace], Tool | None], bool]


def figures() -> Iterable[Figure]:
    detectors: dict[str, Detector] = {"handover": _ours}
    if path := os.environ.get(LIST):
        detectors["lolrmm"] = _exact(Path(path))
    paired = "LOLRMM" if len(detectors) > 1 else f"nothing ({LIST} names no list)"
    clean = stock()
    for name, found in detectors.items():
        ours = found is _ours
        for form in ("default", *DISGUISES):
            cases = [(t, default(t) if form == "default" else disguised(t, form)) for t in tools()]
            made = [(t, rows) for t, rows in cases if rows]
            share = sum(found(rows, t) for t, rows in made) / len(made)
            title = f"{name}_recall_{form.replace(' ', '_')}_of_{len(made)}"
            yield Figure("leftovers", title, share, "share", "-", True, paired)
        false = sum(found([row], None) for row in clean)
        goal, holds = ("0", false == 0) if ours else ("-", True)
        title = f"{name}_false_of_{len(clean)}_stock_rows"
        yield Figure("leftovers", title, false, "rows", goal, holds, paired)


def _ours(rows: list[Trace], tool: Tool | None) -> bool:
    items = software(rows, (), KEY)
    return any(tool is None or i.product == tool.id for i in items)


def _exact(path: Path) -> Detector:
    listed = json.loads(path.read_text("utf-8"))["tools"]
    processes = {n.lower() for t in listed for n in t["process_names"]}
    services = {n.lower() for t in listed for n in t["service_names"]}

    def found(rows: list[Trace], tool: Tool | None) -> bool:
        for row in rows:
            if row.kind == "process" and PureWindowsPath(row.name).name.lower() in processes:
                return True
            if row.kind in ("service", "unit") and services & {
                row.name.lower(),
                row.display.lower(),
            }:
                return True
        return False

    return found
