"""An nmap scan brought into an engagement: reported sights at its own time, nothing outside the site, no absence proven by it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.commands.judging import judged
from agent.imports.bring import ImportProblem, bring
from agent.load_material import load_material
from agent.store.reader import RunFile
from agent.store.verify import verify
from tests.agent.engagement.sample import engagement
from tests.agent.imports.test_nmap_xml import SCAN


def imported(tmp_path: Path, data: bytes = SCAN, site: str = "usine") -> tuple[Path, str]:
    made = engagement(tmp_path / "eng")
    file = tmp_path / "scan.xml"
    file.write_bytes(data)
    said = asyncio.run(bring(made, file, site, "tester"))
    return tmp_path / "eng", said


def test_a_scan_joins_the_inventory_as_reported(tmp_path: Path) -> None:
    folder, said = imported(tmp_path)
    assert (
        said == "2 hosts of a scan by nmap 7.93 at usine (2 hosts without anything seen left out)"
    )
    (run,) = (folder / "runs").glob("*.run")
    assert verify(run).self_consistent
    with RunFile(run) as file:
        assert file.header.kind == "import" and "scan.xml" in file.header.source
        assert file.header.started == 1795401610_000000
    result = judged(engagement(folder))
    by_address = {a.addrs[0].value: a for a in result.assets}
    nas = by_address["192.168.7.9"]
    # We have not seen it ourselves.
    assert nas.presence == "known_unseen"
    assert nas.attrs["name"].value == "nas.durand.example"
    assert nas.attrs["os"].value == "Linux 5.0 - 5.4"
    services = {s.port: s for s in result.services if s.asset == nas.id}
    assert services[22].product.value == "OpenSSH" and services[22].version.value == "9.2p1"
    assert services[443].protocol.value == "https"
    assert services[5000].protocol.state != "known"
    assert {o.standing for _, o in result.observations} == {"reported"}
    assert not [i for i in result.checklist if i.mode == "evidence" and i.state == "clear"]


def test_hosts_elsewhere_are_left_out_and_counted(tmp_path: Path) -> None:
    _, said = imported(tmp_path, SCAN.replace(b"192.168.7.11", b"203.0.113.11"))
    assert "1 hosts of a scan" in said and "1 hosts outside the site's networks left out" in said
    elsewhere = SCAN.replace(b"192.168.7.", b"203.0.113.")
    with pytest.raises(ImportProblem, match="no host of it lies in the networks"):
        imported(tmp_path, elsewhere)


def test_a_broken_scan_is_partial(tmp_path: Path) -> None:
    folder, said = imported(tmp_path, SCAN[: SCAN.index(b"192.168.7.12")])
    assert "2 hosts" in said and "incomplete" in said
    material = load_material(engagement(folder))
    assert [s.outcome for _, s in material.statuses] == ["partial"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'<?xml version="1.0"?><html></html>', "not read as nmap XML"),
        (SCAN.replace(b"179540", b"999940"), "future"),
        (SCAN.replace(b"time=", b"tyme=").replace(b"start=", b"stort="), "when it was made"),
    ],
)
def test_what_is_refused_leaves_nothing(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ImportProblem, match=words):
        imported(tmp_path, data)
    assert not list((tmp_path / "eng").glob("runs/*"))
