"""The switched lab: everything true is found and nothing false, also where switches let nobody in, or an observation is lost."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from pathlib import Path

import pytest

import fixtures.lab
from agent.inventory.topology.build import topologies
from agent.model.asset import Asset
from agent.model.known import Known
from agent.model.topology import Link
from fixtures.networks.around import KEY
from fixtures.networks.switched.bridges import simulate
from fixtures.networks.switched.tables import asset_id, assets, told
from fixtures.networks.switched.truth import Net, load
from tests.agent.inventory.topology.against import Seen, look


@cache
def lab() -> Net:
    return load((Path(fixtures.lab.__file__).parent / "topology.toml").read_text("utf-8"))


@cache
def all_seen() -> Seen:
    return look(lab())


def link(a: str, b: str) -> Link:
    (found,) = [
        k for k in all_seen().topology.links if {k.a.node, k.b.node} == {asset_id(a), asset_id(b)}
    ]
    return found


def test_every_true_link_and_none_false() -> None:
    seen = all_seen()
    assert seen.false_links() == []
    assert seen.missing_links() == []


def test_every_endpoint_is_on_its_port() -> None:
    seen = all_seen()
    assert seen.false_places() == []
    assert seen.unplaced() == set()
    at = {p.mac: p for p in seen.topology.places}
    phone, pc = at["80:5e:c0:00:00:01"], at["d4:be:d9:00:00:01"]
    assert phone.at == pc.at and phone.at.port == "Gi1/0/1"
    assert (phone.shared, pc.shared) == (False, True)
    assert (phone.vlans, pc.vlans) == ((20,), (10,))
    assert "00:00:5e:00:01:01" not in at


def test_telephones_behind_a_router_are_known_by_what_they_announce() -> None:
    """Their network is routed: no ARP told us a MAC, and nothing says yet what they are."""
    net = lab()
    of = told(net, simulate(net))
    phones = {asset_id(d.id) for d in net.devices.values() if d.kind == "phone"}
    there: list[Asset] = []
    for a in assets(net, of):
        if a.id in phones:
            ports = tuple(p.model_copy(update={"mac": None}) for p in a.ports)
            a = a.model_copy(update={"ports": ports, "device_class": Known[str].not_asked()})
        there.append(a)
    (seen,) = topologies([("r", o) for some in of.values() for o in some], there, KEY)
    at = {p.mac: p for p in seen.places}
    phone, pc = at["80:5e:c0:00:00:01"], at["d4:be:d9:00:00:01"]
    assert phone.asset == asset_id("tel-1")
    assert (
        (phone.at.node, phone.at.port) == (asset_id("acc-1"), "Gi1/0/1") == (pc.at.node, pc.at.port)
    )
    assert (phone.shared, pc.shared) == (False, True)
    assert len(seen.hidden) == len(all_seen().topology.hidden)


def test_boxes_nobody_saw() -> None:
    seen = all_seen()
    boxes = {(h.guess, *sorted(seen.hidden[h.id])) for h in seen.topology.hidden}
    assert boxes == {
        ("unmanaged_switch", "netgear"),
        ("unmanaged_switch", "switch-bureau"),
        ("hypervisor", "proxmox"),
    }


def test_what_links_are() -> None:
    lag = link("coeur", "dist-a")
    ends = {e.node: e for e in (lag.a, lag.b)}
    assert lag.kind == "lag" and lag.mbps == 2000 and lag.vlans == (1, 10, 20, 30)
    # The members of one LAG are on two units of the stack.
    assert ends[asset_id("coeur")].members == ("Gi1/0/1", "Gi2/0/1")
    assert ends[asset_id("coeur")].port == "Po1"
    assert link("acc-1", "dist-b").blocked and link("dist-a", "dist-b").blocked
    assert not link("acc-1", "dist-a").blocked
    # The row of pc-9 timed out at dist-a: its tables cannot show that nothing is between.
    assert (link("acc-1", "dist-a").source, link("acc-1", "dist-a").conf) == ("both_sides", 900)
    assert (link("acc-2", "dist-a").source, link("acc-2", "dist-a").conf) == ("spanning_tree", 850)
    assert (link("ancien", "acc-4").source, link("ancien", "acc-4").conf) == ("one_side", 900)
    assert (link("muet", "acc-2").source, link("muet", "acc-2").conf) == ("mac_tables", 600)
    assert {k.kind for k in all_seen().topology.links} == {"cable", "lag"}


def test_gaps_name_who_lets_nobody_in() -> None:
    gaps = {(g.kind, all_seen().device.get(g.node or "")) for g in all_seen().topology.gaps}
    assert {("no_account", "ancien"), ("no_account", "muet")} <= gaps


def switches() -> list[str]:
    return [d.id for d in lab().devices.values() if d.kind == "switch" and d.account]


@pytest.mark.parametrize("size", range(1, 8))
def test_whoever_refuses_nothing_false_is_said_and_he_is_named(size: int) -> None:
    for some in combinations(switches(), size):
        seen = look(lab(), frozenset(some))
        assert seen.false_links() == [], some
        assert seen.false_places() == [], some
        named = {
            seen.device.get(g.node or "") for g in seen.topology.gaps if g.kind == "no_account"
        }
        assert set(some) <= named


def test_a_lost_observation_adds_nothing() -> None:
    """Nothing false, and no link that is surer than with it."""
    sure = {(k.a.node, k.b.node): k.conf for k in all_seen().topology.links}
    for some in told(lab(), simulate(lab())).values():
        for o in some:
            seen = look(lab(), drop=frozenset((o.id,)))
            assert seen.false_links() == [], o.body
            assert seen.false_places() == [], o.body
            for k in seen.topology.links:
                assert k.conf <= sure.get((k.a.node, k.b.node), 900), (o.body, k)
