"""States of the checklist: intake, action, evidence; what a person may decide; the gate before the SLA."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from agent.catalogs.checklist import load_checklist
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.material import Material
from agent.model.answers import Answers, ItemAnswer
from agent.model.bodies import ArpEntry
from agent.model.checklist import ChecklistItem
from agent.model.judged import Judged
from tests.agent.judgement.sample import HQ, client, engagement, hq_hosts, material
from tests.agent.judgement.sample_run import DAY, NOW, Run


def judged(answers: Answers | None = None) -> Judged:
    m = client(answers)
    return judge(m, build(m))


@cache
def plain() -> Judged:
    return judged()


def item(j: Judged, id_: str) -> ChecklistItem:
    return next(i for i in j.checklist if i.id == id_)


def answer(**fields: Any) -> ItemAnswer:
    return ItemAnswer.model_validate({"by": "A. Tech", "at": NOW, **fields})


def test_every_item_of_the_catalogue_is_there_in_order() -> None:
    assert [i.id for i in plain().checklist] == [e.id for e in load_checklist().items]


def test_client_toml_answers_by_itself() -> None:
    entry = next(e for e in load_checklist().items if e.prefill == "client.name")
    found = item(plain(), entry.id)
    assert (found.state, found.answer, found.by) == ("done", "Client SA", "client.toml")


def test_a_table_of_client_toml_fills_in_whole() -> None:
    entry = next(e for e in load_checklist().items if e.prefill == "former")
    m = client()
    flat = {**m.client, "former.Old MSP.name": "Old MSP", "former.Old MSP.phones": "+33 1"}
    m = replace(m, client=flat)
    found = item(judge(m, build(m)), entry.id)
    assert found.answer == "Old MSP.name: Old MSP\nOld MSP.phones: +33 1"


def test_an_action_is_due_after_the_start() -> None:
    entry = next(e for e in load_checklist().items if e.mode == "action" and e.due_days)
    found = item(plain(), entry.id)
    start = 1_788_998_400_000_000  # 2026-09-10, the mandate's first day
    assert found.state == "to_do"
    assert found.due == start + (entry.due_days or 0) * DAY
    own = judged(Answers(items={entry.id: answer(state="done", due=NOW + DAY)}))
    assert (item(own, entry.id).state, item(own, entry.id).due) == ("done", NOW + DAY)


def test_without_a_date_in_the_mandate_the_first_run_starts() -> None:
    run = Run(HQ, NOW - DAY, "run-1")
    entry = next(e for e in load_checklist().items if e.mode == "action" and e.due_days)
    m = material(engagement(HQ, mandate_from=""), (run,))
    found = item(judge(m, build(m)), entry.id)
    assert found.due == NOW - DAY + (entry.due_days or 0) * DAY


def test_the_gate_counts_required_items_of_step_one() -> None:
    gate = load_checklist().sla_gate
    before = plain().page_one.sla_blockers
    assert 0 < before <= len(gate)
    some = [e for e in gate if item(plain(), e.id).state == "to_ask"][:2]
    items = {
        some[0].id: answer(answer="42"),
        some[1].id: answer(state="cannot_be_had"),
    }
    after = judged(Answers(items=items))
    assert after.page_one.sla_blockers == before - 2
    assert item(after, some[1].id).state == "cannot_be_had"
    assert item(after, some[1].id).by == "A. Tech"


def test_rotation_has_a_line_for_each_device_of_the_class() -> None:
    found = item(plain(), "7.credentials.firewalls")
    assert [x.label for x in found.lines] == ["FortiGate", "pfSense - Login"]
    assert {x.state for x in found.lines} == {"open"}


def test_a_tick_closes_its_line_and_not_the_item() -> None:
    subject = str(item(plain(), "7.credentials.firewalls").lines[0].subject)
    after = judged(Answers(items={"7.credentials.firewalls": answer(lines={subject: "done"})}))
    found = item(after, "7.credentials.firewalls")
    assert [x.state for x in found.lines] == ["done", "open"]
    assert found.state == "open"


def test_all_ticked_is_unknown_while_a_device_has_no_class() -> None:
    """One of the unknown devices may be a firewall: the number of firewalls is not known."""
    lines = {str(x.subject): "done" for x in item(plain(), "7.credentials.firewalls").lines}
    after = judged(Answers(items={"7.credentials.firewalls": answer(lines=lines)}))
    found = item(after, "7.credentials.firewalls")
    assert {x.state for x in found.lines} == {"done"}
    assert found.state == "unknown"
    assert found.denominator.state == "not_asked"


def test_all_ticked_is_done_where_every_device_is_known() -> None:
    run = Run(HQ, NOW - DAY, "run-1")
    hosts = hq_hosts()
    run.sweep({ip: hosts[ip] for ip in ("192.0.2.1", "192.0.2.12")})
    m = material(engagement(HQ), (run,))
    first = judge(m, build(m))
    nas = item(first, "7.credentials.nas")
    assert (nas.denominator.value, nas.state) == (1, "open")
    ticks = {str(nas.lines[0].subject): "done"}
    m = material(engagement(HQ), (run,), Answers(items={"7.credentials.nas": answer(lines=ticks)}))
    assert item(judge(m, build(m)), "7.credentials.nas").state == "done"
    # A class without any device is not done: nobody said that there is none.
    assert item(judge(m, build(m)), "7.credentials.printers").state == "unknown"


def test_a_tick_under_an_older_id_still_counts() -> None:
    line = item(plain(), "7.credentials.firewalls").lines[0]
    asset = next(a for a in plain().assets if a.id == line.subject.value)
    assert asset.same_as
    older = f"asset::{asset.same_as[0]}"
    after = judged(Answers(items={"7.credentials.firewalls": answer(lines={older: "done"})}))
    assert item(after, "7.credentials.firewalls").lines[0].state == "done"


@pytest.mark.parametrize(("at", "state"), [(NOW, "done"), (NOW - 30 * DAY, "open")])
def test_done_as_a_whole_holds_for_what_was_known_then(at: int, state: str) -> None:
    said = {"7.credentials.firewalls": answer(state="done", at=at)}
    found = item(judged(Answers(items=said)), "7.credentials.firewalls")
    assert {x.state for x in found.lines} == {state}


def test_a_person_may_say_that_it_does_not_apply() -> None:
    said = {"7.credentials.san": answer(state="not_applicable")}
    found = item(judged(Answers(items=said)), "7.credentials.san")
    assert (found.state, found.by) == ("not_applicable", "A. Tech")


def test_a_weak_question_opens_and_never_clears() -> None:
    found = item(plain(), "7.estate.management")
    by_label = {x.label: x for x in found.lines}
    assert by_label["HPE 2"].state == "open"
    # Nothing was found on the printer, by a port scan: that is no proof.
    assert by_label["HP LaserJet M404"].state == "unknown"


def test_a_service_is_cleared_by_a_question_to_itself() -> None:
    """The certificate on 443 says nothing about Remote Desktop on 3389 of the same server."""
    found = item(plain(), "7.web.certificates")
    states = {x.subject.value: x.state for x in found.lines}
    assert states["192.0.2.10/tcp/3389"] == "unknown"
    assert states["192.0.2.10/tcp/443"] == "open"


def test_progress_adds_up() -> None:
    for step in plain().page_one.steps:
        assert step.total == step.closed + step.open + step.unknown
        assert step.total == len(load_checklist().of_step(step.step))


def small(*ips: str) -> Run:
    run = Run(HQ, NOW - DAY, "run-1")
    run.sweep({ip: hq_hosts()[ip] for ip in ips})
    return run


def test_silence_of_a_service_clears_nothing() -> None:
    run = small("192.0.2.1")
    m = material(engagement(HQ), (run,))
    assert item(judge(m, build(m)), "7.web.certificates").lines[0].state == "open"
    # The certificate was not shown this time: no finding, and no answer either.
    run.observations = [o for o in run.observations if o.body.kind != "tls.certificate"]
    run.statuses = [
        s.model_copy(
            update={"asks": tuple(a.model_copy(update={"outcome": "silent"}) for a in s.asks)}
        )
        if s.probe == "tls"
        else s
        for s in run.statuses
    ]
    m = material(engagement(HQ), (run,))
    lines = item(judge(m, build(m)), "7.web.certificates").lines
    assert {x.state for x in lines} == {"unknown"}


def reviewed(m: Material) -> ChecklistItem:
    return item(judge(m, build(m)), "7.estate.reviewed")


def test_a_device_that_left_no_trace_keeps_the_review_open() -> None:
    """A device was there (its question was answered) and its evidence is lost: the rest being ticked is not enough."""
    run = small("192.0.2.1", "192.0.2.15")
    m = material(engagement(HQ), (run,))
    [unticked] = [x for x in reviewed(m).lines if x.label.endswith("15")]
    ticks = {str(x.subject): "done" for x in reviewed(m).lines if x is not unticked}
    ticks.pop(str(unticked.subject), None)
    said = Answers(items={"7.estate.reviewed": answer(lines=ticks)})
    assert reviewed(replace(m, answers=said)).state == "open"
    rest = tuple((r, o) for r, o in m.observations if o.subject.value != "192.0.2.15")
    uncounted = tuple(r.model_copy(update={"observations": 0}) for r in m.runs)
    less = replace(m, answers=said, observations=rest, runs=uncounted)
    assert {x.state for x in reviewed(less).lines} == {"done"}
    assert reviewed(less).state == "unknown"


def test_half_a_network_asked_is_not_the_whole() -> None:
    """The first half answered and is ticked; the second half was never asked."""
    run = small("192.0.2.1")
    half = {f"192.0.2.{n}" for n in range(16, 31)}
    m = material(engagement(HQ), (run,))
    ticks = {str(x.subject): "done" for x in reviewed(m).lines}
    said = Answers(items={"7.estate.reviewed": answer(lines=ticks)})
    assert reviewed(replace(m, answers=said)).state == "done"
    run.statuses = [s for s in run.statuses if s.key != "arp/192.0.2.0/27"]
    arp = next(s for _, s in m.statuses if s.key == "arp/192.0.2.0/27")
    first = tuple(a for a in arp.asks if a.subject and a.subject.value not in half)
    run.end("arp", "192.0.2.0/27", first)
    assert reviewed(material(engagement(HQ), (run,), said)).state == "unknown"


def test_a_device_that_is_only_reported_opens_its_network() -> None:
    """The gateway's table names a device that did not answer us: the network is not completely found."""
    run = small("192.0.2.1", "192.0.2.12")
    m = material(engagement(HQ), (run,))
    assert item(judge(m, build(m)), "7.estate.found").state == "clear"
    run.see("snmp", "192.0.2.1", "192.0.2.25", ArpEntry(mac="3c:52:82:00:00:25"), "reported")
    m = material(engagement(HQ), (run,))
    j = judge(m, build(m))
    found = item(j, "7.estate.found")
    assert found.state == "open"
    assert found.lines[0].findings == tuple(
        f.key for f in j.findings if f.rule == "device-known-unseen"
    )
