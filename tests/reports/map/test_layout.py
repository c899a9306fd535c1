"""Where boxes stand and wires run: nothing lies on anything else, whatever the network is, and always in the same place."""

from __future__ import annotations

import random
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reports.map.boxes import Net, net
from reports.map.place import WIDTH, Spot, spots
from reports.map.route import Picture, Point, routes
from reports.map.tree import Group, forest
from tests.reports.map.networks import Network, campus, firm, networks


def laid(n: Network) -> tuple[Net, list[list[Group]], dict[str, Spot], Picture]:
    drawn = net(n.build(), n.assets)
    linked, loose = forest(drawn)
    at = spots(drawn.boxes, linked, loose)
    return drawn, linked, at, routes(drawn.wires, at)


def segments(picture: Picture) -> list[tuple[str, Point, Point]]:
    return [
        (f"{r.wire.a.node[:4]}-{r.wire.b.node[:4]}", p, q)
        for r in picture.runs
        for way in (r.shared, r.stub)
        for p, q in pairwise(way)
    ]


def check(n: Network) -> None:
    """What holds for every picture."""
    drawn, _, at, picture = laid(n)
    assert set(at) == set(drawn.boxes)
    frames = [(i, picture.lefts[s.column], s.y, s.height) for i, s in at.items()]
    for (_, x, y, h), (_, u, v, k) in combinations(frames, 2):
        assert x + WIDTH < u or u + WIDTH < x or y + h < v or v + k < y, "boxes apart"
    assert len(picture.runs) == sum(w.a.node != w.b.node for w in drawn.wires)
    for name, (x1, y1), (x2, y2) in segments(picture):
        assert x1 == x2 or y1 == y2, "level or upright"
        low, high = min(x1, x2), max(x1, x2)
        top, end = min(y1, y2), max(y1, y2)
        for i, x, y, h in frames:
            inside = low < x + WIDTH and x < high if y1 == y2 else x < low < x + WIDTH
            through = y < top < y + h if y1 == y2 else top < y + h and y < end
            assert not (inside and through), f"{name} runs through {i[:4]}"
        assert low >= 0
        assert high <= picture.width
        assert picture.top <= top
        assert end <= picture.height
    ends = [(picture.lefts[s.column], s.y, s.height) for s in at.values()]
    for r in picture.runs:
        for x, y in (r.stub[1], *(r.shared[:1] or r.stub[:1])):
            assert any(b <= x <= b + WIDTH and v <= y <= v + h for b, v, h in ends), "ends at a box"


@settings(max_examples=60)
@given(networks())
def test_nothing_lies_on_anything(n: Network) -> None:
    check(n)


@pytest.mark.parametrize(
    "n", [firm(), campus(150, fan=12, uplinks=2), campus(60, fan=1), campus(2), Network()]
)
def test_nothing_lies_on_anything_in_real_shapes(n: Network) -> None:
    check(n)


@settings(max_examples=30)
@given(networks(), st.integers(0, 99))
def test_the_order_in_which_things_were_told_changes_nothing(n: Network, seed: int) -> None:
    before = laid(n)
    shuffle = random.Random(seed).shuffle
    for told in (n.nodes, n.hidden, n.links, n.places, n.gaps):
        shuffle(told)
    after = laid(n)
    assert after[2] == before[2]
    assert {(r.wire, r.shared, r.stub) for r in after[3].runs} == {
        (r.wire, r.shared, r.stub) for r in before[3].runs
    }


@settings(max_examples=60)
@given(networks())
def test_lines_of_different_boxes_do_not_run_on_each_other(n: Network) -> None:
    picture = laid(n)[3]
    upright: dict[float, list[tuple[float, float, object]]] = {}
    for r in picture.runs:
        for (x1, y1), (x2, y2) in pairwise(r.shared):
            if x1 == x2 and y1 != y2:
                # Of two boxes in one column each wire has a line of its own.
                upright.setdefault(x1, []).append((min(y1, y2), max(y1, y2), r.trunk[0]))
    for spans in upright.values():
        for (a, b, one), (c, d, other) in combinations(spans, 2):
            assert one == other or b < c or d < a


def test_from_the_gateway_outwards() -> None:
    n = firm()
    _, linked, at, picture = laid(n)
    by = {n.labels.get(i, ""): s for i, s in at.items()}
    assert len(linked) == 1
    assert by["fw-siege"].column == 0
    assert by["core-1"].column == by["core-2"].column == 1, "a stack stands together"
    assert {by[f"sw-etage{k}"].column for k in (1, 2, 3)} == {2}
    assert by["borne-1"].column == 3
    assert by["sw-atelier"].y > max(s.y + s.height for k, s in by.items() if k != "sw-atelier")
    assert picture.loose is not None
    assert picture.loose < by["sw-atelier"].y


def test_without_a_gateway_the_core_comes_first() -> None:
    n = Network()
    leaves = [n.node(f"leaf-{k}") for k in range(5)]
    core = n.node("core")
    for k, leaf in enumerate(leaves):
        n.link(core, str(k), leaf, "48")
    assert laid(n)[2][core].column == 0


def test_a_blocked_uplink_is_not_what_the_tree_follows() -> None:
    n = Network()
    gateway, a, b = n.node("gw", "gateway"), n.node("a"), n.node("b")
    n.link(gateway, "1", a, "1")
    n.link(a, "2", b, "2")
    n.link(gateway, "2", b, "1", blocked=True)
    at = laid(n)[2]
    assert [at[i].column for i in (gateway, a, b)] == [0, 1, 2]


def test_two_gateways_on_one_core_stand_beside_each_other() -> None:
    n = Network()
    walls, core = [n.node(f"fw-{k}", "firewall") for k in (1, 2)], n.node("core")
    for k, wall in enumerate(walls):
        n.link(core, str(k), wall, "lan")
    n.link(core, "9", n.node("leaf"), "1")
    at = laid(n)[2]
    assert [at[w].column for w in walls] == [0, 0]
    assert at[core].column == 1


def test_a_tree_has_no_crossing() -> None:
    for n in (campus(60, fan=6), campus(90, fan=4)):
        found = segments(laid(n)[3])
        level = [(y, min(p, q), max(p, q)) for _, (p, y), (q, v) in found if y == v and p != q]
        upright = [(x, min(p, q), max(p, q)) for _, (x, p), (u, q) in found if x == u and p != q]
        crossings = {
            (x, y)
            for y, left, right in level
            for x, top, end in upright
            if left < x < right and top < y < end
        }
        # Where a wire leaves its own trunk for a grid, the trunk goes on: that is no crossing of two.
        starts = {r.shared[0] for r in laid(n)[3].runs}
        assert {c for c in crossings if not any(s[1] == c[1] for s in starts)} == set()


def test_a_thousand_in_a_row_and_a_thousand_alone() -> None:
    assert max(s.column for s in laid(campus(1000, fan=1))[2].values()) == 999
    n = Network()
    for k in range(1000):
        n.node(f"sw-{k}")
    at = laid(n)[2]
    assert len({(s.column, s.y) for s in at.values()}) == 1000


def test_a_thousand_boxes_have_the_shape_of_a_page() -> None:
    picture = laid(campus(1000))[3]
    assert 0.5 < picture.width / picture.height < 3
