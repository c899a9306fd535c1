"""findings.csv, checklist.csv, devices.csv and cables.csv: UTF-8 with a mark so that spreadsheets read it, every cell quoted, no formula.

A cell that a spreadsheet could take for a formula gets an apostrophe before it (OWASP, CSV Injection): what a device says is hostile.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from agent.model.judged import Judged
from reports.html.texts import Lang, inert
from reports.map.cables import cables_table
from reports.tables import checklist_table, devices_table, findings_table

LIMIT = 2000
"""Characters of a cell; the rest is counted, and kept in inventory.json."""
# The full-width forms are formulas to a spreadsheet set to Japanese or Chinese.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def cell(value: object) -> str:
    """*value* as an inert cell of one line."""
    raw = str(value)
    shown, cut = inert(raw.replace("\r", " ").replace("\n", " ").replace("\t", " "), LIMIT)
    shown += f" [+{cut}]" if cut else ""
    # Blanks and invisible characters before the sign do not stop a spreadsheet.
    bare = raw.lstrip(" \u00a0\u200b\ufeff\x00")
    return f"'{shown}" if bare.startswith(_FORMULA) or raw.startswith(_FORMULA) else shown


def table(rows: Iterable[Iterable[object]]) -> bytes:
    """The rows as CSV bytes (RFC 4180)."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([cell(v) for v in row] for row in rows)
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace")


def write_findings(judged: Judged, lang: Lang, path: Path) -> None:
    path.write_bytes(table(findings_table(judged, lang)))


def write_checklist(judged: Judged, lang: Lang, path: Path) -> None:
    path.write_bytes(table(checklist_table(judged, lang)))


def write_cables(judged: Judged, lang: Lang, path: Path) -> None:
    path.write_bytes(table(cables_table(judged, lang)))


def write_devices(judged: Judged, lang: Lang, path: Path) -> None:
    path.write_bytes(table(devices_table(judged, lang)))
