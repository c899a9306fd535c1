"""Gathers everything the judgement works on: all runs and imports of an engagement, and what its people wrote."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agent.clock import Clock
from agent.engagement.engagement import Engagement
from agent.engagement.providers import providers
from agent.material import Material
from agent.model.base import Us
from agent.model.judged import RunFacts
from agent.model.ledger import LedgerEntry
from agent.model.observation import Observation
from agent.model.run import Resumed, RunHeader, SessionEnd, UnitPlan
from agent.model.status import ProbeStatus
from agent.store.entry import SessionStart
from agent.store.errors import RunFileError
from agent.store.heads import known_heads
from agent.store.reader import RunFile
from agent.store.verify import verify
from agent.store.words import head_words

STEP: Us = 1_000_000
"""Microseconds below which a clock that goes back is only being corrected."""
RunOutcome = Literal["complete", "partial", "interrupted", "killed"]


@dataclass(frozen=True)
class _Loaded:
    """What one run file holds; `content` is equal for two files of one run that hold the same, entry for entry."""

    facts: RunFacts
    content: tuple[object, ...]
    observations: tuple[Observation, ...]
    statuses: tuple[ProbeStatus, ...]
    ledger: tuple[LedgerEntry, ...]
    plan: tuple[UnitPlan, ...]
    damage: tuple[str, ...]


def load_material(engagement: Engagement, now: int | None = None) -> Material:
    """All that was seen and told so far. An unreadable run file is listed in `problems`; the others are still judged.

    A copy of a run counts once. Files of one run that differ are all left out: picking one would be choosing what was seen.
    """
    at = Clock().now_us() if now is None else now
    noted = known_heads()
    problems: list[tuple[str, str]] = []
    files: dict[str, list[_Loaded]] = {}
    for path in run_paths(engagement.folder):
        try:
            one = _read(path, engagement.id, noted, at)
        except RunFileError as error:
            problems.append((path.name, str(error)))
            continue
        if one is None:
            problems.append((path.name, "belongs to another engagement"))
        else:
            files.setdefault(one.facts.header.run_id, []).append(one)
    copies: list[tuple[str, str]] = []
    disputed: list[tuple[str, str]] = []
    runs: list[_Loaded] = []
    for id_, same in files.items():
        if len({one.content for one in same}) == 1:
            runs.append(same[0])
            why = f"holds the same run {id_[:12]} as {same[0].facts.file}"
            copies += [(one.facts.file, why) for one in same[1:]]
        else:
            names = ", ".join(one.facts.file for one in same)
            why = f"run {id_[:12]} is told differently by {names}"
            disputed += [(one.facts.file, why) for one in same]
    ids = [one.facts.header.run_id for one in runs]
    return Material(
        engagement=engagement.facts(),
        providers=providers(engagement),
        answers=engagement.answers,
        client=engagement.client_flat(),
        runs=tuple(one.facts for one in runs),
        observations=tuple((i, o) for i, r in zip(ids, runs, strict=True) for o in r.observations),
        statuses=tuple((i, s) for i, r in zip(ids, runs, strict=True) for s in r.statuses),
        ledger=tuple((i, e) for i, r in zip(ids, runs, strict=True) for e in r.ledger),
        plans=tuple((i, p) for i, r in zip(ids, runs, strict=True) for p in r.plan),
        key=engagement.key,
        now=at,
        asks=_asks(),
        problems=(*problems, *((r.facts.file, text) for r in runs for text in r.damage)),
        disputed=tuple(disputed),
        copies=tuple(copies),
    )


def _asks() -> dict[str, frozenset[str]]:
    """What the probes of this version may ask; of a probe it does not know, everything is possible."""
    from agent.registry import ON_DEMAND, PROBES

    return {p.name: frozenset(p.asks) for p in (*PROBES, *ON_DEMAND)}


def _read(path: Path, engagement: str, noted: Collection[str], now: int) -> _Loaded | None:
    """The run in *path*, or None when it is another engagement's. Raises `RunFileError`."""
    with RunFile(path) as file:
        header = file.header
        if header.engagement != engagement:
            return None
        verdict = verify(path, noted)
        plan = tuple(file.plan)
        told = list(file.statuses())
        told += list(killed(plan, told, header.started))
        ends = tuple(file.ends)
        mine = tuple(file.observations())
        # What the run signed to hold, so that a loss is noticed; an unsigned run can only be taken as it is.
        signed = [s.counts.get("observation", 0) for s in file.signatures()]
        facts = RunFacts(
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
                Resumed(session=s.session, started=s.started, facts=s.facts) for s in file.starts
            ),
            clock_back=clock_back(header, file.starts, ends, told, now),
        )
        damage = tuple(p.text() for p in file.problems)
        # The head names every entry, not whether its content is still there and whole.
        content = (file.head, file.entries, file.erased, len(mine), len(told), damage)
        return _Loaded(facts, content, mine, tuple(told), tuple(file.ledger()), plan, damage)


def clock_back(
    header: RunHeader,
    starts: Iterable[SessionStart],
    ends: Iterable[SessionEnd],
    statuses: Iterable[ProbeStatus],
    now: int,
) -> Us:
    """The farthest the clock of the machine was set back within the run or since, in microseconds; 0 when time only went on.

    Within a unit, between the sessions, and against *now*. What network time corrects by the way (ntpd steps from 128 ms) is no setting.
    """
    began = {0: header.started, **{s.session: s.started for s in starts}}
    ended = {e.session: e.ended for e in ends}
    row: list[int] = []
    for session in sorted(began.keys() | ended.keys()):
        row += [t for t in (began.get(session), ended.get(session)) if t is not None]
    steps = [a - b for a, b in zip([*row], [*row[1:], now], strict=True)]
    steps += [s.started - s.ended for s in statuses]
    most = max(steps, default=0)
    return most if most > STEP else 0


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
