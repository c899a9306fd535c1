"""Random networks where switches refuse, and rows of MAC tables timed out: what is lost may cost links, and never makes a false one."""

from __future__ import annotations

import random

import pytest

from fixtures.networks.switched.random_net import random_net
from tests.agent.inventory.topology.against import Seen, look

FOUND = (69, 141, 365, 481, 523, 1000293, 1000323, 1000558, 1000585, 1000739)
"""Seeds that once gave a false link, or one through an unmanaged switch as sure."""


def seen(seed: int) -> Seen:
    """2 to 12 switches, of which up to half refuse and any share does not announce itself; up to half of the rows timed out."""
    r = random.Random(seed)
    size = r.choice(((2, 5), (3, 8), (4, 12)))
    net = random_net(seed, size, r.choice((0, 0.15, 0.6, 0.9)))
    refuse, aged = r.uniform(0, 0.5), r.choice((0, r.uniform(0, 0.5)))
    r = random.Random(seed)
    switches = [d.id for d in net.devices.values() if d.kind == "switch"]
    refused = frozenset(r.sample(switches, int(len(switches) * refuse)))
    net.aged = {(a, b) for a in switches for b in net.devices if r.random() < aged}
    return look(net, refused)


@pytest.mark.parametrize("seed", FOUND)
def test_found_before(seed: int) -> None:
    assert seen(seed).false_links() == []


def test_no_false_link_in_a_search() -> None:
    false = {seed: some for seed in range(60) if (some := seen(seed).false_links())}
    assert false == {}
