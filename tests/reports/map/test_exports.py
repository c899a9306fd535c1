"""GraphML and the CSV of cables: complete, read by other programs, hostile strings inert."""

from __future__ import annotations

import csv
import io
import re
import subprocess
from pathlib import Path

import pytest
from defusedxml import ElementTree

from agent.model.judged import Judged
from agent.model.topology import End, Place
from reports.exports.find import exporters
from reports.html.render import write_report
from tests.reports.map.networks import SEEN, Network, firm, shown
from tests.reports.sample import judged
from tests.reports.sample_estate import HOSTILE

G = "{http://graphml.graphdrawing.org/xmlns}"


@pytest.fixture(scope="module")
def network() -> Network:
    n = firm()
    n.places.append(
        Place(
            asset=None,
            mac="de:ad:be:ef:00:01",
            at=End(node=n.nodes[-1], port="@SUM(A1)", label="=cmd|' /C calc'!A0"),
            conf=600,
            evidence=SEEN,
        )
    )
    ids = list(n.labels)
    for k, name in enumerate(HOSTILE):
        n.labels[ids[-1 - k]] = name
    return n


@pytest.fixture(scope="module")
def result(network: Network) -> Judged:
    return shown(network, base=judged(20, hostile=False))


def test_graphml_holds_every_box_device_and_link(
    network: Network, result: Judged, tmp_path: Path
) -> None:
    root = ElementTree.parse(exporters()["graphml"](result, "fr", tmp_path)).getroot()
    assert root is not None
    keys = {k.get("id") for k in root.iter(f"{G}key")}
    nodes, edges = list(root.iter(f"{G}node")), list(root.iter(f"{G}edge"))
    ids = [n.get("id") for n in nodes]
    assert len(ids) == len(set(ids)) == len(network.assets) + len(network.hidden) + 1
    assert len(edges) == len(network.links) + len(network.places)
    assert {e.get(k) for e in edges for k in ("source", "target")} <= set(ids)
    assert {d.get("key") for d in root.iter(f"{G}data")} <= keys
    told = [{d.get("key"): d.text for d in e.iter(f"{G}data")} for e in edges]
    lag = next(t for t in told if t["e_kind"] == "lag")
    assert (lag["e_mbps"], lag["e_vlans"], lag["e_blocked"]) == ("20000", "10 20 30", "false")
    assert sum(t.get("e_blocked") == "true" for t in told) == 3
    labels = {d.text for d in root.iter(f"{G}data") if d.get("key") == "n_label"}
    assert HOSTILE[0] in labels, "escaped, not lost"
    assert not [x for x in labels if x and ("\u202e" in x or "\x00" in x)]


@pytest.mark.needs("graphml2gv")
def test_graphviz_reads_the_same_graph(network: Network, result: Judged, tmp_path: Path) -> None:
    path = exporters()["graphml"](result, "en", tmp_path)
    done = subprocess.run(["graphml2gv", str(path)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0
    # It says so of each attribute that is none of its own; anything else would be a complaint.
    assert {line.endswith("- ignoring.") for line in done.stderr.splitlines()} == {True}
    assert done.stdout.count(" -- ") == len(network.links) + len(network.places)
    name = r'"?(mac-[\w:]+|\w{32})"?'
    read = {tuple(sorted(e)) for e in re.findall(f"{name} -- {name}", done.stdout)}
    links = {tuple(sorted((x.a.node, x.b.node))) for x in network.links}
    plugged = {tuple(sorted((p.asset or f"mac-{p.mac}", p.at.node))) for p in network.places}
    assert read == links | plugged


def rows(raw: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline=""), strict=True))


def test_cables_have_a_row_each_and_no_formula(
    network: Network, result: Judged, tmp_path: Path
) -> None:
    found = rows(exporters()["cables-csv"](result, "en", tmp_path).read_bytes())
    assert len(found) == 1 + len(network.links) + len(network.places)
    assert {len(r) for r in found} == {13}
    assert len(set(found[0])) == 13
    cells = [c for r in found for c in r]
    assert not [c for c in cells if c.startswith(("=", "+", "-", "@"))]
    assert any(c.startswith("'=cmd|") for c in cells)
    assert any(c.startswith("'@SUM") for c in cells)
    lag = next(r for r in found if "20000" in r)
    assert {"Trk1 (Te1/1/1 Te1/1/2)", "bundle of cables (LAG)", "10 20 30"} <= set(lag)
    assert [r[4] for r in found if r[6] == "de:ad:be:ef:00:01"] == ["de:ad:be:ef:00:01"]
    assert {r[0] for r in found[1:]} == {"siege"}
    ours = [r[2] for r in found if r[1] == "sw-etage1" and r[2].isdigit()]
    assert ours == sorted(ours, key=int), "port 9 before port 10"


def test_the_report_writes_cables_only_where_somebody_could_look(
    result: Judged, tmp_path: Path
) -> None:
    names = {p.name for p in write_report(result, "fr", "technician", tmp_path)}
    assert "cables.csv" in names
    assert rows((tmp_path / "cables.csv").read_bytes())[0][1] == "De"
    none = result.model_copy(update={"topologies": ()})
    assert "cables.csv" not in {p.name for p in write_report(none, "fr", "technician", tmp_path)}
    assert "cables.csv" not in {p.name for p in write_report(result, "fr", "client", tmp_path)}
