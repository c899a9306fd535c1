"""Ledger sums, the difference of two runs, unknowns of units, and the catalogues of doors and unknowns."""

from __future__ import annotations

from typing import Any

import pytest

from agent.catalogs.checklist import CatalogueError
from agent.catalogs.doors import load_doors, parse_doors
from agent.catalogs.unknowns import load_unknowns, parse_unknowns
from agent.inventory.build import build
from agent.judgement.conditions import day
from agent.judgement.difference import since_last
from agent.judgement.judge import judge
from agent.judgement.looked import Looked
from agent.judgement.world import World
from agent.material import Material
from agent.model.bodies import TcpPort
from agent.model.judged import Judged
from agent.model.ledger import LedgerEntry
from agent.model.ref import addr
from agent.model.status import ProbeStatus
from tests.agent.judgement.sample import HQ, client, engagement, hq_hosts, material
from tests.agent.judgement.sample_run import DAY, NOW, Run


def entry(kind: str, packets: int, at: int, **more: object) -> tuple[str, LedgerEntry]:
    fields = {
        "entry": kind,
        "probe": "arp",
        "unit": "u",
        "target": "192.0.2.1",
        "transport": "arp",
        "packets": packets,
        "bytes": packets * 60,
        "at": at,
        **more,
    }
    return "run-hq-1", LedgerEntry.model_validate(fields)


def judged(m: Material) -> Judged:
    return judge(m, build(m))


def test_a_reservation_without_settlement_counts_in_full() -> None:
    run = Run(HQ, NOW - DAY, "run-hq-1")
    ledger = (
        entry("reserve", 10, 1),  # killed here
        entry("reserve", 10, 2),
        entry("settle", 4, 3, peak_pps=7),
        entry("reserve", 5, 4, target="192.0.2.2"),
    )
    j = judged(material(engagement(HQ), (run,), ledger=ledger))
    first, second = j.ledger
    assert (first.packets, first.bytes, first.reserved) == (14, 840, 20)
    assert (first.peak_pps, first.first, first.last) == (7, 1, 3)
    assert (second.target, second.packets) == ("192.0.2.2", 5)
    assert (j.page_one.packets_sent, j.page_one.bytes_sent) == (19, 1140)


def test_the_ledger_says_who_was_treated_with_care_and_why() -> None:
    site = HQ.model_copy(update={"care": ("192.0.2.16/28",)})
    run = Run(site, NOW - DAY, "run-hq-1")
    run.see("tcp_ports", "192.0.2.3", "192.0.2.3", TcpPort(port=9100))
    targets = ("192.0.2.2", "192.0.2.3", "192.0.2.17", "192.0.2.0/27")
    ledger = tuple(entry("settle", 4, n, target=t) for n, t in enumerate(targets, 1))
    j = judged(material(engagement(site), (run,), ledger=ledger))
    assert {line.target: line.care for line in j.ledger} == {
        "192.0.2.2": "",
        "192.0.2.3": "print-port",
        "192.0.2.17": "client.toml",
        "192.0.2.0/27": "",
    }


def world(m: Material) -> World:
    return World(m, build(m), Looked(m))


def test_difference_of_two_runs() -> None:
    m = client()
    [hq] = since_last(world(m))
    assert (hq.older, hq.newer) == ("run-hq-1", "run-hq-2")
    assert len(hq.gone) == 1
    assert not hq.new
    assert not hq.changed
    assert not hq.not_compared


def two_runs(second: dict[str, dict[str, Any]], look: bool = True) -> World:
    hosts = hq_hosts()
    old = Run(HQ, NOW - 9 * DAY, "run-1")
    old.sweep({ip: hosts[ip] for ip in ("192.0.2.1", "192.0.2.11")})
    new = Run(HQ, NOW - DAY, "run-2")
    if look:
        new.sweep(second)
    return world(material(engagement(HQ), (old, new)))


def test_a_changed_service_is_a_change() -> None:
    host = {**hq_hosts()["192.0.2.11"], "ports": (22, 3306, 8080)}
    [d] = since_last(two_runs({"192.0.2.1": hq_hosts()["192.0.2.1"], "192.0.2.11": host}))
    assert len(d.changed) == 1
    assert not d.gone


def test_what_was_not_asked_again_is_not_gone() -> None:
    [d] = since_last(two_runs({}, look=False))
    assert not d.gone
    assert len(d.not_compared) == 2


def test_a_run_that_asked_one_thing_only_changes_nothing_else() -> None:
    """`run --only web`: banner, ports and certificates were not asked again; that is no change of any device."""
    hosts = {ip: hq_hosts()[ip] for ip in ("192.0.2.2", "192.0.2.11")}
    old, new = Run(HQ, NOW - 9 * DAY, "run-1"), Run(HQ, NOW - DAY, "run-2")
    old.sweep(hosts)
    new.sweep(hosts)
    new.statuses = [s for s in new.statuses if s.probe in ("arp", "web")]
    new.observations = [o for o in new.observations if o.probe in ("arp", "web")]
    new.plans = [p for p in new.plans if p.probe in ("arp", "web")]
    [d] = since_last(world(material(engagement(HQ), (old, new))))
    assert not d.changed
    assert not d.gone
    assert len(d.not_compared) == 2


