"""From signs to a class: likelihood ratios of independent voices are multiplied, and a class is said when it is likely enough.

Naive Bayes over the closed list of classes, all equally likely beforehand, in whole numbers so that it is the same on every machine.
Of one voice (a web server, a card, a name) the strongest sign counts for each class. Signs that speak for several classes leave it open
between them. What contradicts is kept as a candidate and makes the answer less sure; it is never averaged away. Weights and kinship of
classes: `agent/catalogs/evidence.toml`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod

from agent.catalogs.evidence import CLASSES, Evidence, load_evidence
from agent.model.known import Known, Why

FORM = "virtual_machine"
"""What a box is made of rather than what it does: a role even on the card's word alone."""
_ROLES_OF_KIN = frozenset({"gateway"})
"""Of the general classes only this one is worth saying beside its special one: a firewall need not be the way out."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One sign for a class. `sign` is the catalogue entry, `voice` who speaks, `ratio` the likelihood ratio."""

    device_class: str
    ratio: int
    sign: str
    voice: str
    feature: str
    matched: str
    weak: bool
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """`conf` in permille is that of the likeliest class, said or not. `roles`: further classes the box plays, with the observations."""

    device_class: Known[str]
    conf: int
    roles: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    why: tuple[Why, ...] = ()


class _Case:
    """What speaks for one class: the strongest vote of each voice."""

    def __init__(self, votes: Iterable[Vote]) -> None:
        self.votes = sorted(votes, key=lambda v: (-v.ratio, v.sign, v.evidence))
        self.real = frozenset(v.sign for v in self.votes if not v.weak)

    @property
    def strongest(self) -> list[Vote]:
        first: dict[str, Vote] = {}
        for vote in self.votes:
            first.setdefault(vote.voice, vote)
        return list(first.values())

    @property
    def score(self) -> int:
        return prod(v.ratio for v in self.strongest)

    @property
    def evidence(self) -> tuple[str, ...]:
        return tuple(sorted({e for v in self.votes for e in v.evidence}))

    def own(self, other: _Case) -> bool:
        """Is there a real sign for this class that does not speak for the other one too?"""
        return bool(self.real - other.real)

    def contradicts(self, other: _Case, least: int) -> bool:
        """As `own`, by a sign that weighs *least* at least: a Linux distribution is no objection to anything."""
        return any(v.ratio >= least and v.sign in self.real - other.real for v in self.votes)


def decide(votes: Iterable[Vote]) -> Decision:
    """The class with its confidence, the roles beside it, and the signs that decided.

    `known` from `say_from` permille; `conflict` where real signs of different classes keep it below; else `not_asked`, with the
    candidates, likeliest first.
    """
    table = load_evidence()
    by_class: dict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        by_class[vote.device_class].append(vote)
    if not by_class:
        return Decision(Known[str].not_asked(), 0)
    cases = {name: _Case(said) for name, said in sorted(by_class.items())}
    roles = _absorb(cases, table)
    roles |= _set_apart(cases, table)
    ranked = sorted(cases, key=lambda n: (-cases[n].score, n))
    best = ranked[0]
    conf = _confidence(best, cases, table)
    least = table.ratio("software")
    rivals = [n for n in ranked[1:] if cases[n].contradicts(cases[best], least)]
    # What is a tenth as likely and says nothing of its own is no candidate, but a slip of the scales.
    shown = [n for n in ranked if n in rivals or cases[n].score * 10 >= cases[best].score]
    candidates = tuple((n, cases[n].evidence) for n in shown)
    if conf >= table.say_from:
        kept = {n: c.evidence for n, c in roles.items() if _goes_with(n, best, table)}
        why = tuple(_why(v) for v in cases[best].strongest)
        return Decision(
            Known[str](state="known", value=best, candidates=candidates), conf, kept, why
        )
    if rivals and cases[best].real:
        return Decision(Known[str](state="conflict", candidates=candidates), conf)
    return Decision(Known[str](state="not_asked", candidates=candidates), conf)


def _absorb(cases: dict[str, _Case], table: Evidence) -> dict[str, _Case]:
    """Signs of a general class go to its special one where that has real signs of its own. Returns what stays worth saying."""
    said: dict[str, _Case] = {}
    # A general class may itself be special to another (iot, camera, nvr): the outermost first.
    order = sorted(table.kin, key=lambda k: -len(k.special))
    for kin in order:
        general = cases.get(kin.general)
        if general is None:
            continue
        heirs = [s for s in kin.special if s in cases and cases[s].own(general)]
        for heir in heirs:
            cases[heir] = _Case([*cases[heir].votes, *general.votes])
        if heirs:
            del cases[kin.general]
            if kin.general in _ROLES_OF_KIN:
                said[kin.general] = general
    return said


def _set_apart(cases: dict[str, _Case], table: Evidence) -> dict[str, _Case]:
    """Classes that another one of this box explains as a further role are no rivals of it."""
    roles: dict[str, _Case] = {}
    for main in sorted(cases, key=lambda n: (-cases[n].score, n)):
        if main in roles or not cases[main].real:
            continue
        for other in sorted(table.also(main) & cases.keys()):
            if other in roles or other == main:
                continue
            mutual = main in table.also(other)
            stronger = cases[other].score > cases[main].score
            apart = cases[other].own(cases[main]) and cases[main].own(cases[other])
            if (other == FORM and not cases[other].real) or (apart and not (mutual and stronger)):
                roles[other] = cases[other]
    for name in roles:
        del cases[name]
    return roles


def _confidence(best: str, cases: dict[str, _Case], table: Evidence) -> int:
    scores = {n: c.score for n, c in cases.items()}
    total = sum(scores.values()) + CLASSES - len(scores)
    conf = (2000 * scores[best] + total) // (2 * total)
    conf = min(conf, table.most)
    if not cases[best].real:
        conf = min(conf, table.weak_most)
    least = table.ratio("software")
    if any(c.contradicts(cases[best], least) for n, c in cases.items() if n != best):
        conf = min(conf, table.contradicted_most)
    return conf


def _goes_with(role: str, main: str, table: Evidence) -> bool:
    return role in table.also(main) or table.is_a(main, role)


def _why(vote: Vote) -> Why:
    return Why(
        feature=vote.feature,
        matched=f"{vote.sign}: {vote.matched}" if vote.matched else vote.sign,
        weight=vote.ratio,
        strong=not vote.weak,
        evidence=vote.evidence,
    )
