"""Any set of runs, any set of losses: statuses made worse, answers made silence or error, observations dropped. Nothing gets clearer.

The runs are consistent to begin with (whatever was answered was stored) and as the engine writes them: each planned unit has a status.
Each host is asked from inside (`endpoint.*`), so that items, lines and doors can be closed at all. The server has two addresses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from agent.catalogs.doors import load_doors
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.material import Material
from agent.model.bodies import DeviceAttribute, DeviceIdentity
from agent.model.judged import Judged
from agent.model.ref import addr, service
from agent.model.status import Ask, AskOutcome, ProbeStatus, UnitOutcome
from tests.agent.judgement.better import better
from tests.agent.judgement.sample import HQ, engagement, hq_hosts, material
from tests.agent.judgement.sample_run import DAY, NOW, Run

SITE = HQ.model_copy(update={"networks": ("192.0.2.0/28",), "never": (), "unreached": ()})
HOSTS = ("192.0.2.1", "192.0.2.10", "192.0.2.11", "192.0.2.12")
SERVER = HOSTS[1:3]
INSIDE = tuple(sorted({k for d in load_doors().doors for k in d.asks if k.startswith("endpoint.")}))
ASKS = {
    "arp": frozenset({"host.alive", "arp.entry"}),
    "tcp_ports": frozenset({"tcp.ports"}),
    "banner": frozenset({"banner"}),
    "tls": frozenset({"tls.certificate"}),
    "web": frozenset({"http.page"}),
    "endpoint": frozenset({*INSIDE, "endpoint.protection"}),
}
UNDONE: tuple[UnitOutcome, ...] = ("partial", "failed", "skipped", "refused")


@dataclass(frozen=True)
class Visit:
    """One run: who was there, how each was answered from inside (a host that is not named was not asked), and how that unit ended.

    `listener`: how a second question, about one service only, was answered.
    """

    there: tuple[str, ...]
    inside: tuple[tuple[str, AskOutcome, AskOutcome | None, UnitOutcome], ...]


@dataclass(frozen=True)
class Loss:
    """`what`: status, answer or observation; `which`: picks one of them, from the end; `how`: an outcome, with the answers kept or not."""

    what: str
    which: int
    how: UnitOutcome
    keep: bool


def run_of(n: int, visit: Visit) -> Run:
    run = Run(SITE, NOW - (9 - n) * DAY, f"run-{n}")
    hosts = hq_hosts()
    hosts[SERVER[1]] = {"mac": hosts[SERVER[0]]["mac"]}
    run.sweep({ip: hosts[ip] for ip in visit.there})
    for ip in (ip for ip in SERVER if ip in visit.there):
        run.see("arp", SITE.networks[0], ip, DeviceIdentity(scheme="serial", value="SN-7781"))
    for ip, told, listener, outcome in visit.inside:
        asks: list[Ask] = []
        for kind in sorted(ASKS["endpoint"]):
            asks.append(run.ask(kind, addr("hq", ip), told))
            if told == "answered":
                run.see("endpoint", ip, ip, DeviceAttribute(name="note", value=kind))
        if listener is not None:
            asks.append(run.ask("endpoint.listeners", service("hq", ip, "tcp", 3389), listener))
            if listener == "answered":
                run.see("endpoint", ip, ip, DeviceAttribute(name="note", value="3389"))
        undone = outcome != "done"
        run.end("endpoint", ip, tuple(asks), (ip,), outcome, "not finished" if undone else "")
    return run


def before(visits: tuple[Visit, ...]) -> Material:
    runs = tuple(run_of(n, v) for n, v in enumerate(visits))
    return material(engagement(SITE), runs, asks=ASKS)


def judged(m: Material) -> Judged:
    return judge(m, build(m))


def after(m: Material, losses: tuple[Loss, ...]) -> Material:
    statuses, observations = list(m.statuses), list(m.observations)
    for loss in losses:
        if loss.what == "observation":
            if observations:
                del observations[loss.which % len(observations)]
            continue
        n = -1 - loss.which % len(statuses)
        run, old = statuses[n]
        if loss.what == "status":
            asks = old.asks if loss.keep else ()
            outcome: UnitOutcome = loss.how
        else:
            silenced: AskOutcome = "silent" if loss.keep else "error"
            asks = tuple(a.model_copy(update={"outcome": silenced}) for a in old.asks)
            outcome = "partial" if silenced == "error" or old.outcome != "done" else old.outcome
        reason = "" if outcome == "done" else "lost"
        told = ProbeStatus.of(old.probe, old.unit, 0, outcome, asks, NOW, NOW, reason)
        statuses[n] = (run, told)
    return replace(m, statuses=tuple(statuses), observations=tuple(observations))


def visits() -> st.SearchStrategy[Visit]:
    """Mostly complete looks, with a gap here and there: where all is unknown there is nothing to lose."""
    outcome = st.sampled_from((*4 * ("negative",), "answered", "silent"))
    outcomes: tuple[UnitOutcome, ...] = ("done", "done", "done", "done", "done", "partial")
    ended = st.sampled_from(outcomes)
    host = st.tuples(outcome, st.sampled_from((None, None, "negative", "silent")), ended)
    inside = st.tuples(*len(HOSTS) * [st.none() | host | host | host])
    some = st.sets(st.sampled_from(HOSTS), min_size=1).map(lambda s: tuple(sorted(s)))
    return st.builds(
        lambda there, rows: Visit(
            there, tuple((ip, *row) for ip, row in zip(HOSTS, rows, strict=True) if row)
        ),
        st.just(HOSTS) | some,
        inside,
    )


LOSSES = st.lists(
    st.builds(
        Loss,
        st.sampled_from(("status", "status", "answer", "observation")),
        st.integers(0, 7) | st.integers(0, 60),
        st.sampled_from(UNDONE),
        st.booleans(),
    ),
    min_size=1,
    max_size=4,
).map(tuple)
ALL = Visit(HOSTS, tuple((ip, "negative", None, "done") for ip in HOSTS))
HALF = Visit(HOSTS, (*ALL.inside[:2], (SERVER[1], "silent", None, "done"), ALL.inside[3]))
"""The server's second address stayed silent."""
AWAY = Visit((HOSTS[0],), ALL.inside[:1])
"""Server and NAS were off, or unplugged."""


