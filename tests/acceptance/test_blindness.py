"""Nothing looks better because we saw less: a run with the cable out, and a real run with each status spoilt and each sight dropped."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.catalogs.checklist import load_checklist
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.material import Material
from agent.model.answers import Answers, ItemAnswer
from agent.model.judged import Judged
from tests.acceptance.conftest import Story
from tests.acceptance.product import MARKS, judged_of, material_of, with_runs
from tests.agent.judgement.better import better
from tests.agent.judgement.test_blindness import spoilt

pytestmark = MARKS
SAMPLES = 300
SEED = 20261123


def ticked(material: Material) -> Material:
    """As if a person had ticked every line a tick can close: then there is something that could wrongly stay, or become, closed."""
    plain = judge(material, build(material))
    lines = {str(x.subject): "done" for i in plain.checklist for x in i.lines}
    items = {
        e.id: ItemAnswer.model_validate({"by": "A. Tech", "at": material.now, "lines": lines})
        for e in load_checklist().items
        if e.mode == "evidence" and e.confirm
    }
    return replace(material, answers=Answers(items=items))


def judged(material: Material) -> Judged:
    return judge(material, build(material))


def test_cable_out_knows_nothing(story: Story) -> None:
    visit = story.visits["depot", "dark"]
    assert visit.done.code == 3, visit.done.text
    after = judged_of(visit.folder)
    assert after.assets == ()
    evidence = [i for i in after.checklist if i.mode == "evidence"]
    assert {i.state for i in evidence} <= {"unknown", "open"}
    # What stands open waits for a person's tick, not for anything a run could see.
    assert not [i.id for i in evidence if i.state == "open" and any(x.evidence for x in i.lines)]
    assert len([i for i in evidence if i.state == "unknown"]) > 10
    assert {d.state for d in after.doors} == {"not_examined"}
    assert all(c.total is None for c in after.coverage)
    assert after.page_one.ways_in is None
    assert "network_silent" in after.page_one.unknown_by_cause
    assert any(r.outcome == "partial" for r in after.runs)


def test_cable_out_after_a_good_run_changes_nothing_for_the_better(
    story: Story, tmp_path: Path
) -> None:
    good = [story.visits["depot", "raw"].run, story.visits["depot", "plain"].run]
    before = judged_of(with_runs(story.home, tmp_path / "good", good))
    dark = [*good, story.visits["depot", "dark"].run]
    after = judged_of(with_runs(story.home, tmp_path / "dark", dark))
    assert better(before, after) == []
    was, is_ = ({a.id: a.presence for a in j.assets} for j in (before, after))
    assert is_ == was
    assert "live" in was.values()
    assert after.page_one.since_last is not None
    assert after.page_one.since_last["gone"] == 0
    assert after.page_one.since_last["not_compared"] > 0
    assert after.page_one.systems == before.page_one.systems
    assert {s.at: s.state for s in after.services} == {s.at: s.state for s in before.services}


def mutants(material: Material) -> Iterator[tuple[str, Material]]:
    """Each observation dropped, each status failed, each status skipped."""
    for n, (run, o) in enumerate(material.observations):
        rest = (*material.observations[:n], *material.observations[n + 1 :])
        yield f"{run} without {o.body.kind} {o.subject}", replace(material, observations=rest)
    for n, (run, s) in enumerate(material.statuses):
        for outcome in ("failed", "skipped"):
            other = (run, spoilt(s, outcome, keep_asks=False))
            told = (*material.statuses[:n], other, *material.statuses[n + 1 :])
            yield f"{run} {s.key} {outcome}", replace(material, statuses=told)


@pytest.mark.parametrize("site", ["depot", "everything"])
def test_less_seen_never_looks_better(story: Story, site: str) -> None:
    """Of the whole engagement a third as many, as each takes five times as long."""
    folder = story.home if site == "everything" else story.visits["depot", "raw"].folder
    material = ticked(material_of(folder))
    before = judged(material)
    assert before.findings
    every = list(mutants(material))
    count = min(len(every), SAMPLES if site == "depot" else SAMPLES // 3)
    print(f"\n{site}: {count} of {len(every)} with random.Random({SEED}).sample")
    faults = [
        f"{what}: {fault}"
        for what, mutant in random.Random(SEED).sample(every, count)
        for fault in better(before, judged(mutant))
    ]
    assert faults == []
