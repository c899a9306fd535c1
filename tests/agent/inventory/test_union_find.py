"""Union-find with cannot-link: what contradicts is never joined, whatever the order of the links."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.inventory.union_find import UnionFind, join

_PAIRS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda p: p[0] != p[1]))


def _groups(links: list[tuple[int, int]], apart: set[frozenset[int]]) -> list[list[int]]:
    sets = UnionFind(10)
    join(sets, links, lambda a, b: "no" if frozenset((a, b)) in apart else None)
    return list(sets.groups().values())


def test_a_component_with_a_contradiction_is_refused_whole() -> None:
    sets = UnionFind(4)
    refused = join(sets, [(0, 1), (1, 2)], lambda a, b: "no" if (a, b) == (0, 2) else None)
    assert refused == [(0, 2, "no")]
    assert sets.groups() == {0: [0], 1: [1], 2: [2], 3: [3]}


def test_earlier_batches_stand() -> None:
    sets = UnionFind(4)
    assert not join(sets, [(0, 1)], lambda a, b: None)
    refused = join(sets, [(1, 2), (2, 3)], lambda a, b: "no" if (a, b) == (0, 3) else None)
    assert refused == [(0, 3, "no")]
    assert sets.groups() == {0: [0, 1], 2: [2], 3: [3]}


@given(_PAIRS, _PAIRS)
def test_never_together_and_free_of_order(
    links: list[tuple[int, int]], against: list[tuple[int, int]]
) -> None:
    apart = {frozenset(p) for p in against}
    groups = _groups(links, apart)
    for members in groups:
        assert not any(frozenset((a, b)) in apart for a in members for b in members if a < b)
    assert _groups([(b, a) for a, b in reversed(links)], apart) == groups
