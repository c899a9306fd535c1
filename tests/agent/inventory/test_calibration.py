"""Is the device catalogue as right as it says? On the lab, and on every subset of the evidence of every entry and every lab device."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalogs.devices import DeviceEntry, Example, load_devices
from agent.catalogs.evidence import load_evidence
from agent.catalogs.features import load_features
from agent.inventory.classify import read_text
from agent.inventory.weigh import Decision, Vote, decide
from agent.model.asset import Asset
from agent.model.bodies import Body
from fixtures.lab.description import Host, Site
from tests.agent.inventory.lab_seen import hosts, sights
from tests.agent.inventory.seen import Story

TABLE = load_evidence()
VOICES = {f.name: f.voice for f in load_features()}
ENTRIES = load_devices()
LAB = list(hosts())


def right(said: str | None, truth: str) -> bool:
    """A server is a fair answer for a domain controller; the other way round is wrong."""
    return said is not None and TABLE.is_a(truth, said)


def assets(site: Site, seen: list[tuple[str, Body]]) -> tuple[Asset, ...]:
    story = Story().run(site.id)
    for ip, body in seen:
        story.see(ip, body)
    return story.inventory().assets


@cache
def verdicts() -> tuple[tuple[Host, Asset], ...]:
    return tuple(
        (host, asset)
        for site, host in LAB
        if sights(site, host)
        for asset in assets(site, sights(site, host))
    )


def test_what_is_said_with_90_per_cent_is_right() -> None:
    tally: Counter[tuple[str, str]] = Counter()
    sure: list[bool] = []
    for host, asset in verdicts():
        said = asset.device_class.value
        how = "unknown" if said is None else "right" if right(said, host.device_class) else "WRONG"
        tally[host.device_class, how] += 1
        if said is not None and asset.class_conf >= 900:
            sure.append(how == "right")
    print()
    for device_class in sorted({c for c, _ in tally}):
        told = {how: n for (c, how), n in tally.items() if c == device_class}
        print(f"{device_class:20}{told}")
    total = Counter(how for (_, how), n in tally.items() for _ in range(n))
    print(f"{dict(total)}; of {len(sure)} said with 90 % and more, {sum(sure)} right")
    assert len(sure) >= 30
    assert sum(sure) >= 0.95 * len(sure)
    assert total["WRONG"] == 0
    assert total["right"] >= 43


def test_confidence_below_the_threshold_says_unknown() -> None:
    for _, asset in verdicts():
        if asset.device_class.state == "known":
            assert asset.class_conf >= TABLE.say_from
            assert asset.class_why
            assert {e for w in asset.class_why for e in w.evidence} <= set(asset.evidence)
        else:
            assert asset.class_conf < TABLE.say_from
            assert not asset.roles


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([h for h in LAB if sights(*h)]), st.randoms(use_true_random=False))
def test_dropping_sights_of_a_lab_device_never_makes_it_another(
    one: tuple[Site, Host], chance: random.Random
) -> None:
    site, host = one
    seen = sights(site, host)
    kept = [s for s in seen if chance.random() < 0.5] or seen[:1]
    for asset in assets(site, kept):
        said = asset.device_class.value
        assert said is None or right(said, host.device_class), (host.id, said, kept)


def votes_of(example: Example) -> list[Vote]:
    hit = next(h for h in read_text(example.on, example.text))
    return [
        Vote(c, ratio, hit.id, VOICES[example.on], example.on, example.text, hit.weak, ("e" * 32,))
        for c, ratio in hit.votes
    ]


def subsets(entry: DeviceEntry) -> Iterator[tuple[Example, ...]]:
    """All of up to six examples, else single ones, all but one, and sixty at random."""
    examples = [e for e in entry.examples if e.on != "ports"]
    if len(examples) <= 6:
        for size in range(1, len(examples) + 1):
            yield from combinations(examples, size)
        return
    yield from combinations(examples, 1)
    yield from combinations(examples, len(examples) - 1)
    chance = random.Random(entry.id)
    for _ in range(60):
        yield tuple(chance.sample(examples, chance.randint(2, len(examples) - 2)))


def verdict(examples: tuple[Example, ...]) -> Decision:
    return decide(v for e in examples for v in votes_of(e))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.id)
def test_less_of_an_entry_is_less_sure_and_never_another_class(entry: DeviceEntry) -> None:
    whole = verdict(tuple(e for e in entry.examples if e.on != "ports"))
    for some in subsets(entry):
        part = verdict(some)
        said = part.device_class.value
        assert said is None or right(said, entry.device_class), some
        assert part.conf <= whole.conf, some


def _real(entry: DeviceEntry) -> bool:
    return TABLE.ratio(entry.grade) >= TABLE.ratio("product") and not entry.also


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(ENTRIES), st.sampled_from(ENTRIES))
def test_two_real_signs_of_different_classes_are_never_averaged(
    a: DeviceEntry, b: DeviceEntry
) -> None:
    first, second = a.device_class, b.device_class
    friends = (
        TABLE.is_a(first, second)
        or TABLE.is_a(second, first)
        or second in TABLE.also(first)
        or first in TABLE.also(second)
    )
    if not (_real(a) and _real(b)) or friends:
        return
    both = verdict((a.examples[0], b.examples[0]))
    assert both.conf <= TABLE.contradicted_most
    assert {first, second} <= {c for c, _ in both.device_class.candidates}
    if TABLE.ratio(a.grade) == TABLE.ratio(b.grade):
        assert both.device_class.state == "conflict"
