"""Values of an asset with all their sources: who said it, when; which one counts; where two runs or two sources disagree."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

from agent.model.base import Us
from agent.model.known import Known

DEVICE, REPORTED, CATALOGUE, CARD, SHEET = range(5)
"""Standing of a source, best first: the device itself, another device, our catalogue's reading of its words, the maker of its network
card, a person's sheet."""
_WORDS = re.compile(r"[^\W_]+(?:\.[^\W_]+)*")
"""Version numbers are one word: 1.0 is not a part of 1.0.2."""
Values = dict[str, "list[Claim]"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One source's word for a value. `at` microseconds UTC; `source` tells apart voices of the same standing that may differ."""

    value: str
    standing: int
    at: Us
    run: str
    evidence: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Two runs differ on a value; `newest` counts."""

    newest: str
    older: str
    evidence: tuple[str, ...]


@cache
def nothing() -> Known[Any]:
    """The one value for "nobody said": frozen, so that a thousand devices may share it."""
    return Known[Any].not_asked()


def settle(claims: Iterable[Claim], single: bool = True) -> tuple[Known[Any], list[Disagreement]]:
    """The value that counts, with every candidate: best standing first, then newest.

    *single*: the thing has one such value at a time, so that sources of equal standing in the same run which differ are a conflict.
    A name is not: a host has several.
    """
    by_value: dict[str, list[Claim]] = {}
    for claim in claims:
        if text := _plain(claim.value):
            by_value.setdefault(text, []).append(claim)
    if not by_value:
        return nothing(), []
    # The spelling of the best and newest source is shown.
    ranked = sorted((min(said, key=_order) for said in by_value.values()), key=_order)
    candidates = tuple((c.value.strip(), _evidence(by_value[_plain(c.value)])) for c in ranked)
    first = ranked[0]
    rivals = [
        c
        for c in ranked[1:]
        if c.standing == first.standing
        and c.source == first.source
        and not _one_says_more(first.value, c.value)
    ]
    if single and any(c.run == first.run for c in rivals):
        return Known[Any](state="conflict", candidates=candidates), []
    older = [
        Disagreement(
            first.value.strip(), c.value.strip(), tuple(sorted({first.evidence, c.evidence}))
        )
        for c in rivals
        if single and c.run != first.run
    ]
    return Known[Any](state="known", value=candidates[0][0], candidates=candidates), older


@lru_cache(maxsize=8192)
def _plain(value: str) -> str:
    """What makes two spellings one value."""
    return " ".join(value.split()).casefold()


@lru_cache(maxsize=8192)
def _words(value: str) -> tuple[str, ...]:
    return tuple(_WORDS.findall(value.casefold()))


def _one_says_more(one: str, other: str) -> bool:
    """True where all words of the one stand together in the other: "QL-820NWB" in "Brother QL-820NWB", "Hewlett Packard" in
    "Hewlett-Packard". They do not contradict each other."""
    few, many = sorted((_words(one), _words(other)), key=len)
    size = len(few)
    return size > 0 and any(few == many[at : at + size] for at in range(len(many) - size + 1))


def _order(c: Claim) -> tuple[int, Us, str, str, str]:
    return (c.standing, -c.at, c.value.casefold(), c.value, c.evidence)


def _evidence(claims: list[Claim]) -> tuple[str, ...]:
    return tuple(sorted({c.evidence for c in claims}))
