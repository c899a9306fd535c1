"""Sheets of devices: taken whole, or refused with sheet, row and column; what is left on purpose is named."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.imports.sheet import MAX_CELL, read_sheet
from agent.imports.table import SheetProblem

Rows = Sequence[Sequence[object]]


def workbook(**sheets: Rows) -> bytes:
    from openpyxl import Workbook

    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def as_csv(rows: Rows) -> bytes:
    return "\n".join(";".join(str(c) for c in row) for row in rows).encode()


@pytest.fixture(params=["csv", "xlsx"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / f"a.{request.param}"


def write(path: Path, rows: Rows) -> Path:
    path.write_bytes(as_csv(rows) if path.suffix == ".csv" else workbook(Parc=rows))
    return path


def test_long_cells_are_taken_whole_or_refused(path: Path) -> None:
    note = "n" * MAX_CELL
    sheet = read_sheet(write(path, [["Name", "Note"], ["a", note]]))
    assert sheet.rows == ((2, {"name": "a", "note": note}),)
    with pytest.raises(SheetProblem, match=r"row 3, column B: 10001 characters; at most 10000"):
        read_sheet(write(path, [["Name", "Note"], ["a", "b"], ["c", note + "n"]]))


def test_a_cell_beyond_the_header_is_refused(path: Path) -> None:
    with pytest.raises(SheetProblem, match="row 2, column C: a value beyond the last header"):
        read_sheet(write(path, [["Name", "Note"], ["a", "b", "c"]]))


def test_a_column_without_a_header_is_named(path: Path) -> None:
    sheet = read_sheet(write(path, [["Name", "", "Note", "Colour"], ["a", "lost", "b", "red"]]))
    assert sheet.unread == ("Colour", "column B (without a header)")


def test_two_columns_of_one_meaning(path: Path) -> None:
    head: list[object] = ["Name", "IP", "Adresse IP", "Note", "Comment"]
    rows: Rows = [head, ["a", "", "10.0.0.1", "x", "y"], ["b", "10.0.0.2", "10.0.0.2", "", "z"]]
    sheet = read_sheet(write(path, rows))
    assert [row for _, row in sheet.rows] == [
        {"name": "a", "ip": "10.0.0.1", "note": "x; y"},
        {"name": "b", "ip": "10.0.0.2", "note": "z"},
    ]
    with pytest.raises(SheetProblem, match=r"row 4, column C: another value than in column B"):
        read_sheet(write(path, [*rows, ["c", "10.0.0.3", "10.0.0.4"]]))


def test_row_numbers_are_those_of_the_file(path: Path) -> None:
    sheet = read_sheet(write(path, [["Name", "Note"], ["", ""], ["a", "b"]]))
    assert [number for number, _ in sheet.rows] == [3]


def test_other_sheets_are_named_and_can_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(Parc=[["Name"], ["a"]], Imprimantes=[["Name"], ["b"]], Vide=[]))
    sheet = read_sheet(path)
    assert (sheet.name, sheet.left) == ("Parc", ("Imprimantes", "Vide"))
    assert read_sheet(path, "Imprimantes").rows == ((2, {"name": "b"}),)
    with pytest.raises(SheetProblem, match=r"no sheet 'Autre' .*Parc, Imprimantes, Vide"):
        read_sheet(path, "Autre")
    with pytest.raises(SheetProblem, match="sheet 'Vide', the sheet is empty"):
        read_sheet(path, "Vide")
    csv = write(tmp_path / "a.csv", [["Name"], ["a"]])
    with pytest.raises(SheetProblem, match="only a workbook"):
        read_sheet(csv, "Parc")


def test_too_many_rows_are_refused_blank_ones_between_or_not(path: Path) -> None:
    rows: list[list[object]] = [["Name", "Note"]]
    for n in range(20_001):
        rows.append([f"h{n}", "x"])
        if n == 9:
            rows.extend(["", ""] for _ in range(5))
    with pytest.raises(SheetProblem, match=r"row 20007: more than 20000 rows"):
        read_sheet(write(path, rows))
    assert len(read_sheet(write(path, rows[:-1])).rows) == 20_000


def test_what_a_program_wrote_beside_the_cells_bothers_nobody(tmp_path: Path) -> None:
    """A name of a sheet that is not there: openpyxl warns, and warnings are errors here."""
    whole = workbook(Parc=[["Name"], ["a"]])
    out = io.BytesIO()
    title = b'<definedName name="here" localSheetId="7">Parc!$A$1</definedName>'
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            data = old.read(member)
            if member == "xl/workbook.xml":
                assert b"<definedNames" in data
                data = re.sub(
                    rb"<definedNames ?/>", b"<definedNames>" + title + b"</definedNames>", data
                )
                assert title in data
            new.writestr(member, data)
    path = tmp_path / "a.xlsx"
    path.write_bytes(out.getvalue())
    assert read_sheet(path).rows == ((2, {"name": "a"}),)
