"""Identity on 1,000 generated networks: no two devices become one asset, and the order of observations never matters."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import TypeVar

import pytest

from agent.inventory.build import build
from agent.inventory.identity import resolve
from agent.inventory.spans import endpoints
from agent.material import Material
from agent.model.base import canonical
from agent.model.inventory import Inventory
from fixtures.networks.generate import Generated, generate
from tests.agent.inventory.truth import assets_of, score

T = TypeVar("T")
NETWORKS = 1000
BATCH = 125


@pytest.mark.parametrize("first", range(0, NETWORKS, BATCH))
def test_precision_is_one_and_recall_is_printed(
    first: int, capsys: pytest.CaptureFixture[str]
) -> None:
    total: Counter[str] = Counter()
    for seed in range(first, first + BATCH):
        g = generate(seed)
        identity = resolve(endpoints(g.material.observations), g.material.engagement.sites)
        asset = assets_of(identity, g.truth)
        assert asset.keys() == g.truth.keys(), f"seed {seed}: a sight was lost or invented"
        found = score(asset, g)
        assert found["wrong"] == 0, f"seed {seed}: {_wrong(asset, g)}"
        total += found
    recall = total["right"] / (total["right"] + total["missed"])
    far = total["far_right"] / (total["far_right"] + total["far_missed"])
    with capsys.disabled():
        print(
            f"\nidentity, networks {first}-{first + BATCH - 1}: {total['right']} pairs joined, precision 1.0,"
            f" recall {recall:.3f}, across addresses {far:.3f}"
        )
    # Measured 0.92 to 0.95 and 0.79 to 0.86; what is missed has no second sign (a bare MAC that moved, hosts with one name only).
    assert recall > 0.91
    assert far > 0.70


@pytest.mark.parametrize("seed", range(0, NETWORKS, 10))
def test_order_of_arrival_never_matters(seed: int) -> None:
    g = generate(seed)
    shuffled = _shuffled(g.material, seed)
    assert canonical(build(shuffled)) == canonical(build(g.material))


@pytest.mark.parametrize("seed", range(5, NETWORKS, 10))
def test_invariants(seed: int) -> None:
    g = generate(seed)
    inventory = build(g.material)
    _unique(inventory)
    sights = {(run, o.id) for run, o in g.material.observations}
    assert {o for a in inventory.assets for o in a.evidence} == {o for _, o in sights}


@pytest.mark.parametrize("seed", range(3, NETWORKS, 20))
def test_ids_survive_when_runs_are_added(seed: int) -> None:
    g = generate(seed)
    runs = [r.header.run_id for r in g.material.runs]
    for n in range(1, len(runs)):
        before, after = build(_only(g.material, runs[:n])), build(_only(g.material, runs[: n + 1]))
        known = {i for a in after.assets for i in (a.id, *a.same_as)}
        lost = [a.id for a in before.assets if a.id not in known]
        assert not lost, f"seed {seed}, run {n + 1}: {lost}"


def _unique(inventory: Inventory) -> None:
    ids = [a.id for a in inventory.assets]
    assert len(ids) == len(set(ids))
    aliases = Counter(i for a in inventory.assets for i in {a.id, *a.same_as})
    assert max(aliases.values()) == 1, "an id leads to two assets"
    strong = [str(i.ref) for a in inventory.assets for i in a.identifiers if i.strength == "unique"]
    assert len(strong) == len(set(strong))
    keys = [str(s.at) for s in inventory.services]
    assert len(keys) == len(set(keys))
    assert set(inventory.labels) == set(ids)
    assert {s.asset for s in inventory.services} <= set(ids)


def _wrong(asset: dict[tuple[str, str, str, str], int], g: Generated) -> list[str]:
    return [
        f"{g.names[g.truth[a]]} {a} = {g.names[g.truth[b]]} {b}"
        for a in asset
        for b in asset
        if a < b and asset[a] == asset[b] and g.truth[a] != g.truth[b]
    ]


def _shuffled(m: Material, seed: int) -> Material:
    r = random.Random(seed)

    def mix(items: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(r.sample(items, len(items)))

    return replace(
        m,
        runs=mix(m.runs),
        observations=mix(m.observations),
        statuses=mix(m.statuses),
        plans=mix(m.plans),
    )


def _only(m: Material, runs: list[str]) -> Material:
    return replace(
        m,
        runs=tuple(r for r in m.runs if r.header.run_id in runs),
        observations=tuple(p for p in m.observations if p[0] in runs),
        statuses=tuple(p for p in m.statuses if p[0] in runs),
        plans=tuple(p for p in m.plans if p[0] in runs),
    )
