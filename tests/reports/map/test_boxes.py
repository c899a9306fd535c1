"""A topology as boxes and wires: nothing is lost by folding, ports are named as people name them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.base import hash_id
from agent.model.topology import End, Place
from reports.map.boxes import ROWS, natural, net, ranges, short_port
from tests.reports.map.networks import SEEN, Network, firm, networks


@given(networks())
def test_every_box_link_and_device_is_there_once(n: Network) -> None:
    topology = n.build()
    drawn = net(topology, n.assets)
    assert set(topology.nodes) <= set(drawn.boxes)
    assert {h.id for h in topology.hidden} <= set(drawn.boxes)
    folded = Counter(p.mac for b in drawn.boxes.values() for r in b.rows for p in r.places)
    boxed = {p.mac for p in topology.places if p.asset in drawn.boxes}
    assert folded == Counter(p.mac for p in topology.places if p.mac not in boxed)
    plain = [w for w in drawn.wires if w.source != "mac_tables" or w.b.node not in boxed]
    assert len(plain) >= len(topology.links)
    for box in drawn.boxes.values():
        assert len(box.rows) <= ROWS
    for w in drawn.wires:
        assert {w.a.node, w.b.node} <= set(drawn.boxes)


def test_few_stand_alone_and_many_are_folded() -> None:
    n = firm()
    drawn = net(n.build(), n.assets)
    by = {n.labels.get(b.id, ""): b for b in drawn.boxes.values()}
    rows = by["sw-etage1"].rows
    assert [(r.kind, len(r.places)) for r in rows] == [
        ("printer", 1),
        ("voip_phone", 12),
        ("workstation", 24),
    ]
    assert [r.ports for r in rows] == ["45", "25-36", "1-24"]
    assert by["10.0.0.77"].dark
    assert not by["core-1"].dark


def test_ten_classes_fit_into_eight_rows() -> None:
    n = Network()
    sw = n.node("sw")
    classes = ("server", "nas", "ups", "pdu", "camera", "nvr", "alarm", "hvac", "plc", "media")
    for k, kind in enumerate(classes):
        for _ in range(k + 1):
            n.plug(kind, kind, sw, "1")
    rows = net(n.build(), n.assets).boxes[sw].rows
    assert len(rows) == ROWS
    assert rows[0].kind == "several"
    assert sum(len(r.places) for r in rows) == 55


def test_a_gateway_on_a_port_gets_a_box_and_a_wire() -> None:
    n = Network()
    sw = n.node("sw")
    gateway = n.plug("box", "gateway", sw, "24")
    drawn = net(n.build(), n.assets)
    assert set(drawn.boxes) == {sw, gateway}
    (wire,) = drawn.wires
    assert (wire.a.node, wire.a.port, wire.b.node, wire.told) == (sw, "24", gateway, "inferred")
    assert drawn.boxes[sw].rows == ()


def test_what_nobody_knows_is_drawn_all_the_same() -> None:
    n = Network()
    lost, other = hash_id("nobody"), hash_id("no box")
    n.link(n.node("sw"), "1", lost, "2")
    n.places.append(
        Place(asset=None, mac="00:11:22:33:44:55", at=End(node=other), conf=500, evidence=SEEN)
    )
    boxes = net(n.build(), n.assets).boxes
    assert (boxes[lost].kind, boxes[lost].asset, boxes[lost].hidden) == ("unknown", None, None)
    assert [r.kind for r in boxes[other].rows] == ["unknown"]


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("GigabitEthernet1/0/24", "Gi1/0/24"),
        ("TenGigabitEthernet1/1/1", "Te1/1/1"),
        ("FastEthernet0/1", "Fa0/1"),
        ("Port-channel12", "Po12"),
        ("Bridge-Aggregation1", "BAGG1"),
        ("Ethernet1/1", "Eth1/1"),
        ("TwentyFiveGigE1/0/1", "Twe1/0/1"),
        ("HundredGigabitEthernet1/0/49", "Hu1/0/49"),
        ("ge-0/0/1.0", "ge-0/0/1.0"),
        ("Gigabit", "Gigabit"),
        ("", ""),
    ],
)
def test_short_ports(name: str, short: str) -> None:
    assert short_port(name) == short


def test_ranges() -> None:
    assert ranges(["3", "1", "2", "9", "2"]) == "1-3, 9"
    assert ranges(["Gi1/0/1", "Gi1/0/2", "Gi1/0/9", "Gi2/0/1"]) == "Gi1/0/1-2, 9, Gi2/0/1"
    assert ranges(["lan", "a1", "c1", "d1", "e1"]) == "a1, c1, d1 +2"
    assert ranges(["9" * 5000]) == "9" * 5000
    assert ranges([]) == ""


@given(st.lists(st.text(max_size=300), max_size=20))
def test_any_name_of_a_port_can_be_sorted_and_joined(names: list[str]) -> None:
    assert sorted(names, key=natural) == sorted(reversed(sorted(names, key=natural)), key=natural)
    assert isinstance(ranges(names), str)
    assert len([short_port(n) for n in names]) == len(names)
