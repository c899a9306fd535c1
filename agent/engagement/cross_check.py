"""What is wrong in client.toml between keys: ids used twice, a site that does not exist, dates in the wrong order, a missing document.

Works on the raw data, beside the field checks, so that all mistakes are told at once; what has the wrong form is left to those.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from agent.engagement.fields import site_of
from agent.engagement.problems import Problem
from agent.engagement.toml_source import Loc, TomlFile
from agent.engagement.words import dotted


def cross_check(file: TomlFile, folder: Path) -> Iterator[Problem]:
    """Problems between the keys of the client.toml *file* of the engagement in *folder*."""

    def problem(loc: Loc, cause: str, example: str = "") -> Problem:
        return Problem(file.path.name, cause, dotted(loc), file.line(loc), example)

    for table in ("site", "account"):
        seen: dict[str, int] = {}
        for i, row in _rows(file.data, table):
            name = row.get("id")
            if isinstance(name, str):
                if name in seen:
                    first = file.line((table, seen[name], "id"))
                    yield problem(
                        (table, i, "id"), f"is already the id of the [[{table}]] on line {first}"
                    )
                seen.setdefault(name, i)
    sites = [r["id"] for _, r in _rows(file.data, "site") if isinstance(r.get("id"), str)]
    known = f"there is no such site; there are: {', '.join(sites) or 'none'}"
    for i, row in _rows(file.data, "account"):
        if isinstance(at := row.get("at"), str) and at not in sites:
            yield problem(("account", i, "at"), known)
    for table in ("former", "approved"):
        for i, row in _rows(file.data, table):
            owns = row.get("owns")
            for j, text in enumerate(owns if isinstance(owns, list) else ()):
                site = site_of(text) if isinstance(text, str) else None
                if site is not None and site not in sites:
                    yield problem((table, i, "owns", j), known, 'owns = ["192.168.1.1 at siege"]')
    yield from _dates(file, problem)
    yield from _document(file, folder, problem)


def _dates(file: TomlFile, problem: Any) -> Iterator[Problem]:
    mandate = _table(file.data, "mandate")
    valid = _table(mandate, "valid")
    first, last = _day(valid, "from"), _day(valid, "to")
    if first and last and first > last:
        yield problem(
            ("mandate", "valid", "to"),
            "ends before it begins",
            "valid = { from = 2026-11-24, to = 2027-03-31 }",
        )
    keep = _day(mandate, "keep_until")
    if keep and last and keep < last:
        yield problem(
            ("mandate", "keep_until"),
            "lies before the end of the mandate",
            "keep_until = 2027-12-31",
        )


def _document(file: TomlFile, folder: Path, problem: Any) -> Iterator[Problem]:
    named = _table(file.data, "mandate").get("document")
    if isinstance(named, str) and named and not (folder / named).is_file():
        yield problem(
            ("mandate", "document"),
            "the signed document is not in the engagement folder; put it there: its SHA-256 goes into every run",
            'document = "mandat-signe.pdf"',
        )


def _rows(data: Mapping[str, Any], table: str) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = data.get(table)
    for i, row in enumerate(rows if isinstance(rows, list) else ()):
        if isinstance(row, dict):
            yield i, row


def _table(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def _day(table: Mapping[str, Any], key: str) -> date | None:
    value = table.get(key)
    return value if isinstance(value, date) and not isinstance(value, datetime) else None