def antivirus(j: Judged) -> list[str]:
    """The lines of the server in "every server has an antivirus"."""
    return [x.state for i in j.checklist if i.id == "7.gaps.antivirus" for x in i.lines]


def of(m: Material, probe: str, run: str) -> int:
    """Number, from the end, of the last status of *probe* in *run* that is of a unit."""
    back = [(r, s.probe, s.unit != "*") for r, s in reversed(m.statuses)]
    return back.index((run, probe, True))


def test_with_all_answered_doors_and_lines_close() -> None:
    """Without this, the test below would prove nothing."""
    j = judged(before((ALL,)))
    assert {d.state for d in j.doors if d.door == "service_vnc"} == {"not_seen"}
    assert antivirus(j) == ["clear"]
    assert len(j.assets) == 3


@pytest.mark.parametrize("how", UNDONE)
@pytest.mark.parametrize("keep", [True, False])
def test_a_unit_that_failed_is_no_better_than_one_that_met_silence(
    how: UnitOutcome, keep: bool
) -> None:
    for story in ((HALF,), (ALL, HALF)):
        m = before(story)
        silent = judged(m)
        [vnc] = {d.state for d in silent.doors if d.door == "service_vnc"}
        assert vnc == "not_examined"
        loss = Loss("status", of(m, "endpoint", f"run-{len(story) - 1}"), how, keep)
        assert not better(silent, judged(after(m, (loss,))))


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(visits(), min_size=1, max_size=2).map(tuple), LOSSES)
@example((ALL, HALF), (Loss("status", 1, "failed", False),))
def test_no_loss_makes_anything_clearer(story: tuple[Visit, ...], losses: tuple[Loss, ...]) -> None:
    m = before(story)
    assert not better(judged(m), judged(after(m, losses)))


def test_a_plan_without_a_status_is_a_unit_that_failed() -> None:
    m = before((ALL, HALF))
    n = len(m.statuses) - 1 - of(m, "endpoint", "run-1")
    cut: dict[str, Any] = {"statuses": (*m.statuses[:n], *m.statuses[n + 1 :])}
    # The counts of the run file, which would betray the loss by themselves, left out.
    cut["runs"] = tuple(r.model_copy(update={"statuses": 0}) for r in m.runs)
    assert not better(judged(m), judged(replace(m, **cut)))


def test_what_was_off_in_the_last_run_is_not_clear_any_more() -> None:
    """Nor is it better when that run failed instead of meeting silence."""
    m = before((ALL, AWAY))
    j = judged(m)
    assert antivirus(j) == ["unknown"]
    assert {d.state for d in j.doors if d.door == "service_vnc"} == {"not_examined"}
    assert j.page_one.unknown_by_cause["device_silent"] == 2
    assert (j.page_one.systems, j.page_one.systems_not_looked) == (3, 2)
    failed = judged(after(m, (Loss("status", of(m, "arp", "run-1"), "failed", False),)))
    assert antivirus(failed) == ["unknown"]
    assert failed.page_one.systems_not_looked == 3


def test_a_later_unit_that_did_not_finish_leaves_its_addresses_open() -> None:
    for outcome in UNDONE:
        undone = Visit(HOSTS, (*ALL.inside[:1], (SERVER[0], "negative", None, outcome)))
        assert antivirus(judged(before((ALL, undone)))) == ["unknown"]
    assert antivirus(judged(before((HALF, ALL)))) == ["clear"]
