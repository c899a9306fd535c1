"""Which box stands behind which: a tree from the gateway or the core outwards, over the wires that carry frames. Pure, deterministic.

Members of a stack are one group and stand together. Wires that the tree does not need (second uplinks, rings) are drawn all the same.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field

from reports.map.boxes import Net, Wire, natural

_EDGE = {"gateway": 0, "firewall": 1, "router": 2}


@dataclass(eq=False)
class Group:
    """Boxes drawn as one pile (a stack, or a single box) and the groups behind it. `loose`: linked to nothing."""

    members: tuple[str, ...]
    children: list[Group] = field(default_factory=list["Group"])

    @property
    def key(self) -> str:
        return self.members[0]


def forest(net: Net) -> tuple[list[list[Group]], list[Group]]:
    """(components, loose): the roots of every component that has wires, largest first; then the groups without any wire."""
    group_of = _stacks(net)
    near: dict[str, dict[str, Wire]] = defaultdict(dict)
    for w in net.wires:
        a, b = group_of[w.a.node].key, group_of[w.b.node].key
        if a != b:
            for x, y in ((a, b), (b, a)):
                known = near[x].get(y)
                if known is None or _cost(w) < _cost(known):
                    near[x][y] = w
    groups = {g.key: g for g in group_of.values()}
    parts = _components(groups, near)
    loose = [groups[p[0]] for p in parts if len(p) == 1 and len(groups[p[0]].members) == 1]
    linked = [p for p in parts if len(p) > 1 or len(groups[p[0]].members) > 1]
    linked.sort(key=lambda p: (-sum(len(groups[k].members) for k in p), p))
    return [_rooted(net, groups, near, p) for p in linked], loose


def _cost(w: Wire) -> tuple[int, int]:
    """How gladly the tree takes a wire: open before blocked, sure before guessed."""
    return (1 if w.blocked else 0, -w.conf)


def _stacks(net: Net) -> dict[str, Group]:
    """Group of each box: boxes joined by stacking cables are one."""
    beside: dict[str, set[str]] = defaultdict(set)
    for w in net.wires:
        if w.kind == "stack" and w.a.node != w.b.node:
            beside[w.a.node].add(w.b.node)
            beside[w.b.node].add(w.a.node)
    out: dict[str, Group] = {}
    for start in net.boxes:
        if start in out:
            continue
        # From an end of the chain, so that what is cabled together stands together.
        reached = _reach({start}, beside)
        first = min(reached, key=lambda i: (len(beside[i]), i))
        order = _chain(first, beside)
        group = Group(tuple(order))
        out.update(dict.fromkeys(order, group))
    return out


def _chain(first: str, beside: dict[str, set[str]]) -> list[str]:
    order, todo = [first], [first]
    while todo:
        following = sorted(beside[todo.pop()].difference(order))
        order += following
        todo += reversed(following)
    return order


def _reach(found: set[str], beside: dict[str, set[str]]) -> set[str]:
    todo = list(found)
    while todo:
        for other in beside[todo.pop()] - found:
            found.add(other)
            todo.append(other)
    return found


def _components(groups: dict[str, Group], near: dict[str, dict[str, Wire]]) -> list[list[str]]:
    out: list[list[str]] = []
    seen: set[str] = set()
    beside = defaultdict(set, {k: set(others) for k, others in near.items()})
    for key in sorted(groups):
        if key not in seen:
            part = _reach({key}, beside)
            seen |= part
            out.append(sorted(part))
    return out


def _rooted(
    net: Net, groups: dict[str, Group], near: dict[str, dict[str, Wire]], part: list[str]
) -> list[Group]:
    """Roots of one component with their children set: the gateway (its twins beside it), else the middle of the network."""
    edge = {k: min(_EDGE.get(net.boxes[m].kind, 9) for m in groups[k].members) for k in part}
    far = {
        k: max(_depths(k, near).values())
        for k in (part if len(part) <= 400 else _busiest(part, near))
    }
    root = min(
        far.keys() | {k for k in part if edge[k] < 9},
        key=lambda k: (edge[k], far.get(k, 99), -len(near[k]), k),
    )
    twins = [k for k in part if edge[k] == edge[root] < 9 and set(near[k]) == set(near[root])]
    roots = sorted({root, *twins})
    reached, todo = set(roots), deque(roots)
    for blocked in (False, True):
        todo = deque(sorted(reached)) if blocked else todo
        while todo:
            here = todo.popleft()
            for other in sorted(near[here], key=lambda k: (_port(groups[here], near[here][k]), k)):
                if other not in reached and (blocked or not near[here][other].blocked):
                    reached.add(other)
                    groups[here].children.append(groups[other])
                    todo.append(other)
    return [groups[k] for k in roots]


def _port(group: Group, w: Wire) -> tuple[object, ...]:
    """Children stand in the order of the ports they hang on."""
    return natural((w.a if w.a.node in group.members else w.b).port)


def _busiest(part: list[str], near: dict[str, dict[str, Wire]]) -> list[str]:
    """In a large network the middle is sought among the boxes with most wires."""
    return sorted(part, key=lambda k: (-len(near[k]), k))[:40]


def _depths(start: str, near: dict[str, dict[str, Wire]]) -> dict[str, int]:
    depth, todo = {start: 0}, deque([start])
    while todo:
        here = todo.popleft()
        for other in near[here]:
            if other not in depth:
                depth[other] = depth[here] + 1
                todo.append(other)
    return depth
