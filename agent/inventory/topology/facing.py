"""Pairs of ports that face each other by MAC tables alone, where nothing announces itself: only where nothing can stand between.

Whoever may forward frames and cannot be shown to lie elsewhere could be between; then there is no link, and the map says what it lacks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations

from agent.inventory.topology.facts import Box
from agent.inventory.topology.joints import Joint, Socket
from agent.inventory.topology.learned import ENOUGH, Learned
from agent.inventory.topology.segments import is_blocking


class Around:
    """On which port of a bridge another node lies: by MAC tables, else by what hears each other."""

    def __init__(self, boxes: Mapping[str, Box], learned: Learned, joints: Iterable[Joint]) -> None:
        self._learned = learned
        self._next: dict[str, list[tuple[Socket, Socket]]] = defaultdict(list)
        for j in joints:
            # No frame comes this way, so what is beyond lies elsewhere.
            if any(
                n in boxes and isinstance(p, int) and is_blocking(boxes[n], p)
                for n, p in (j.a, j.b)
            ):
                continue
            self._next[j.a[0]].append((j.a, j.b))
            self._next[j.b[0]].append((j.b, j.a))
        self._hops: dict[str, dict[str, int | str | None]] = {}

    def port(self, at: str, of: str) -> int | str | None:
        """None: nobody can say."""
        port = self._learned.toward(at, of)
        return port if port is not None else self._hop(at).get(of)

    def _hop(self, at: str) -> dict[str, int | str | None]:
        if at not in self._hops:
            found: dict[str, int | str | None] = {}
            for near, far in self._next[at]:
                self._walk(at, near[1], far[0], found)
            self._hops[at] = found
        return self._hops[at]

    def _walk(
        self, at: str, port: int | str, start: str, found: dict[str, int | str | None]
    ) -> None:
        seen = {at}
        todo = [start]
        while todo:
            node = todo.pop()
            if node in seen:
                continue
            seen.add(node)
            # Reached by two ports: a loop, so it may lie on either.
            found[node] = port if found.get(node, port) == port else None
            todo += [far[0] for _, far in self._next[node]]


def facing(
    boxes: Mapping[str, Box], learned: Learned, joints: list[Joint], suspects: Iterable[str]
) -> list[Joint]:
    """*suspects*: nodes that may forward frames and whose tables we have not."""
    around = Around(boxes, learned, joints)
    taken = {s for j in joints for s in (j.a, j.b)}
    bridges = sorted(learned.seen)
    open_: dict[str, set[int]] = {
        n: {p for p in learned.seen[n] if (n, p) not in taken} for n in bridges
    }
    bridges_open = [n for n in bridges if open_[n]]
    hidden = sorted(set(suspects) - set(bridges))
    out: list[Joint] = []
    for a, b in combinations(bridges_open, 2):
        p, q = learned.toward(a, b), learned.toward(b, a)
        if p is None or q is None or p not in open_[a] or q not in open_[b]:
            continue
        if not _sure(learned, a, p, b, q):
            continue
        if any(_may_stand_between(around, x, a, p, b, q) for x in hidden):
            continue
        if not all(_aside(around, c, a, p, b, q) for c in bridges if c not in (a, b)):
            continue
        evidence = boxes[a].proof("fdb", "vlan_fdb") | boxes[b].proof("fdb", "vlan_fdb")
        out.append(Joint((a, p), (b, q), "mac_tables", set(evidence)))
    return out


def _sure(learned: Learned, a: str, p: int, b: str, q: int) -> bool:
    """Enough says that they face each other, and next to nothing on the one port is unheard of behind the other."""
    support = learned.support(a, p, b, q)
    odd = learned.unexplained(a, p, b).bit_count() + learned.unexplained(b, q, a).bit_count()
    return support >= ENOUGH and odd * 4 <= support


def _may_stand_between(around: Around, x: str, a: str, p: int, b: str, q: int) -> bool:
    return around.port(a, x) in (None, p) and around.port(b, x) in (None, q)


def _aside(around: Around, c: str, a: str, p: int, b: str, q: int) -> bool:
    """Is the bridge *c* not between the two: elsewhere, or on the same medium with one port toward both?"""
    if not _may_stand_between(around, c, a, p, b, q):
        return True
    to_a, to_b = around.port(c, a), around.port(c, b)
    return to_a is not None and to_a == to_b and None not in (around.port(a, c), around.port(b, c))
