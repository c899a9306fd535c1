"""What is taken from the runs folder: copies counted once, contradicting files of one run believed by nobody, a clock set back."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from agent.engagement.engagement import Engagement
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.load_material import clock_back, load_material
from agent.material import Material
from agent.model.bodies import Banner
from agent.model.judged import Judged
from agent.model.run import SessionEnd
from agent.store.entry import SessionStart
from agent.store.writer import RunStore
from tests.agent.engagement.sample import engagement
from tests.agent.store.sample import end, header, now, observation, status, units

SECOND = 1_000_000


@pytest.fixture
def eng(tmp_path: Path) -> Engagement:
    made = engagement(tmp_path / "eng")
    made.runs.mkdir()
    return made


def run_file(eng: Engagement, name: str, text: str, run_id: str = "r-1") -> Path:
    """A complete run of one unit that saw one banner."""
    path = eng.runs / name

    async def work() -> None:
        told = header(run_id).model_copy(update={"engagement": eng.id, "site": "usine"})
        store = RunStore.create(path, told)
        await store.plan(units(1))
        await store.add(observation(0, Banner(port=21, protocol="ftp", text=text)))
        await store.settle(status(0), [])
        await store.end(end())
        await store.close()

    asyncio.run(work())
    return path


def judged(m: Material) -> Judged:
    return judge(m, build(m))


def test_a_copy_of_a_run_counts_once(eng: Engagement) -> None:
    path = run_file(eng, "a.run", "220 hello")
    alone = load_material(eng)
    shutil.copy(path, eng.runs / "b.run")
    m = load_material(eng)
    assert [r.file for r in m.runs] == ["a.run"]
    assert (m.observations, m.statuses, m.plans) == (
        alone.observations,
        alone.statuses,
        alone.plans,
    )
    [(name, why)] = m.copies
    assert name == "b.run"
    assert "a.run" in why
    j = judged(m)
    assert [u.label for u in j.unknowns if u.cause == "run_copied"] == ["b.run"]
    assert not m.problems
    assert not m.disputed


def test_two_files_of_one_run_that_differ_are_both_left_out(eng: Engagement) -> None:
    run_file(eng, "a.run", "220 hello")
    run_file(eng, "b.run", "220 something else")
    run_file(eng, "c.run", "220 hello", run_id="r-2")
    m = load_material(eng)
    assert [r.file for r in m.runs] == ["c.run"]
    assert {run for run, _ in m.observations} == {"r-2"}
    assert [name for name, _ in m.disputed] == ["a.run", "b.run"]
    j = judged(m)
    assert sorted(u.label for u in j.unknowns if u.cause == "run_disputed") == ["a.run", "b.run"]
    assert not [i.id for i in j.checklist if i.mode == "evidence" and i.state == "clear"]


def test_a_copy_taken_before_the_run_went_on_is_disputed(eng: Engagement) -> None:
    """Which of the two is the whole run is not ours to guess: verify tells."""
    path = run_file(eng, "a.run", "220 hello")
    shutil.copy(path, eng.runs / "b.run")

    async def go_on() -> None:
        store = RunStore.resume(path)
        await store.add(observation(0, Banner(port=22, protocol="ssh", text="SSH-2.0-x")))
        await store.end(end(1))
        await store.close()

    asyncio.run(go_on())
    assert len(load_material(eng).disputed) == 2


def test_what_the_probes_may_ask_is_known(eng: Engagement) -> None:
    assert "host.alive" in load_material(eng).asks["arp"]


def test_a_clock_set_back_between_two_sessions_is_noticed(eng: Engagement) -> None:
    run_file(eng, "a.run", "220 hello")
    [r] = load_material(eng).runs
    assert r.clock_back == 0
    # Read with a clock that stands an hour before the end of the run.
    [r] = load_material(eng, now=r.ends[-1].ended - 3600 * SECOND).runs
    assert r.clock_back == 3600 * SECOND


def test_how_far_a_clock_was_set_back() -> None:
    at = now()
    first = header().model_copy(update={"started": at})

    def session(n: int, started: int) -> SessionStart:
        return SessionStart(session=n, started=started, public_key="", previous_head="")

    def ended(n: int, at_: int) -> SessionEnd:
        return SessionEnd(session=n, outcome="complete", ended=at_)

    def back(starts: list[SessionStart], ends: list[SessionEnd]) -> int:
        return clock_back(first, starts, ends, [], at + 100 * SECOND)

    one = ended(0, at + 60 * SECOND)
    assert back([], [one]) == 0
    assert back([session(1, at + 70 * SECOND)], [one, ended(1, at + 80 * SECOND)]) == 0
    assert back([session(1, at + 20 * SECOND)], [one, ended(1, at + 80 * SECOND)]) == 40 * SECOND
    assert back([session(1, at + 70 * SECOND)], [one, ended(1, at + 65 * SECOND)]) == 5 * SECOND
    # The first session was killed: its end is not on record.
    assert back([session(1, at - 9 * SECOND)], []) == 9 * SECOND
    # Network time corrects a little at any time.
    assert back([session(1, one.ended - 1000)], [one]) == 0
