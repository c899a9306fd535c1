"""Blindness: on a judged client, take away or spoil each status and each observation alone; nothing may look better afterwards.

Run on material as the probes write it, with a person's ticks in place, so that there are items that could wrongly close.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from agent.catalogs.checklist import load_checklist
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.material import Material
from agent.model.answers import Answers, ItemAnswer
from agent.model.judged import Judged
from agent.model.status import ProbeStatus, UnitOutcome
from tests.agent.judgement.better import CLOSED, better
from tests.agent.judgement.sample import client
from tests.agent.judgement.sample_run import NOW

SPOILT: tuple[UnitOutcome, ...] = ("failed", "skipped", "refused", "partial")


@cache
def ticked() -> Material:
    """The sample client where a person ticked every line of every item that a tick can close."""
    plain = client()
    lines = {str(x.subject): "done" for i in judge(plain, build(plain)).checklist for x in i.lines}
    items = {
        e.id: ItemAnswer.model_validate({"by": "A. Tech", "at": NOW, "lines": lines})
        for e in load_checklist().items
        if e.mode == "evidence" and e.confirm
    }
    return replace(plain, answers=Answers(items=items))


@cache
def whole() -> Judged:
    return judge(ticked(), build(ticked()))


def without_observation(m: Material) -> Iterator[tuple[str, Material]]:
    for n, (run, o) in enumerate(m.observations):
        rest = (*m.observations[:n], *m.observations[n + 1 :])
        yield f"{run} {o.body.kind} {o.subject.value}", replace(m, observations=rest)


def without_status(m: Material) -> Iterator[tuple[str, Material]]:
    for n, (run, s) in enumerate(m.statuses):
        rest = (*m.statuses[:n], *m.statuses[n + 1 :])
        yield f"{run} {s.key} dropped", replace(m, statuses=rest)


def spoilt(status: ProbeStatus, outcome: UnitOutcome, keep_asks: bool) -> ProbeStatus:
    return ProbeStatus.of(
        status.probe,
        status.unit,
        status.session,
        outcome,
        status.asks if keep_asks else (),
        status.started,
        status.ended,
        "spoilt by the test",
        params=status.params,
    )


def with_spoilt_status(m: Material) -> Iterator[tuple[str, Material]]:
    for n, (run, s) in enumerate(m.statuses):
        for outcome in SPOILT:
            # A unit that was cut short keeps the answers it got; the others got none.
            other = (run, spoilt(s, outcome, keep_asks=outcome == "partial"))
            told = (*m.statuses[:n], other, *m.statuses[n + 1 :])
            yield f"{run} {s.key} {outcome}", replace(m, statuses=told)


def faults(mutants: Iterator[tuple[str, Material]]) -> list[str]:
    return [f"{what}: {b}" for what, m in mutants for b in better(whole(), judge(m, build(m)))]


def test_there_is_something_to_lose() -> None:
    """Without items that are closed, the tests below would prove nothing."""
    states = {i.id: i.state for i in whole().checklist}
    assert states["7.estate.found"] == "clear"
    assert states["7.estate.reviewed"] == "done"
    assert whole().coverage[0].total == len(whole().assets)
    assert whole().findings


def test_no_observation_less_looks_better() -> None:
    assert not faults(without_observation(ticked()))


def test_no_status_less_looks_better() -> None:
    assert not faults(without_status(ticked()))


def test_no_spoilt_status_looks_better() -> None:
    assert not faults(with_spoilt_status(ticked()))


def test_even_where_the_run_file_does_not_count() -> None:
    """The counts of the run file are a second belt: without them, items and doors still do not move towards closed."""
    m = ticked()
    uncounted = tuple(r.model_copy(update={"observations": 0, "statuses": 0}) for r in m.runs)
    found = faults(
        (what, replace(x, runs=uncounted))
        for x in [m]
        for what, x in (*without_observation(x), *without_status(x))
    )
    assert not [f for f in found if "fewer unknowns" not in f]


@pytest.mark.parametrize("outcome", SPOILT)
def test_all_statuses_spoilt_is_all_unknown(outcome: UnitOutcome) -> None:
    m = ticked()
    m = replace(m, statuses=tuple((run, spoilt(s, outcome, False)) for run, s in m.statuses))
    after = judge(m, build(m))
    assert not better(whole(), after)
    assert {i.state for i in after.checklist if i.mode == "evidence"} <= {"open", "unknown"}
    assert after.coverage[0].total is None
    assert after.page_one.ways_in != 0


def test_silence_everywhere_is_no_answer() -> None:
    """All packets lost on the way back: every unit ends done, every question silent. Nothing is clear, nothing is known to be absent."""
    m = ticked()
    quiet = tuple(
        (
            run,
            ProbeStatus.of(
                s.probe,
                s.unit,
                s.session,
                s.outcome,
                tuple(a.model_copy(update={"outcome": "silent"}) for a in s.asks),
                s.started,
                s.ended,
                s.reason,
            ),
        )
        for run, s in m.statuses
    )
    runs = tuple(r.model_copy(update={"observations": 0}) for r in m.runs)
    dark = replace(m, observations=(), statuses=quiet, runs=runs)
    after = judge(dark, build(dark))
    assert not better(whole(), after)
    assert {i.state for i in after.checklist if i.mode == "evidence"} == {"unknown"}
    assert all(c.total is None for c in after.coverage)
    assert all(d.state == "not_examined" for d in after.doors)
    assert after.page_one.ways_in is None


def test_a_run_file_that_cannot_be_read_opens_what_was_clear() -> None:
    m = replace(ticked(), problems=(("lost.run", "damaged page 3"),))
    after = judge(m, build(m))
    assert not [i.id for i in after.checklist if i.mode == "evidence" and i.state in CLOSED]
    assert "run_unreadable" in after.page_one.unknown_by_cause