def test_a_run_that_asked_other_ports_changes_nothing() -> None:
    """`run --ports 22` finds one port where the whole set found three: no change of the device, and its findings stay."""
    ip = "192.0.2.11"
    host = {**hq_hosts()[ip], "ports": (22, 23, 3306)}
    old, new = Run(HQ, NOW - 9 * DAY, "run-1"), Run(HQ, NOW - DAY, "run-2")
    old.sweep({ip: host})
    new.sweep({ip: {**host, "ports": (22,)}})
    new.statuses = [
        s.model_copy(update={"params": {"ports": "22"}}) if s.probe == "tcp_ports" else s
        for s in new.statuses
    ]
    m = material(engagement(HQ), (old, new))
    [d] = since_last(world(m))
    assert not d.changed
    assert len(d.not_compared) == 1
    assert any(p.service.port == 23 for p in world(m).points)


@pytest.mark.parametrize("outcome", ["failed", "partial", "refused", "skipped"])
def test_what_the_newer_run_did_not_finish_is_not_compared(outcome: str) -> None:
    ip = "192.0.2.11"
    old, new = Run(HQ, NOW - 9 * DAY, "run-1"), Run(HQ, NOW - DAY, "run-2")
    old.sweep({ip: hq_hosts()[ip]})
    new.sweep({ip: hq_hosts()[ip]})
    new.observations[:] = [o for o in new.observations if o.probe != "banner"]
    n = next(n for n, s in enumerate(new.statuses) if s.key == f"banner/{ip}")
    new.statuses[n] = status(outcome, probe="banner", unit=ip)
    [d] = since_last(world(material(engagement(HQ), (old, new))))
    assert not d.changed
    assert len(d.not_compared) == 1


def test_a_banner_that_is_another_is_a_change_beside_what_was_not_asked() -> None:
    ip = "192.0.2.11"
    host = hq_hosts()[ip]
    banner = {22: {"protocol": "ssh", "text": "SSH-2.0-other"}}
    old, new = Run(HQ, NOW - 9 * DAY, "run-1"), Run(HQ, NOW - DAY, "run-2")
    old.sweep({ip: host})
    new.sweep({ip: {**host, "banner": {**host["banner"], **banner}}})
    new.statuses = [s for s in new.statuses if s.probe != "tcp_ports"]
    [d] = since_last(world(material(engagement(HQ), (old, new))))
    assert len(d.changed) == 1
    assert not d.not_compared


def status(outcome: str, **more: object) -> ProbeStatus:
    fields = {
        "probe": "web",
        "unit": "192.0.2.1",
        "session": 0,
        "outcome": outcome,
        "reason": "no route to host",
        "started": NOW,
        "ended": NOW,
        **more,
    }
    return ProbeStatus.model_validate(fields)


@pytest.mark.parametrize("outcome", ["failed", "partial", "refused", "skipped"])
def test_a_unit_that_did_not_finish_is_an_unknown_with_its_reason(outcome: str) -> None:
    run = Run(HQ, NOW - DAY, "run-1")
    run.sweep(hq_hosts())
    run.statuses = [s for s in run.statuses if s.key != "web/192.0.2.1"]
    run.statuses.append(status(outcome))
    j = judged(material(engagement(HQ), (run,)))
    [u] = [u for u in j.unknowns if u.cause == f"unit_{outcome}"]
    assert (u.params["reason"], u.params["probe"], u.site) == ("no route to host", "web", "hq")
    assert u.statuses == ("web/192.0.2.1",)


def test_a_failed_shard_counts_its_addresses() -> None:
    run = Run(HQ, NOW - DAY, "run-1")
    run.sweep(hq_hosts())
    run.statuses = [s for s in run.statuses if s.key != "arp/192.0.2.0/27"]
    run.statuses.append(status("failed", probe="arp", unit="192.0.2.0/27"))
    j = judged(material(engagement(HQ), (run,)))
    assert j.page_one.unknown_by_cause["unit_failed"] == 29


def asked_inside(*ips: str) -> Run:
    """The sample's firewall and NAS, with every one of *ips* asked from inside which of its listeners are open: none."""
    run = Run(HQ, NOW - DAY, "run-1")
    hosts = hq_hosts()
    run.sweep({ip: hosts[ip] for ip in ("192.0.2.1", "192.0.2.12")})
    for ip in ips:
        ask = run.ask("endpoint.listeners", addr("hq", ip), "negative")
        run.end("endpoint", ip, (ask,), (ip,))
    return run


