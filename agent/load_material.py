"""Gathers everything the judgement works on: all runs and imports of an engagement, and what its people wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from agent.clock import Clock
from agent.engagement.engagement import Engagement
from agent.engagement.providers import providers
from agent.material import Material
from agent.model.judged import RunFacts
from agent.model.run import Resumed, SessionEnd, UnitPlan
from agent.model.status import ProbeStatus
from agent.store.errors import RunFileError
from agent.store.heads import known_heads
from agent.store.reader import RunFile
from agent.store.verify import verify
from agent.store.words import head_words

RunOutcome = Literal["complete", "partial", "interrupted", "killed"]


def load_material(engagement: Engagement, now: int | None = None) -> Material:
    """All that was seen and told so far. An unreadable run file is listed in `problems`; the others are still judged."""
    runs: list[RunFacts] = []
    observations = []
    statuses = []
    ledger = []
    plans = []
    problems: list[tuple[str, str]] = []
    noted = known_heads()
    for path in run_paths(engagement.folder):
        try:
            with RunFile(path) as file:
                header = file.header
                if header.engagement != engagement.id:
                    problems.append((path.name, "belongs to another engagement"))
                    continue
                verdict = verify(path, noted)
                plan = tuple(file.plan)
                told = list(file.statuses())
                told += list(killed(plan, told, header.started))
                ends = tuple(file.ends)
                run_id = header.run_id
                mine = [(run_id, o) for o in file.observations()]
                # What the run signed to hold, so that a loss is noticed; an unsigned run can only be taken as it is.
                signed = [s.counts.get("observation", 0) for s in file.signatures()]
                runs.append(
                    RunFacts(
                        header=header,
                        ends=ends,
                        outcome=_outcome(ends, told),
                        statuses=len(told),
                        observations=signed[-1] if signed and file.ended else len(mine),
                        head=file.head,
                        head_words=head_words(file.head),
                        self_consistent=verdict.self_consistent,
                        signed_by=verdict.signed_by,
                        known_outside=verdict.known_outside,
                        file=path.name,
                        resumed=tuple(
                            Resumed(session=s.session, started=s.started, facts=s.facts)
                            for s in file.starts
                        ),
                    )
                )
                problems += [(path.name, p.text()) for p in file.problems]
                observations += mine
                statuses += [(run_id, s) for s in told]
                ledger += [(run_id, e) for e in file.ledger()]
                plans += [(run_id, p) for p in plan]
        except RunFileError as error:
            problems.append((path.name, str(error)))
    return Material(
        engagement=engagement.facts(),
        providers=providers(engagement),
        answers=engagement.answers,
        client=engagement.client_flat(),
        runs=tuple(runs),
        observations=tuple(observations),
        statuses=tuple(statuses),
        ledger=tuple(ledger),
        plans=tuple(plans),
        key=engagement.key,
        now=Clock().now_us() if now is None else now,
        problems=tuple(problems),
    )


def run_paths(folder: Path) -> list[Path]:
    """The run files of an engagement, oldest name first."""
    return sorted((folder / "runs").glob("*.run"))


def killed(plan: Iterable[UnitPlan], told: Iterable[ProbeStatus], at: int) -> Iterable[ProbeStatus]:
    """A status for every planned unit that has none: we were killed before it ended, so it looked at nothing."""
    have = {(s.probe, s.unit) for s in told}
    for unit in plan:
        if (unit.probe, unit.unit) not in have:
            have.add((unit.probe, unit.unit))
            yield ProbeStatus.of(
                unit.probe,
                unit.unit,
                0,
                "failed",
                (),
                at,
                at,
                "the run was killed before this unit ended (handover run --resume)",
                params={**unit.params, "killed": "1"},
            )


def _outcome(ends: tuple[SessionEnd, ...], told: list[ProbeStatus]) -> RunOutcome:
    if any("killed" in s.params for s in told) or not ends:
        return "killed"
    return ends[-1].outcome
