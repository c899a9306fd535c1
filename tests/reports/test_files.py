"""findings.csv, checklist.csv, devices.csv and inventory.json: complete, readable by others, inert."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from agent.model.judged import Judged
from reports.html.render import write_report
from reports.to_json import InventoryDocument
from tests.reports.sample import judged
from tests.reports.sample_estate import HOSTILE


@pytest.fixture(scope="module")
def sample() -> Judged:
    return judged()


@pytest.fixture(scope="module")
def folder(sample: Judged, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    write_report(sample, "fr", "technician", out)
    return out


def read(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(raw[3:].decode("utf-8"), newline=""), strict=True))


def test_the_tables_are_complete(sample: Judged, folder: Path) -> None:
    assert len(read(folder / "findings.csv")) == 1 + len(sample.findings)
    assert len(read(folder / "devices.csv")) == 1 + len(sample.assets)
    lines = sum(1 + len(i.lines) for i in sample.checklist)
    assert len(read(folder / "checklist.csv")) == 1 + lines
    for name in ("findings.csv", "devices.csv", "checklist.csv"):
        rows = read(folder / name)
        assert {len(r) for r in rows} == {len(rows[0])}
        assert len(set(rows[0])) == len(rows[0]), "heads tell columns apart"


def test_no_cell_is_a_formula_or_acts(folder: Path) -> None:
    cells = [
        c
        for n in ("findings", "devices", "checklist")
        for r in read(folder / f"{n}.csv")
        for c in r
    ]
    assert any("=cmd|" in c for c in cells), "the sample holds one"
    assert not [c for c in cells if c.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert not [c for c in cells if "\u202e" in c or "\x00" in c or "\n" in c]
    assert max(map(len, cells)) < 5000


def test_findings_speak_the_language_asked_for(sample: Judged, folder: Path) -> None:
    rows = read(folder / "findings.csv")
    assert "Gravité" in rows[0]
    assert any("Connexion Telnet possible" in r for r in rows)


def test_the_inventory_reads_back_as_it_was(sample: Judged, folder: Path) -> None:
    raw = (folder / "inventory.json").read_text("ascii")
    document = json.loads(raw)
    assert (document["schema"], document["version"]) == ("handover-inventory", 1)
    assert InventoryDocument.model_validate(document).result == sample
    assert any(h in json.dumps(document, ensure_ascii=False) for h in HOSTILE[3:5])


def test_the_schema_describes_the_document(folder: Path) -> None:
    schema = InventoryDocument.model_json_schema()
    document = json.loads((folder / "inventory.json").read_text("ascii"))
    assert set(document) == set(schema["properties"])
    result = schema["$defs"]["Judged"]["properties"]
    assert set(document["result"]) == set(result)
    assert set(document["result"]["assets"][0]) == set(schema["$defs"]["Asset"]["properties"])
