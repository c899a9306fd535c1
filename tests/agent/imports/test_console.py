"""Lists of management consoles: whose rows are taken, which device each means, who is in none, and what is never kept."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.commands.judging import judged
from agent.imports.bring import bring
from agent.imports.console import ConsoleProblem, Said, bring_console, days_of
from agent.imports.endpoints import bring_endpoints
from agent.model.bodies_console import ConsoleRow
from agent.model.judged import Judged
from agent.store.file import beside
from tests.agent.engagement.sample import engagement
from tests.agent.imports.endpoint_sample import document, write

RMM = Said("rmm", product="Console X")


def told(tmp_path: Path, csv: str, said: Said = RMM, name: str = "list.csv") -> str:
    file = tmp_path / name
    file.write_text(csv, "utf-8")
    return asyncio.run(bring_console(engagement(tmp_path / "eng"), file, said, "tester"))


def machines(tmp_path: Path, *documents: dict[str, object], site: str = "usine") -> None:
    files = [write(tmp_path / "docs", d, f"{site}-{n}.json") for n, d in enumerate(documents)]
    made = engagement(tmp_path / "eng")
    asyncio.run(bring_endpoints(made, files, site, "tester"))


def result(tmp_path: Path) -> Judged:
    return judged(engagement(tmp_path / "eng"))


def named(result: Judged, rule: str) -> set[str]:
    return {result.labels[a] for f in result.findings if f.rule == rule for a in f.assets}


def joined(result: Judged) -> dict[str, tuple[str, set[str]]]:
    return {
        e.name: (e.by, {result.labels[a] for a in e.assets})
        for c in result.consoles
        for e in c.entries
    }


def test_a_line_joins_by_serial_mac_or_name_and_never_by_address(tmp_path: Path) -> None:
    machines(tmp_path, *(document(n) for n in range(1, 6)))
    said = told(
        tmp_path,
        "Device Name,Serial Number,MAC Addresses,IP Address,Last Seen,User\n"
        "renamed,7XK00001,,,2026-11-20 10:00,DURAND\\anne\n"
        'docked,,"00-00-00-00-00-00; D4-BE-D9-00-00-02",,2026-11-20,\n'
        "DURAND\\pc-0003,,,,2026-11-20,\n"
        "nobody,,,192.168.7.5,2026-11-20,\n"
        "PC-0005,OTHER99,,,2026-11-20,\n",
    )
    assert said == "5 machines of a console (rmm)"
    found = result(tmp_path)
    assert joined(found) == {
        "renamed": ("serial", {"PC-0001"}),
        "docked": ("mac", {"PC-0002"}),
        "DURAND\\pc-0003": ("name", {"PC-0003"}),
        "nobody": ("", set()),
        "PC-0005": ("", set()),
    }
    assert named(found, "rmm-missing") == {"PC-0004", "PC-0005"}
    assert len(found.assets) == 5, "a console's word makes no device"
    rows = [o.body for _, o in found.observations if isinstance(o.body, ConsoleRow)]
    assert "anne" not in json.dumps([r.plain() for r in rows])
    products = {f.params["product"] for f in found.findings if f.rule == "rmm-missing"}
    assert products == {"Console X"}


def test_one_name_on_two_machines_is_not_sure(tmp_path: Path) -> None:
    machines(tmp_path, document(1), document(2, machine={"name": "PC-0001"}))
    told(tmp_path, "Name;Last seen\nPC-0001;2026-11-20\n")
    found = result(tmp_path)
    assert len(found.consoles[0].entries[0].assets) == 2
    assert not named(found, "rmm-missing") and len(found.console_coverage[0].unsure) == 2


def test_other_customers_are_never_stored(tmp_path: Path) -> None:
    machines(tmp_path, document(1))
    csv = "Name,Client,Last seen\nPC-0001,Durand,2026-11-20\nSRV-SECRET,Other SA,2026-11-20\n"
    with pytest.raises(ConsoleProblem, match=r"names 2 customers \(Durand, Other SA\)"):
        told(tmp_path, csv)
    with pytest.raises(ConsoleProblem, match="no row of the customer 'Dupont'"):
        told(tmp_path, csv, Said("rmm", customer="Dupont"))
    runs = tmp_path / "eng" / "runs"
    assert len(list(runs.iterdir())) == 1, "the machine alone"
    assert "1 rows of other customers" in told(tmp_path, csv, Said("rmm", customer="durand"))
    for path in runs.glob("*.run"):
        assert b"SRV-SECRET" not in path.read_bytes() and not beside(path, "-wal").exists()


def test_whose_console_it_is_decides_what_it_covers(tmp_path: Path) -> None:
    machines(tmp_path, document(1), document(2))
    told(tmp_path, "Name,Last seen\nPC-0001,2026-11-20\n", Said("rmm", whose="info nord"))
    found = result(tmp_path)
    assert found.consoles[0].owner == "former" and found.console_coverage == ()
    assert not named(found, "rmm-missing")
    with pytest.raises(ConsoleProblem, match=r"client\.toml knows: ours, InfoNord, ERP partner"):
        told(tmp_path, "Name\nPC-1\n", Said("rmm", whose="Nobody"))


def test_what_no_longer_reports_is_not_covered(tmp_path: Path) -> None:
    machines(tmp_path, document(1), document(2), document(3), document(4))
    told(
        tmp_path,
        "Nom;Dernier contact\nPC-0001;20/11/2026\nPC-0002;03/08/2026\nPC-0002;19/11/2026\nPC-0004;03/08/2026\n",
        Said("backup", product="Veeam"),
    )
    told(
        tmp_path,
        "Nom;Dernier contact\nPC-0001;20/11/2026\nPC-0004;03/08/2026\n"
        "DURAND\\PC-0002;19/11/2026\nPC-0002;03/08/2026\n",
        name="r.csv",
    )
    found = result(tmp_path)
    assert named(found, "rmm-silent") == {"PC-0004"}, "an old entry beside a fresh one is no more"
    assert named(found, "rmm-missing") == {"PC-0003"}
    assert not named(found, "backup-missing"), "of workstations the contract decides"
    (finding,) = [f for f in found.findings if f.rule == "rmm-silent"]
    assert finding.params["seen"] == "2026-08-03"


def test_the_newest_list_of_a_console_counts(tmp_path: Path) -> None:
    machines(tmp_path, document(1))
    told(tmp_path, "Name\nPC-9\n")
    assert named(result(tmp_path), "rmm-missing") == {"PC-0001"}
    told(tmp_path, "Name\nPC-0001\n", name="newer.csv")
    found = result(tmp_path)
    assert not named(found, "rmm-missing")
    assert [e.name for c in found.consoles for e in c.entries] == ["PC-0001"]


def test_a_list_of_one_site_says_nothing_of_another(tmp_path: Path) -> None:
    machines(tmp_path, document(1))
    told(tmp_path, "Name\nPC-9\n", Said("rmm", site="depot"))
    found = result(tmp_path)
    assert found.console_coverage[0].needs == () and not named(found, "rmm-missing")
    machines(tmp_path, document(2, machine={"name": "PC-0001"}), site="depot")
    told(tmp_path, "Name\nPC-0001\n", Said("rmm", site="depot"), "depot.csv")
    (meant,) = (e.assets for c in result(tmp_path).consoles for e in c.entries)
    assert [a.sites for a in result(tmp_path).assets if a.id in meant] == [("depot",)]


def test_the_checklist_closes_a_line_by_a_list_that_hears_the_machine(tmp_path: Path) -> None:
    machines(tmp_path, document(1), document(2), document(3))
    told(tmp_path, "Name;Last seen\nPC-0001;2026-11-20\nPC-0002;\n")
    found = result(tmp_path)
    (item,) = [i for i in found.checklist if i.id == "7.tooling.rmm_workstations"]
    assert {line.label: line.state for line in item.lines} == {
        "PC-0001": "clear",
        "PC-0002": "unknown",
        "PC-0003": "open",
    }


def test_a_sheet_of_devices_is_no_console(tmp_path: Path) -> None:
    file = tmp_path / "parc.csv"
    file.write_text("Name;Serial\nPC-1;SN-1\n", "utf-8")
    asyncio.run(bring(engagement(tmp_path / "eng"), file, "usine", "tester"))
    assert result(tmp_path).consoles == ()


@pytest.mark.parametrize(
    ("csv", "why"),
    [
        ("Name\n", "no machine in it"),
        ("", "empty"),
        ("Owner,Policy\na,b\n", "no column for name, IP or serial"),
        ("IP Address\n192.0.2.1\n", "no row of it has a name, a serial number or a MAC"),
        ("\0\1\2", "binary data"),
    ],
)
def test_what_is_refused_and_why(tmp_path: Path, csv: str, why: str) -> None:
    with pytest.raises(ConsoleProblem, match=why):
        told(tmp_path, csv)
    assert not list((tmp_path / "eng").glob("runs/*"))


def test_days_that_can_be_read_in_two_ways_are_not_told() -> None:
    assert days_of(["03/04/2026", "04/05/2026"]) == ["", ""]
    assert days_of(["03/04/2026", "25/05/2026 10:00"]) == ["2026-04-03", "2026-05-25"]
    assert days_of(["03/04/2026", "05/25/2026"]) == ["2026-03-04", "2026-05-25"]
    assert days_of(["13/04/2026", "05/25/2026"]) == ["", ""]
    assert days_of(["2026-02-30", "2026-2-3T10:00Z", "never", ""]) == ["", "2026-02-03", "", ""]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "any.csv"
    file.write_bytes(b"Name,Serial\n" + data)
    try:
        asyncio.run(bring_console(engagement(tmp_path / "eng"), file, RMM, "tester"))
    except ConsoleProblem as problem:
        assert str(problem)
