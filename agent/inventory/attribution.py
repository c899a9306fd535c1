"""Whose is it? Evidence from a device, agent, account or zone against the providers the engagement names.

Strong, and therefore able to name a provider: one of its tenant ids, an address inside its networks, its domain (or a name below it)
in a field that holds a name. Words in free text only raise a suspicion. Strong signs for two sides make it contested.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address

from agent.model.attribution import Attribution, Owner, Provider
from agent.model.known import Why
from agent.model.scope import parse_range

TENANT, NETWORK, DOMAIN, WORD = 1000, 900, 900, 200
_SHORTEST_WORD = 4
"""Shorter names stand in too many words to mean anything."""


@dataclass(frozen=True, slots=True)
class Clue:
    """One piece of evidence: the value and the observations it comes from. `kind` of an id is its tool, as in `Provider.ids`."""

    value: str
    evidence: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Clues:
    """`ids`: tenant ids; `names`: host or domain names from fields that hold one (certificate name, redirect host, mail domain);
    `addresses`: IP addresses it talks to or was seen from; `texts`: free text."""

    ids: tuple[Clue, ...] = ()
    names: tuple[Clue, ...] = ()
    addresses: tuple[Clue, ...] = ()
    texts: tuple[Clue, ...] = ()


@dataclass(slots=True)
class _Case:
    provider: Provider
    strong: list[Why] = field(default_factory=list[Why])
    words: list[Why] = field(default_factory=list[Why])


def attribute(clues: Clues, providers: Iterable[Provider]) -> Attribution:
    """The owner that *clues* prove among *providers*, or `unknown` with those only suspected."""
    cases = [_judge(clues, p) for p in sorted(providers, key=lambda p: p.id)]
    strong = [c for c in cases if c.strong]
    suspected = tuple(c.provider.id for c in cases if c.words and not c.strong)
    if not strong:
        words = [w for c in cases for w in c.words]
        return Attribution(
            owner="unknown",
            provider=None,
            conf=WORD if words else 0,
            for_=tuple(words),
            suspected=suspected,
        )
    best = max(strong, key=lambda c: (sum(w.weight for w in c.strong), c.provider.id))
    others = [w for c in strong if c is not best for w in c.strong]
    if others:
        return Attribution(
            owner="contested",
            provider=None,
            conf=500,
            for_=(*best.strong, *best.words),
            against=tuple(others),
            suspected=suspected,
        )
    owner: Owner = best.provider.role
    return Attribution(
        owner=owner,
        provider=best.provider.id,
        conf=min(1000, max(w.weight for w in best.strong) + 25 * (len(best.strong) - 1)),
        for_=(*best.strong, *best.words),
        suspected=suspected,
    )


def _judge(clues: Clues, p: Provider) -> _Case:
    case = _Case(p)
    for clue in clues.ids:
        for tool, ids in sorted(p.ids.items()):
            same_tool = not clue.kind or clue.kind == tool
            if same_tool and clue.value.strip().lower() in {i.strip().lower() for i in ids}:
                case.strong.append(_why("tenant", f"{tool}:{clue.value.strip()}", TENANT, clue))
    for clue in clues.addresses:
        if net := _network(clue.value, p.networks):
            case.strong.append(_why("network", f"{clue.value} in {net}", NETWORK, clue))
    for clue in clues.names:
        if domain := _below(clue.value, p.domains):
            case.strong.append(_why("domain", f"{clue.value} in {domain}", DOMAIN, clue))
    for clue in clues.texts:
        if word := _word(clue.value, p):
            case.words.append(_why("words", word, WORD, clue))
    return case


def _why(feature: str, matched: str, weight: int, clue: Clue) -> Why:
    return Why(
        feature=feature,
        matched=matched,
        weight=weight,
        strong=weight > WORD,
        evidence=clue.evidence,
    )


def _network(text: str, networks: Iterable[str]) -> str | None:
    """The first of *networks* that holds the address *text*; what is no address is in none."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    for net in sorted(networks):
        if any(address in part for part in parse_range(net)):
            return net
    return None


def _below(text: str, domains: Iterable[str]) -> str | None:
    """The domain that *text* (host name, or mail address) equals or lies below, by whole labels."""
    name = text.strip().rsplit("@", 1)[-1].rstrip(".").removeprefix("*.").lower()
    for domain in sorted(d.strip().strip(".").lower() for d in domains):
        if domain and (name == domain or name.endswith("." + domain)):
            return domain
    return None


def _word(text: str, p: Provider) -> str | None:
    """A name of the provider that stands in *text* as whole words, whatever the case. Its tools are anybody's, so they say nothing."""
    for name in sorted({p.name, *p.aliases, *p.domains, *p.people}):
        plain = name.strip()
        if len(plain) >= _SHORTEST_WORD and re.search(
            rf"(?<!\w){re.escape(plain)}(?!\w)", text, re.IGNORECASE
        ):
            return plain
    return None
