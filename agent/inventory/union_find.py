"""Union-find with constraints: joins in batches, and refuses a batch's whole component where two of its members cannot be one.

Refusing the component, not the last link, keeps the result independent of the order of the links: of two links that together
contradict, at least one is wrong, and nothing says which.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable


class UnionFind:
    """Disjoint sets of the integers 0..n-1, each named by its smallest member."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def find(self, x: int) -> int:
        root = x
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[x] != root:
            self._parent[x], x = root, self._parent[x]
        return root

    def union(self, a: int, b: int) -> None:
        a, b = self.find(a), self.find(b)
        self._parent[max(a, b)] = min(a, b)

    def groups(self) -> dict[int, list[int]]:
        """Smallest member -> members in order."""
        out: dict[int, list[int]] = {}
        for x in range(len(self._parent)):
            out.setdefault(self.find(x), []).append(x)
        return out


def join(
    sets: UnionFind,
    links: Iterable[tuple[int, int]],
    cannot: Callable[[int, int], str | None],
) -> list[tuple[int, int, str]]:
    """Apply *links* as one batch to *sets*.

    Returns the pairs that cannot be one and for which a component of links was refused: (a, b, reason), a < b.
    """
    wanted = [(a, b) for a, b in links if sets.find(a) != sets.find(b)]
    touched = sorted({sets.find(x) for link in wanted for x in link})
    members = sets.groups() if touched else {}
    index = {root: i for i, root in enumerate(touched)}
    trial = UnionFind(len(touched))
    for a, b in wanted:
        trial.union(index[sets.find(a)], index[sets.find(b)])
    refused: list[tuple[int, int, str]] = []
    for component in trial.groups().values():
        roots = [touched[i] for i in component]
        against: list[tuple[int, int, str]] = []
        for i, one in enumerate(roots):
            for other in roots[i + 1 :]:
                for a in members[one]:
                    for b in members[other]:
                        if reason := cannot(min(a, b), max(a, b)):
                            against.append((min(a, b), max(a, b), reason))
        if against:
            refused += against
        else:
            for root in roots[1:]:
                sets.union(roots[0], root)
    return sorted(refused)
