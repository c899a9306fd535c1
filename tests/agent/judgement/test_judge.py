"""The judged result of the sample client: findings, page one, accepted risks, today, expiring, doors, texts for all of it."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import cache

from agent.catalogs.risks import fill, load_risks
from agent.catalogs.unknowns import load_unknowns
from agent.inventory.build import build
from agent.judgement.conditions import day
from agent.judgement.findings import finding_key
from agent.judgement.judge import judge
from agent.judgement.page_one import in_order
from agent.material import Material
from agent.model.answers import AcceptedRisk, AddedAsset, Answers, ItemAnswer
from agent.model.base import canonical
from agent.model.finding import Finding
from agent.model.judged import Judged
from tests.agent.judgement.sample import HQ, client, engagement, hq_hosts, material
from tests.agent.judgement.sample_run import DAY, KEY, NOW, Run


def judged(m: Material) -> Judged:
    return judge(m, build(m))


@cache
def sample() -> Judged:
    return judged(client())


def of(j: Judged, rule: str) -> list[Finding]:
    return [f for f in j.findings if f.rule == rule]


def test_findings_name_where_and_by_what() -> None:
    j = sample()
    seen = {o.id for _, o in j.observations}
    for f in j.findings:
        assert set(f.evidence) <= seen
        assert set(f.assets) <= {a.id for a in j.assets}
    [telnet] = of(j, "telnet-open")
    assert [str(s) for s in telnet.subjects] == ["service:site/hq:192.0.2.2/tcp/23"]
    assert "7.estate.management" in telnet.closes
    assert len({f.key for f in j.findings}) == len(j.findings)


def test_what_was_silent_lately_keeps_lines_findings_and_its_place() -> None:
    """A laptop that sleeps during the second run, or that somebody unplugs for its sake, is not cleared by that."""
    j = sample()
    [asset] = [a for a in j.assets if a.presence == "unseen"]
    found = {f.rule: f for f in j.findings if asset.id in f.assets}
    assert set(found) == {"device-gone", "rdp-open"}
    assert found["device-gone"].params["last_seen"] == day(NOW - 10 * DAY)
    lines = [x for i in j.checklist for x in i.lines if asset.id in x.subject.value]
    assert lines
    assert not {x.state for x in lines} & {"clear", "done"}
    assert all(found["device-gone"].key in x.findings for x in lines)
    assert [d.state for d in j.doors if d.door == "service_rdp" and asset.id in d.assets]
    assert j.page_one.unknown_by_cause["device_silent"] == 1


def test_findings_are_worst_first() -> None:
    ranks = ["critical", "high", "medium", "low", "info"]
    order = [ranks.index(f.severity) for f in sample().findings]
    assert order == sorted(order)


def test_the_key_of_a_finding_survives_the_next_run() -> None:
    first = Run(HQ, NOW - 10 * DAY, "run-hq-1")
    first.sweep(hq_hosts())
    alone = judged(material(engagement(HQ), (first,)))
    both = {f.key for f in sample().findings}
    assert {f.key for f in alone.findings if f.rule == "telnet-open"} <= both


def test_order_of_arrival_does_not_matter() -> None:
    m = client()
    shuffled = list(m.observations)
    random.Random(7).shuffle(shuffled)
    told = list(m.statuses)
    random.Random(8).shuffle(told)
    other = judged(replace(m, observations=tuple(shuffled), statuses=tuple(told)))
    for part in ("findings", "checklist", "doors", "unknowns", "coverage", "page_one"):
        mine, theirs = getattr(sample(), part), getattr(other, part)
        plain = [canonical(x) for x in mine] if isinstance(mine, tuple) else canonical(mine)
        assert plain == (
            [canonical(x) for x in theirs] if isinstance(theirs, tuple) else canonical(theirs)
        )


def test_every_text_has_its_parameters() -> None:
    for f in sample().findings:
        rule = load_risks().rule(f.rule)
        for text in (rule.title, rule.risk, rule.remediation):
            assert "[" not in fill(text, "fr", f.params)
    for u in sample().unknowns:
        cause = load_unknowns().cause(u.cause)
        assert "[" not in fill(cause.text, "fr", u.params)
        assert "[" not in fill(load_unknowns().step(u.step).text, "en", u.params)


def test_an_accepted_risk_stays_accepted_under_an_older_id() -> None:
    j = sample()
    [telnet] = of(j, "telnet-open")
    accept = AcceptedRisk(finding=telnet.key, by="C. Lient", at=NOW, why="replaced in May")
    after = judged(client(Answers(accepted=(accept,))))
    [kept] = of(after, "telnet-open")
    assert kept.accepted == "C. Lient, 2026-09-21: replaced in May"
    assert after.page_one.accepted_risks == (telnet.key,)
    assert "telnet-open" not in {t.action for t in after.page_one.today}
    # It does not stand in the way of the checklist line any more, but does not clear it either.
    items = {i.id: i for i in after.checklist}
    lines = [
        x for x in items["7.estate.management"].lines if str(x.subject).endswith(telnet.assets[0])
    ]
    assert telnet.key not in lines[0].findings
    asset = next(a for a in j.assets if a.id == telnet.assets[0])
    older = finding_key("telnet-open", (asset.same_as[0],), KEY)
    under_old_id = judged(client(Answers(accepted=(accept.model_copy(update={"finding": older}),))))
    assert of(under_old_id, "telnet-open")[0].accepted
    expired = accept.model_copy(update={"until": NOW - 1})
    again = judged(client(Answers(accepted=(expired,))))
    assert of(again, "telnet-open")[0].accepted is None


def test_a_name_of_the_former_provider_is_attributed() -> None:
    j = sample()
    [former] = of(j, "certificate-former")
    assert former.owner is not None
    assert former.owner.provider == "former-oldmsp"
    assert former.params["words"] == "rmm.oldmsp.example"
    assert j.page_one.ways_in == 1
    cells = {(d.door, d.party_label): d.state for d in j.doors}
    assert cells["service_management", "Old MSP"] == "observed"
    # He is known to use the tool that answers: suspected, and no more than that.
    assert cells["remote_access_tool", "Old MSP"] == "suspected"
    assert cells["vpn", "Old MSP"] == "not_examined"


def test_nothing_is_zero_by_default() -> None:
    first = Run(HQ, NOW - DAY, "run-1")
    page = judged(material(engagement(HQ), (first,), providers=())).page_one
    nones = (
        "ways_in",
        "no_rmm",
        "leavers",
        "administrators",
        "personal_devices",
        "letter",
        "since_last",
    )
    assert {n: getattr(page, n) for n in nones} == dict.fromkeys(nones)
    assert page.backup == "not_examined"


def test_today_is_short_and_worst_first() -> None:
    today = sample().page_one.today
    assert len(today) == 5
    assert len({t.action for t in today}) == 5
    assert today[0].severity == "high"
    assert today[0].action == "remote-access-port"
    assert all(t.evidence for t in today if t.kind == "finding")


def test_today_falls_back_to_what_hides_most() -> None:
    quiet = Run(HQ, NOW - DAY, "run-1")
    quiet.sweep({"192.0.2.13": hq_hosts()["192.0.2.13"]})
    today = judged(material(engagement(HQ), (quiet,))).page_one.today
    assert {t.kind for t in today} == {"unknown"}
    assert today[0].action == "examine_leftovers"
    assert today[0].who == "technician"


def test_expiring_certificates() -> None:
    [row] = sample().page_one.expiring
    assert row[0] == "srv.client.example"
    assert row[1] == NOW + 20 * DAY


def test_personal_phones_are_counted_not_chased() -> None:
    j = sample()
    assert j.page_one.personal_devices == 1
    phone = next(a for a in j.assets if a.ports[0].mac and a.ports[0].mac.value.startswith("d2:"))
    assert not [f for f in j.findings if phone.id in f.assets]


def test_left_alone_counts_what_is_never_asked() -> None:
    assert sample().page_one.left_alone == 1
    run = Run(HQ, NOW - DAY, "run-1", unreached=("192.0.2.16/29", "198.51.100.0/24"))
    j = judged(material(engagement(HQ), (run,)))
    assert j.page_one.left_alone == 2
    assert "range_passive" in j.page_one.unknown_by_cause


def test_silent_hosts_are_not_looked_at() -> None:
    page = sample().page_one
    assert page.systems == 14
    # One that answers no port, and one that did not answer the last sweep.
    assert page.systems_not_looked == 2
    assert page.unknown_by_cause["host_silent"] == 1
    [devices, *others] = sample().coverage
    assert (devices.looked, devices.total) == (12, 14)
    assert all(c.total is None and c.looked == 0 and c.reasons for c in others)


def test_a_site_without_a_run_is_the_first_unknown() -> None:
    run = Run(HQ, NOW - DAY, "run-1")
    run.sweep(hq_hosts())
    other = HQ.model_copy(update={"id": "branch"})
    j = judged(material(engagement(HQ, other), (run,)))
    assert j.unknowns[0].cause == "site_not_run"
    assert j.coverage[0].total is None


def test_an_asset_added_by_hand_is_no_finding() -> None:
    gps = AddedAsset(
        id="gps-1", name="GPS tracker van", device_class="iot", site="hq", by="A", at=NOW
    )
    j = judged(client(Answers(assets=(gps,))))
    assert "GPS tracker van" in j.labels.values()
    assert not of(j, "device-known-unseen")


def test_backup_and_letter_come_from_people() -> None:
    answers = Answers(
        items={
            "7.backup.last_good": ItemAnswer(answer="2026-09-20", by="A", at=NOW),
            "7.former.request_sent": ItemAnswer(state="done", by="A", at=NOW),
        }
    )
    page = judged(client(answers)).page_one
    assert page.backup == "answered"
    assert page.backup_facts == {"last_good": "2026-09-20"}
    assert page.letter == {
        "request_handed": 0,
        "request_sent": 1,
        "request_answers": 0,
        "request_chased": 0,
    }


def test_what_brings_an_agent_back_is_closed_before_the_agent() -> None:
    risks = load_risks()
    path, agent = ("reinstall-path", "remote-access-agent")
    assert risks.rule(path).before == ("rmm-agent", agent)
    sure = sample().findings[0]

    def group(rule: str, asset: str) -> list[Finding]:
        return [sure.model_copy(update={"rule": rule, "assets": (asset,)})]

    same = {
        "telnet-open": group("telnet-open", "a"),
        agent: group(agent, "a"),
        path: group(path, "a"),
    }
    assert in_order(risks, same) == ["telnet-open", path, agent]
    apart = {agent: group(agent, "a"), path: group(path, "b")}
    assert in_order(risks, apart) == [agent, path], "two machines: the worse one first"
    done = {path: group(path, "a"), agent: group(agent, "a")}
    assert in_order(risks, done) == [path, agent]
