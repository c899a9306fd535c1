"""Runs the sources of one machine, each with a deadline, and puts the endpoint document together as plain data.

A source that fails, or does not come back, costs its own rows only, and the document says so.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agent.model.endpoint_tables import FORMAT, MOST_BYTES, MOST_ROWS, MOST_TEXT, TABLES, VERSION
from collectors.endpoint.source import CannotRead, Row, Source, Views

SOURCE_S = 60.0
"""Seconds a source may take; the deadline of the whole ends it sooner."""


@dataclass
class _Ended:
    rows: list[Row] = field(default_factory=list[Row])
    views: Views = field(default_factory=Views)
    outcome: str = ""
    reason: str = ""
    cut: int = 0


def collect(
    platform: str,
    machine: Callable[[], dict[str, Any]],
    sources: Mapping[str, Source],
    *,
    elevated: bool,
    tool: str = "",
    engagement: str = "",
    seconds: float = 600.0,
    source_s: float = SOURCE_S,
) -> dict[str, Any]:
    """The document, at most `MOST_BYTES` long as JSON. *seconds*: for all sources together.

    *machine* raises nothing; what it cannot tell it leaves out.
    """
    end = time.monotonic() + seconds
    ended: dict[str, _Ended] = {}
    for name, source in sources.items():
        left = min(source_s, end - time.monotonic())
        ended[name] = _run(source, left) if left > 0 else _Ended(reason="no time was left")
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "tool": tool,
        "engagement": engagement,
        "collected": time.time_ns() // 1000,
        "platform": platform,
        "elevated": elevated,
        "machine": machine(),
    }
    tables: list[dict[str, Any]] = []
    for name, one in ended.items():
        if one.outcome or one.rows:
            tables.append({"table": name, "rows": _plain(name, one), "cut": one.cut})
    document["checked"] = [c for name, one in ended.items() for c in _checked(name, one)]
    document["tables"] = tables
    return fit(document)


def _run(source: Source, seconds: float) -> _Ended:
    """The rows of *source*. What does not end in time goes on by itself, unheard."""
    one = _Ended()

    def work() -> None:
        try:
            for row in source(one.views):
                if len(one.rows) < MOST_ROWS:
                    one.rows.append(row)
                else:
                    one.cut += 1
        except CannotRead as problem:
            one.reason = str(problem)
            one.outcome = "refused" if problem.refused else "failed"
        except PermissionError:
            one.outcome, one.reason = "refused", "access denied"
        except OSError as problem:
            one.outcome, one.reason = "failed", problem.strerror or type(problem).__name__
        except (ValueError, LookupError, RecursionError) as problem:
            # Foreign files in every form: one that breaks a reader must not lose the other sources.
            one.outcome, one.reason = "failed", f"cannot be read: {type(problem).__name__}"
        else:
            one.outcome = "done"

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        return _Ended(
            list(one.rows), one.views, "failed", f"did not end within {seconds:.0f} s", one.cut
        )
    return one


def _plain(name: str, one: _Ended) -> list[list[Any]]:
    width = len(TABLES[name])
    rows: list[list[Any]] = []
    for row in one.rows:
        if len(row) != width:
            raise TypeError(f"{name}: a row has {len(row)} cells, not {width}")
        rows.append([_cell(c) for c in row])
    return rows


def _cell(cell: Any) -> Any:
    if not isinstance(cell, str):
        return cell
    # Lone surrogates of undecodable file names have no place in UTF-8.
    text = cell.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _checked(name: str, one: _Ended) -> list[dict[str, Any]]:
    outcome = one.outcome or "skipped"
    reason = one.reason
    if outcome in ("failed", "refused") and one.rows:
        outcome = "partial"
    if outcome == "done" and one.cut:
        outcome, reason = "partial", f"{one.cut} rows left out"
    first = {
        "source": name,
        "view": "",
        "outcome": outcome,
        "count": len(one.rows),
        "reason": reason[:500],
    }
    rest = [
        {"source": name, "view": view[:253], "outcome": how, "count": 0, "reason": why[:500]}
        for view, how, why in one.views.missed[:200]
    ]
    if (more := len(one.views.missed) - 200) > 0:
        why = f"{more} more views were not read"
        rest.append({"source": name, "view": "", "outcome": "partial", "count": 0, "reason": why})
    return [first, *rest]


def fit(document: dict[str, Any]) -> dict[str, Any]:
    """*document* with rows of its longest tables left out, until it is small enough; how many is said."""
    while (size := len(json.dumps(document, ensure_ascii=False).encode())) > MOST_BYTES - 1000:
        table = max(document["tables"], key=lambda t: len(json.dumps(t["rows"])))
        rows = table["rows"]
        over = size - (MOST_BYTES - 1000)
        each = max(1, len(json.dumps(rows, ensure_ascii=False).encode()) // max(1, len(rows)))
        away = min(len(rows), over // each + 1)
        table["rows"] = rows[: len(rows) - away]
        table["cut"] += away
        for c in document["checked"]:
            if c["source"] == table["table"] and not c["view"]:
                c["outcome"], c["reason"] = "partial", f"{table['cut']} rows left out"
                c["count"] = len(table["rows"])
                break
    return document
