"""One workbook with findings, devices, checklist and unknowns. Every cell is written as text or number, never as formula or link."""

from __future__ import annotations

from pathlib import Path

from agent.model.judged import Judged
from reports.html.texts import Lang, inert, text
from reports.tables import Rows, checklist_table, devices_table, findings_table, unknowns_table

NAME = "xlsx"
LIMIT = 2000
_NARROW, _WIDE = 14, 60


def write(judged: Judged, lang: Lang, folder: Path) -> Path:
    """Writes handover.xlsx into *folder*. Raises `OSError`."""
    from xlsxwriter import Workbook

    path = folder / "handover.xlsx"
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
        "in_memory": True,
    }
    sheets: dict[str, Rows] = {
        "sheet_findings": findings_table(judged, lang),
        "sheet_devices": devices_table(judged, lang),
        "sheet_checklist": checklist_table(judged, lang),
        "sheet_unknowns": unknowns_table(judged, lang),
    }
    with Workbook(str(path), options) as book:
        head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bottom": 1})
        plain = book.add_format({"text_wrap": True, "valign": "top"})
        for key, rows in sheets.items():
            sheet = book.add_worksheet(text(lang, key))
            sheet.freeze_panes(1, 0)
            sheet.autofilter(0, 0, max(1, len(rows) - 1), len(rows[0]) - 1)
            for x, _ in enumerate(rows[0]):
                longest = max(len(str(row[x])) for row in rows)
                sheet.set_column(x, x, min(_WIDE, max(_NARROW, longest)))
            for y, row in enumerate(rows):
                for x, value in enumerate(row):
                    style = plain if y else head
                    if isinstance(value, int):
                        sheet.write_number(y, x, value, style)
                    else:
                        sheet.write_string(y, x, _text(value), style)
    return path


def _text(value: object) -> str:
    shown, cut = inert(value, LIMIT)
    return f"{shown} [+{cut}]" if cut else shown
