"""Exit code of `report --fail-on`: a finding speaks first; where there is none, only a complete look is good news."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from click.testing import CliRunner

from agent.commands.judging import report_exit
from agent.commands.report import command
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.material import Material
from agent.model.judged import Judged
from tests.agent.engagement.sample import folder
from tests.agent.judgement.sample import HQ, engagement, hq_hosts, material
from tests.agent.judgement.sample_run import DAY, NOW, Run

BAD, QUIET = "192.0.2.2", "192.0.2.12"
"""A switch with telnet, and a NAS with nothing worse than medium."""


def judged(m: Material) -> Judged:
    return judge(m, build(m))


def run(*hosts: str, n: int = 1) -> Run:
    made = Run(HQ, NOW - (9 - n) * DAY, f"run-{n}")
    made.sweep({ip: hq_hosts()[ip] for ip in hosts})
    return made


def code(j: Judged, level: str = "high") -> int:
    return report_exit(j, level)[0]


def of(*runs: Run, outcome: str = "complete") -> Judged:
    m = material(engagement(HQ), runs)
    newest = m.runs[-1].model_copy(update={"outcome": outcome})
    return judged(replace(m, runs=(*m.runs[:-1], newest)))


def test_nothing_looked_at_is_not_clean(tmp_path: Path) -> None:
    j = judged(material(engagement(HQ), ()))
    assert report_exit(j, "low") == (3, "nothing was looked at: no run yet")
    told = CliRunner().invoke(
        command,
        [str(folder(tmp_path / "eng")), "--fail-on", "low", "--out", str(tmp_path / "out")],
        standalone_mode=False,
    )
    assert told.return_value == 3
    assert "no run yet" in told.stderr


def test_a_complete_look_without_a_finding_is() -> None:
    assert report_exit(of(run(QUIET)), "critical") == (0, "")


def test_a_finding_speaks_even_when_the_run_was_cut_short() -> None:
    assert code(of(run(BAD))) == 1
    assert code(of(run(BAD), outcome="interrupted")) == 1
    assert code(judged(material(engagement(HQ), (run(BAD),), problems=(("x.run", "y"),)))) == 1


def test_a_cut_off_newest_run_is_partial() -> None:
    for outcome in ("partial", "interrupted", "killed"):
        assert code(of(run(QUIET), outcome=outcome), "critical") == 3
    assert code(of(run(QUIET), run(QUIET, n=2), outcome="partial"), "critical") == 3


def test_a_site_nobody_went_to_is_partial() -> None:
    other = HQ.model_copy(update={"id": "branch"})
    j = judged(material(engagement(HQ, other), (run(QUIET),)))
    assert report_exit(j, "critical") == (3, "site branch: no run yet")


def test_a_unit_that_no_run_finished_is_partial() -> None:
    first = run(QUIET)
    first.end("web", BAD, (), (BAD,), "failed", "no route")
    # The newest run did not plan it, and so does not repair it.
    assert code(of(first, run(QUIET, n=2)), "critical") == 3


def test_a_run_file_that_cannot_be_read_or_is_disputed_is_partial() -> None:
    m = material(engagement(HQ), (run(QUIET),))
    bad = (("x.run", "y"),)
    assert code(judged(replace(m, problems=bad)), "critical") == 3
    assert code(judged(replace(m, disputed=bad)), "critical") == 3
    assert code(judged(replace(m, copies=bad)), "critical") == 0


def test_a_run_that_heard_nobody_is_partial() -> None:
    silent = Run(HQ, NOW - DAY, "run-1")
    silent.sweep({})
    silent.statuses = [
        s.model_copy(update={"asks": (), "asked": 0, "answered": 0, "silent": 0})
        for s in silent.statuses
    ]
    assert code(of(silent), "critical") == 3