def door(m: Material, name: str) -> set[str]:
    return {d.state for d in judged(m).doors if d.door == name}


def test_a_door_is_not_seen_only_where_all_were_asked() -> None:
    both = ("192.0.2.1", "192.0.2.12")
    assert door(material(engagement(HQ), (asked_inside(*both),)), "service_rdp") == {"not_seen"}
    one = material(engagement(HQ), (asked_inside(both[0]),))
    assert door(one, "service_rdp") == {"not_examined"}
    # Another site, of which nothing is known, may hold what is looked for.
    more = HQ.model_copy(update={"id": "branch"})
    wider = material(engagement(HQ, more), (asked_inside(*both),))
    assert door(wider, "service_rdp") == {"not_examined"}


def test_a_killed_unit_asks_to_resume() -> None:
    run = Run(HQ, NOW - DAY, "run-1")
    run.sweep(hq_hosts())
    run.statuses = [s for s in run.statuses if s.probe != "web"]
    j = judged(material(engagement(HQ), (run,)))
    [u] = [u for u in j.unknowns if u.cause == "unit_killed"]
    assert (u.label, u.step) == ("web", "resume")
    assert u.count == len([p for p in run.plans if p.probe == "web"])


def test_a_later_finished_unit_closes_the_unknown() -> None:
    first = Run(HQ, NOW - 5 * DAY, "run-1")
    first.sweep(hq_hosts())
    first.statuses = [s for s in first.statuses if s.key != "web/192.0.2.1"] + [status("failed")]
    second = Run(HQ, NOW - DAY, "run-2")
    second.sweep(hq_hosts())
    j = judged(material(engagement(HQ), (first, second)))
    assert not [u for u in j.unknowns if u.cause.startswith("unit_")]


def test_a_probe_left_out_for_a_better_one_hides_nothing() -> None:
    """`neighbours` was skipped in the sample because ARP by raw packets ran; without that it is an unknown."""
    assert "unit_skipped" not in judged(client()).page_one.unknown_by_cause
    run = Run(HQ, NOW - DAY, "run-1")
    run.end("neighbours", "*", outcome="skipped", reason="no network")
    j = judged(material(engagement(HQ), (run,)))
    assert j.page_one.unknown_by_cause["unit_skipped"] == 1


def test_addresses_nobody_asked_are_counted() -> None:
    run = Run(HQ, NOW - DAY, "run-1")
    j = judged(material(engagement(HQ), (run,)))
    # /27 without its two edges and without the address that is never asked
    assert j.page_one.unknown_by_cause["address_not_asked"] == 29
    assert j.page_one.unknown_by_cause["network_silent"] == 29


def test_a_network_too_large_is_said_not_searched() -> None:
    big = HQ.model_copy(update={"networks": ("10.0.0.0/8",)})
    run = Run(big, NOW - DAY, "run-1")
    j = judged(material(engagement(big), (run,)))
    assert "network_too_large" in j.page_one.unknown_by_cause
    assert j.coverage[0].total is None


def test_what_the_mandate_does_not_allow_is_an_unknown() -> None:
    run = Run(HQ, NOW - DAY, "run-1")
    j = judged(material(engagement(HQ, mandate_allows=("sweep", "devices")), (run,)))
    labels = {u.label for u in j.unknowns if u.cause == "not_mandated"}
    assert labels == {"directory", "endpoints", "public-names"}


def test_a_certificate_from_the_year_20000_is_printable() -> None:
    assert day(NOW * 1000) == "9999-12-31"
    assert day(-(10**20)) == "0001-01-01"


def test_texts_of_doors_and_unknowns_are_translated() -> None:
    texts = [c.text for c in load_unknowns().causes] + [s.text for s in load_unknowns().steps]
    texts += [d.title for d in load_doors().doors] + [p.title for p in load_doors().parties]
    assert all(t.en != t.fr for t in texts)


def test_wrong_catalogues_are_refused() -> None:
    step = '[[step]]\nid = "b"\nwho = "client"\ntext = { en = "x", fr = "y" }\n'
    cause = '[[cause]]\nid = "a"\nweight = 5\nstep = "%s"\ntext = { en = "x", fr = "y" }\n'
    assert parse_unknowns(cause % "b" + step).cause("a").step == "b"
    with pytest.raises(CatalogueError, match="no such step"):
        parse_unknowns(cause % "c" + step)
    with pytest.raises(CatalogueError, match="closes nothing"):
        parse_unknowns(cause % "b" + step + step.replace('"b"', '"d"'))
    door = '[[door]]\nid = "%s"\nsubject = "dns"\nrules = ["r"]\nasks = ["a.b"]\ntitle = { en = "x", fr = "y" }\n'
    with pytest.raises(CatalogueError, match="two doors"):
        parse_doors(door % "a" + door % "b")
    with pytest.raises(CatalogueError, match="no such subject"):
        parse_doors((door % "a").replace('"dns"', '"nds"'))
