"""What a run finds against what is there: every live host, no ghost, every open port of the set, devices told apart and put together."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from agent.catalogs.evidence import load_evidence
from agent.catalogs.port_sets import port_set
from agent.model.judged import Judged
from agent.model.scope import OT_PORTS
from agent.store.reader import RunFile
from fixtures.lab.truth import SiteTruth
from tests.acceptance.conftest import SITES, Story
from tests.acceptance.product import MARKS, judged_of

pytestmark = MARKS
Pair = frozenset[str]


def same_device(judged: Judged) -> set[Pair]:
    """Pairs of addresses that the inventory takes for one device."""
    addresses = [sorted(r.value for r in a.addrs) for a in judged.assets]
    return {frozenset(pair) for a in addresses for pair in combinations(a, 2)}


def truly_same(site: SiteTruth) -> set[Pair]:
    """Without those of a virtual MAC: such an address moves from device to device (RFC 9568) and stands for itself."""
    virtual = {a.addr for h in site.hosts for a in h.addresses if a.virtual_mac}
    pairs = {frozenset(p) for h in site.hosts if h.up for p in combinations(h.in_scope, 2)}
    return {p for p in pairs if not p & virtual}


@pytest.mark.parametrize("kind", ["raw", "plain"])
@pytest.mark.parametrize("site_id", SITES)
def test_a_run_finds_what_is_there(story: Story, site_id: str, kind: str) -> None:
    visit = story.visits[site_id, kind]
    truth, judged = visit.truth.site(site_id), judged_of(visit.folder)
    # A device that floods on purpose cannot be read to the end: the report names it, and nobody else. The run is complete all the same.
    unread = {s.unit for _, s in judged.statuses if s.outcome != "done" and s.unit != "*"}
    hostile = {a for h in truth.hosts if "hostile" in h.traps for a in h.addrs}
    assert visit.done.code == 0, visit.done.text
    assert unread <= hostile
    named = {key for u in judged.unknowns if u.cause == "unit_partial" for key in u.statuses}
    assert unread == {key.rpartition("/")[2] for key in named}
    assert judged.runs[0].header.vantage.mode == ("raw" if kind == "raw" else "unprivileged")

    there = {addr for addr, _ in truth.live()}
    found = {r.value for a in judged.assets if a.presence == "live" for r in a.addrs}
    ports = {(a, p) for a, p in truth.open_ports() if p in port_set()}
    services = [(s.at.value.split("/")[0], s) for s in judged.services if s.state == "open"]
    open_ = {(addr, s.port) for addr, s in services if s.transport == "tcp"}
    spoken = {(addr, s.port) for addr, s in services if s.transport == "udp"}
    speaks = {(addr, port) for addr, port, _ in truth.udp_services()}
    pairs, told = truly_same(truth), same_device(judged)
    with RunFile(visit.run) as file:
        took = (file.ends[-1].ended - file.header.started) / 1e6
    print(
        f"\n{site_id} {kind}: {took:.0f} s; hosts {len(found & there)}/{len(there)}, ghosts {len(found - there)}; "
        f"ports {len(open_ & ports)}/{len(ports)}, ghosts {len(open_ - ports)}; "
        f"UDP {len(spoken & speaks)}/{len(speaks)}, ghosts {len(spoken - speaks)}; "
        f"pairs of one device {len(told & pairs)}/{len(pairs)}, wrong {len(told - pairs)}"
    )
    assert (there - found, found - there) == (set(), set())
    assert (ports - open_, open_ - ports) == (set(), set())
    assert (speaks - spoken, spoken - speaks) == (set(), set())
    assert (pairs - told, told - pairs) == (set(), set())
    # The quiet ones are the hard ones: they were among those found.
    assert any(h.silent for _, h in truth.live())
    assert any(not h.ping for _, h in truth.live())
    assert {a.sites for a in judged.assets} == {(site_id,)}


def test_what_is_said_of_the_class_is_right(story: Story) -> None:
    """Right, or a more general word for it, or unknown; of what is said with 90 % and more at least 95 % is right."""
    evidence = load_evidence()
    for (site_id, kind), visit in story.visits.items():
        if kind == "dark":
            continue
        there = dict(visit.truth.site(site_id).live())
        tally: Counter[str] = Counter()
        unknown: set[str] = set()
        sure: list[bool] = []
        for asset in judged_of(visit.folder).assets:
            for host in {h.id: h for r in asset.addrs if (h := there.get(r.value))}.values():
                said = asset.device_class.value
                right = said is not None and evidence.is_a(host.device_class, said)
                tally[
                    "unknown" if said is None else "right" if right else f"{host.id}: {said}"
                ] += 1
                if said is None:
                    unknown.add(host.id)
                if said is not None and asset.class_conf >= 900:
                    sure.append(right)
        print(f"\n{site_id} {kind}: {dict(tally)}, of {len(sure)} at 90 % {sum(sure)} right")
        print(f"unknown: {', '.join(sorted(unknown))}")
        assert set(tally) <= {"right", "unknown"}
        if kind == "raw":
            # Who wakes asks for an address, which whoever listens hears. What only industrial ports would tell is not asked.
            assert unknown <= {
                h.id for h in there.values() if h.tcp and {p.real_port for p in h.tcp} <= OT_PORTS
            }
        assert sum(sure) >= 0.95 * len(sure)
        assert tally["right"] >= len(there) // 2


def test_the_mac_of_each_host_on_the_link(story: Story) -> None:
    for (_, kind), visit in story.visits.items():
        if kind == "dark":
            continue
        truth = visit.truth.site(visit.site)
        there = {a.addr: a.mac for _, h in truth.live() for a in h.addresses if a.on_link}
        seen = {
            r.value: p.mac.value
            for asset in judged_of(visit.folder).assets
            for p in asset.ports
            for r in p.addrs
            if p.mac is not None
        }
        inside = {addr for addr, _ in truth.live()}
        assert seen == {a: m for a, m in there.items() if a in inside}
