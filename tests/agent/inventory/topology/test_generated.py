"""Random networks of 5 to 60 switches: what is inferred is true, all of it where all let us in, and never false where some do not."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.networks.switched.random_net import random_net
from tests.agent.inventory.topology.against import look

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_all_of_it_and_nothing_else(seed: int) -> None:
    seen = look(random_net(seed, (5, 25)))
    assert seen.false_links() == []
    assert seen.false_places() == []
    assert seen.missing_links() == []
    assert seen.unplaced() == set()


@given(SEEDS, st.sampled_from((0.1, 0.3, 0.6)), st.sampled_from((0.15, 0.6)))
@settings(max_examples=60, deadline=None)
def test_nothing_false_where_switches_refuse(seed: int, share: float, silent: float) -> None:
    net = random_net(seed, (5, 25), silent)
    switches = [d.id for d in net.devices.values() if d.kind == "switch"]
    refused = random.Random(seed).sample(switches, int(len(switches) * share))
    seen = look(net, frozenset(refused))
    assert seen.false_links() == []
    assert seen.false_places() == []


@given(SEEDS)
@settings(max_examples=5, deadline=None)
def test_large(seed: int) -> None:
    seen = look(random_net(seed, (40, 60)))
    assert seen.false_links() == []
    assert seen.missing_links() == []
