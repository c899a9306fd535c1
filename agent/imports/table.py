"""The cells of a CSV (RFC 4180; comma, semicolon or tab) or of one worksheet of an XLSX (ECMA-376), as texts with their row numbers.

Both come from anybody: sizes are bounded, and a file over a bound is refused whole, never cut.
"""

from __future__ import annotations

import csv
import io
import lzma
import warnings
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MAX_ROWS = 20_000
MAX_BYTES = 32 * 1024 * 1024
MAX_CELLS = 5_000_000
MAX_SHEET_ROWS = 1_048_576
"""Rows of a worksheet, blank ones included (the limit of Excel)."""
Cells = list[str]


class SheetProblem(ValueError):
    """The file is no sheet we can read; says where, why and what would help."""


@dataclass(frozen=True)
class Table:
    """Rows that are not blank, each with its number; `name` and `left` name this worksheet and the others of a workbook."""

    rows: list[tuple[int, Cells]]
    name: str = ""
    left: tuple[str, ...] = ()


def read_table(path: Path, worksheet: str | None = None) -> Table:
    """Raises `SheetProblem`, also for more than 20,000 rows, and `OSError`."""
    if path.stat().st_size > MAX_BYTES:
        raise SheetProblem(f"larger than {MAX_BYTES // 2**20} MiB")
    data = path.read_bytes()
    if data[:2] == b"PK":
        return _xlsx(data, worksheet)
    if worksheet is not None:
        raise SheetProblem("only a workbook (XLSX) has sheets: leave --sheet out")
    return Table(parse_csv(data))


def parse_csv(data: bytes) -> list[tuple[int, Cells]]:
    """Rows of a CSV in UTF-8 or Windows-1252. Raises `SheetProblem`."""
    if b"\0" in data[:4096]:
        raise SheetProblem("binary data: neither CSV nor XLSX")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    first = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=first.count)
    try:
        return _rows(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise SheetProblem(f"not a CSV: {error}") from None


def letter(index: int) -> str:
    """Name of column *index*, counted from 0, as spreadsheets write it."""
    name = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _rows(source: Iterable[Iterable[object]]) -> list[tuple[int, Cells]]:
    rows: list[tuple[int, Cells]] = []
    cells = 0
    for number, row in enumerate(source, start=1):
        texts = ["" if v is None else str(v) for v in row]
        cells += len(texts)
        if cells > MAX_CELLS or number > MAX_SHEET_ROWS:
            raise SheetProblem(f"row {number}: more cells than any list of devices: split it")
        if any(t.strip() for t in texts):
            rows.append((number, texts))
        # One more than the rows of devices: the headers.
        if len(rows) > MAX_ROWS + 1:
            raise SheetProblem(f"row {number}: more than {MAX_ROWS} rows: split it")
    return rows


def _xlsx(data: bytes, worksheet: str | None) -> Table:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with warnings.catch_warnings():
            # Of what a program wrote beside the cells: nothing to bother people with.
            warnings.simplefilter("ignore")
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                if sum(i.file_size for i in archive.infolist()) > 8 * MAX_BYTES:
                    raise SheetProblem("unpacks to more than 256 MiB")
            book = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
            names = [sheet.title for sheet in book.worksheets]
            if worksheet is not None and worksheet not in names:
                raise SheetProblem(f"no sheet '{worksheet}' (there are: {', '.join(names)})")
            sheet = book.worksheets[names.index(worksheet) if worksheet is not None else 0]
            # What the file says of its size may be false, in both directions.
            sheet.reset_dimensions()
            rows = _rows(sheet.iter_rows(values_only=True))
            book.close()
            return Table(rows, sheet.title, tuple(n for n in names if n != sheet.title))
    except (
        zipfile.BadZipFile,
        InvalidFileException,
        LookupError,
        ValueError,
        OSError,
        # A hostile or torn file: broken XML (ParseError is a SyntaxError), parts of the wrong form, encryption, bad compression.
        SyntaxError,
        TypeError,
        AttributeError,
        ArithmeticError,
        AssertionError,
        RuntimeError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
    ) as error:
        if isinstance(error, SheetProblem):
            raise
        raise SheetProblem(f"not a readable XLSX ({type(error).__name__})") from None
