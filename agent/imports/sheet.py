"""Reads a person's sheet of devices (CSV or XLSX) into rows under normal column names. The sheet is a claim, not a fact.

Headers are matched in English and French, without case, accents or punctuation, from agent/catalogs/sheet_columns.toml.
"""

from __future__ import annotations

import csv
import io
import re
import tomllib
import unicodedata
import zipfile
import zlib
from functools import cache
from importlib import resources
from pathlib import Path

MAX_ROWS = 20_000
MAX_CELL = 1_000
MAX_BYTES = 32 * 1024 * 1024


class SheetProblem(ValueError):
    """The file is no sheet we can read; says why and what would help."""


def read_sheet(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """(rows, headers that were not understood). Raises `SheetProblem`; a longer sheet than 20,000 rows is refused, not cut."""
    if path.stat().st_size > MAX_BYTES:
        raise SheetProblem(f"larger than {MAX_BYTES // 2**20} MiB")
    data = path.read_bytes()
    table = _xlsx(data) if data[:2] == b"PK" else parse_csv(data)
    if not table:
        raise SheetProblem("the sheet is empty")
    head, *rows = table
    names = [column(h) for h in head]
    if "name" not in names and "ip" not in names and "serial" not in names:
        raise SheetProblem(
            f"no column for name, IP or serial among: {', '.join(h for h in head if h)[:200]}"
        )
    if len(rows) > MAX_ROWS:
        raise SheetProblem(f"{len(rows)} rows; at most {MAX_ROWS}: split it")
    out = []
    for row in rows:
        named = {
            n: v.strip()[:MAX_CELL] for n, v in zip(names, row, strict=False) if n and v.strip()
        }
        if named:
            out.append(named)
    return out, [h for h, n in zip(head, names, strict=True) if h and not n]


def parse_csv(data: bytes) -> list[list[str]]:
    """Cells of a CSV in UTF-8 or Windows-1252, with comma, semicolon or tab. Raises `SheetProblem`."""
    if b"\0" in data[:4096]:
        raise SheetProblem("binary data: neither CSV nor XLSX")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise SheetProblem(f"not a CSV: {error}") from None


def _xlsx(data: bytes) -> list[list[str]]:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(i.file_size for i in archive.infolist()) > 8 * MAX_BYTES:
                raise SheetProblem("unpacks to more than 256 MiB")
        book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = []
        for row in sheet.iter_rows(max_row=MAX_ROWS + 2, values_only=True):
            cells = ["" if v is None else str(v) for v in row]
            if any(cells):
                rows.append(cells)
        book.close()
        return rows
    except (
        zipfile.BadZipFile,
        InvalidFileException,
        KeyError,
        ValueError,
        IndexError,
        OSError,
        # A hostile or torn file: broken XML (ParseError is a SyntaxError), parts of the wrong form, encryption, bad compression.
        SyntaxError,
        TypeError,
        AttributeError,
        RuntimeError,
        zlib.error,
    ) as error:
        if isinstance(error, SheetProblem):
            raise
        raise SheetProblem(f"not a readable XLSX ({type(error).__name__})") from None


def column(header: str) -> str:
    """Normal name of a header; empty when it is not known."""
    return _columns().get(_plain(header), "")


@cache
def _columns() -> dict[str, str]:
    text = resources.files("agent.catalogs").joinpath("sheet_columns.toml").read_text("utf-8")
    table: dict[str, list[str]] = tomllib.loads(text)["columns"]
    return {_plain(h): name for name, headers in table.items() for h in [name, *headers]}


def _plain(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text)
    return re.sub(
        r"[^a-z0-9]", "", "".join(c for c in bare if not unicodedata.combining(c)).lower()
    )
