"""`Material`: everything the judgement works on, gathered from all runs and imports of an engagement. Plain values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.model.answers import Answers
from agent.model.attribution import Provider
from agent.model.base import Us
from agent.model.judged import EngagementFacts, RunFacts
from agent.model.ledger import LedgerEntry
from agent.model.observation import Observation
from agent.model.run import UnitPlan
from agent.model.status import ProbeStatus


@dataclass(frozen=True)
class Material:
    """Pairs carry the run id they come from. An observation seen again stands here once a run with its newest time.

    `client` holds client.toml flattened to dotted paths ("client.name"), for prefilled checklist items. `key` is the engagement's id key.
    `asks`: probe name -> question kinds it may put, so that a unit that failed is known to have left them open; a probe that is not
    named may have asked anything. The strength of each question stands in the statuses.
    """

    engagement: EngagementFacts
    providers: tuple[Provider, ...]
    answers: Answers
    client: Mapping[str, str]
    runs: tuple[RunFacts, ...]
    observations: tuple[tuple[str, Observation], ...]
    statuses: tuple[tuple[str, ProbeStatus], ...]
    ledger: tuple[tuple[str, LedgerEntry], ...]
    plans: tuple[tuple[str, UnitPlan], ...]
    key: bytes
    now: Us
    asks: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    problems: tuple[tuple[str, str], ...] = ()
    """(file, why) of run files that could not be read: each is a declared unknown, never silently left out."""
    disputed: tuple[tuple[str, str], ...] = ()
    """(file, why) of run files of one run that differ: none of them is in here, and nothing is clear."""
    copies: tuple[tuple[str, str], ...] = ()
    """(file, why) of run files that hold, entry for entry, a run that is in here already."""
