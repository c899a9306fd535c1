"""Formats for other programs: found by themselves, read by a stranger's reader, hostile strings inert."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import openpyxl
import pytest
from defusedxml import ElementTree

from agent.model.judged import Judged
from reports.exports.find import exporters
from reports.exports.itglue_csv import HEADS
from tests.reports.sample import judged
from tests.reports.sample_estate import HOSTILE


@pytest.fixture(scope="module")
def sample() -> Judged:
    return judged()


def test_formats_are_found_and_write_a_file(sample: Judged, tmp_path: Path) -> None:
    known = exporters()
    assert {"nmap-xml", "itglue-csv", "xlsx"} <= known.keys()
    for name, write in known.items():
        path = write(sample, "fr", tmp_path)
        assert path.parent == tmp_path
        assert path.stat().st_size > 1000, name


def test_nmap_xml(sample: Judged, tmp_path: Path) -> None:
    root = ElementTree.parse(exporters()["nmap-xml"](sample, "en", tmp_path)).getroot()
    assert root is not None
    assert (root.tag, root.get("scanner")) == ("nmaprun", "handover")
    live = [a for a in sample.assets if a.presence == "live"]
    hosts = root.findall("host")
    assert len(hosts) == sum(len(a.addrs) for a in live) < len(sample.assets)
    ids = {a.id for a in live}
    wanted = {(s.at.ns, s.at.value) for s in sample.services if s.asset in ids}
    found = {
        (name.get("name"), f"{address.get('addr')}/{port.get('protocol')}/{port.get('portid')}")
        for h in hosts
        for name in h.findall("hostnames/hostname[@type='user']")
        for address in h.findall("address[@addrtype='ipv4']")
        for port in h.findall("ports/port")
    }
    assert found == wanted, "both sites, one range, kept apart"
    assert {s.get("state") for s in root.findall("host/ports/port/state")} == {"open"}
    names = [str(n.get("name")) for n in root.findall("host/hostnames/hostname")]
    assert any(n in HOSTILE[:3] for n in names), "escaped, not lost"
    assert not [n for n in names if "\u202e" in n or "\x1b" in n]


def test_itglue_csv(sample: Judged, tmp_path: Path) -> None:
    raw = exporters()["itglue-csv"](sample, "en", tmp_path).read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(raw, newline="")))
    assert tuple(rows[0]) == HEADS
    assert len(rows) == len(sample.assets)
    assert not [v for r in rows for v in r.values() if v.startswith(("=", "+", "-", "@"))]
    assert {r["configuration_status"] for r in rows} == {"Active", "Inactive"}


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_xlsx(sample: Judged, tmp_path: Path, lang: str) -> None:
    book = openpyxl.load_workbook(
        exporters()["xlsx"](sample, "fr" if lang == "fr" else "en", tmp_path)
    )
    sizes = [s.max_row - 1 for s in book.worksheets]
    lines = sum(1 + len(i.lines) for i in sample.checklist)
    assert sizes == [len(sample.findings), len(sample.assets), lines, len(sample.unknowns)]
    cells = [c for s in book.worksheets for r in s.iter_rows() for c in r]
    assert any(str(c.value).startswith("=cmd|") for c in cells), "shown as it is"
    assert {c.data_type for c in cells} <= {"s", "n"}, "no formula"
    assert not [c for c in cells if c.hyperlink]
