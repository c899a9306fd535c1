"""Reads a person's sheet of devices (CSV or XLSX) into rows under normal column names. The sheet is a claim, not a fact.

Headers are matched in English and French, without case, accents or punctuation, from agent/catalogs/sheet_columns.toml.
Nothing is cut: what cannot be taken whole is refused with its row and column; what is left unread on purpose is named.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from agent.imports.table import Cells, SheetProblem, letter, read_table

MAX_CELL = 10_000
"""Characters of one cell; eleven of them fit into one entry of a run file."""
IDENTITY = frozenset({"name", "ip", "mac", "serial"})
"""Columns that can have one value only; of the others, two values are both kept."""
ASSETS, CONSOLE = "columns", "console"
"""Which headers are known: those of device sheets, or with them those of management consoles."""
Row = tuple[int, dict[str, str]]


@dataclass(frozen=True)
class Sheet:
    """`rows`: (row number in the file, normal column name -> text); `unread`: headers not understood; `left`: other worksheets."""

    rows: tuple[Row, ...]
    unread: tuple[str, ...]
    name: str = ""
    left: tuple[str, ...] = ()


def read_sheet(path: Path, worksheet: str | None = None, headers: str = ASSETS) -> Sheet:
    """The sheet in *path*: of a workbook the *worksheet* of that name, or its first. *headers*: `ASSETS` or `CONSOLE`.

    Raises `SheetProblem`, `OSError`.
    """
    table = read_table(path, worksheet)
    where = f"sheet '{table.name}', " if table.name else ""
    if not table.rows:
        raise SheetProblem(f"{where}the sheet is empty" if where else "the sheet is empty")
    (_, head), *rows = table.rows
    names = [column(h, headers) for h in head]
    if not {"name", "ip", "serial", "label"} & set(names):
        listed = ", ".join(h for h in head if h.strip())[:200]
        raise SheetProblem(f"{where}no column for name, IP or serial among: {listed}")
    taken: list[Row] = []
    unnamed: set[int] = set()
    for number, cells in rows:
        unnamed |= {
            i for i, v in enumerate(cells[: len(head)]) if v.strip() and not head[i].strip()
        }
        if named := _named(names, cells, f"{where}row {number}"):
            taken.append((number, named))
    unread = [h for h, n in zip(head, names, strict=True) if h.strip() and not n]
    unread += [f"column {letter(i)} (without a header)" for i in sorted(unnamed)]
    return Sheet(tuple(taken), tuple(unread), table.name, table.left)


def _named(names: list[str], cells: Cells, where: str) -> dict[str, str]:
    named: dict[str, str] = {}
    for i, cell in enumerate(cells):
        value = cell.strip()
        place = f"{where}, column {letter(i)}"
        if not value:
            continue
        if i >= len(names):
            raise SheetProblem(f"{place}: a value beyond the last header (a separator not quoted?)")
        name = names[i]
        if not name:
            continue
        if len(value) > MAX_CELL:
            raise SheetProblem(f"{place}: {len(value)} characters; at most {MAX_CELL}")
        before = named.get(name)
        if before is None or before == value:
            named[name] = value
        elif name in IDENTITY:
            first = letter(names.index(name))
            raise SheetProblem(
                f"{place}: another value than in column {first}, and both headers mean '{name}'; "
                "rename the header of the one that is not meant"
            )
        elif len(before) + len(value) + 2 > MAX_CELL:
            raise SheetProblem(
                f"{place}: with the other column '{name}' over {MAX_CELL} characters"
            )
        else:
            named[name] = f"{before}; {value}"
    return named


def column(header: str, headers: str = ASSETS) -> str:
    """Normal name of a header; empty when it is not known."""
    return _columns(headers).get(_plain(header), "")


@cache
def _columns(headers: str) -> dict[str, str]:
    text = resources.files("agent.catalogs").joinpath("sheet_columns.toml").read_text("utf-8")
    tables: dict[str, dict[str, list[str]]] = tomllib.loads(text)
    out: dict[str, str] = {}
    for part in dict.fromkeys((ASSETS, headers)):
        # A word that means something else in a console means that there.
        for name, texts in tables[part].items():
            out.update((_plain(h), name) for h in [name, *texts])
    return out


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text)
    return re.sub(
        r"[^a-z0-9]", "", "".join(c for c in bare if not unicodedata.combining(c)).lower()
    )
