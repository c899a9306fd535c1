"""Media: ports that hear each other, put together. Two ports and nothing between is a cable; else there is a box nobody named.

An unmanaged switch passes LLDP on, so that two neighbours that name each other may still have it, and what hangs on it, between them:
the MAC tables of both sides then have addresses in common.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations

from agent.inventory.topology.facts import Box
from agent.inventory.topology.joints import BLOCKING, Joint, Socket
from agent.inventory.topology.learned import Learned
from agent.model.topology import LinkSource

ENOUGH_BETWEEN = 2
"""Addresses in common that show a box: a single one may have just moved."""
RANK: tuple[LinkSource, ...] = ("mac_tables", "spanning_tree", "one_side", "both_sides")


@dataclass
class Segment:
    """`inside`: MACs on the medium itself. `source`: the best of its joints."""

    sockets: tuple[Socket, ...]
    source: LinkSource
    inside: int
    evidence: set[str] = field(default_factory=set[str])

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(n for n, _ in self.sockets))

    def by_node(self) -> dict[str, tuple[Socket, ...]]:
        out: dict[str, tuple[Socket, ...]] = {}
        for s in self.sockets:
            out[s[0]] = (*out.get(s[0], ()), s)
        return out


def segments(boxes: Mapping[str, Box], learned: Learned, joints: list[Joint]) -> list[Segment]:
    """Every port is in one segment at most."""
    parent: dict[Socket, Socket] = {}

    def find(s: Socket) -> Socket:
        parent.setdefault(s, s)
        while parent[s] != s:
            parent[s] = parent[parent[s]]
            s = parent[s]
        return s

    for j in joints:
        parent[find(j.a)] = find(j.b)
    sockets: dict[Socket, list[Socket]] = defaultdict(list)
    for s in sorted(parent, key=lambda s: (s[0], str(s[1]))):
        sockets[find(s)].append(s)
    sources: dict[Socket, list[Joint]] = defaultdict(list)
    for j in joints:
        sources[find(j.a)].append(j)
    out: list[Segment] = []
    for root, some in sockets.items():
        of = sources[root]
        out.append(
            Segment(
                tuple(some),
                max(of, key=lambda j: RANK.index(j.source)).source,
                _inside(boxes, learned, some),
                {e for j in of for e in j.evidence},
            )
        )
    return sorted(out, key=lambda s: tuple((n, str(p)) for n, p in s.sockets))


def is_blocking(box: Box, port: int) -> bool:
    """Spanning tree keeps the port closed: it learns nothing."""
    row = box.spanning.get(port)
    return row is not None and row.state == BLOCKING


def _inside(boxes: Mapping[str, Box], learned: Learned, sockets: list[Socket]) -> int:
    """MACs that two of the ports see, and none of the bridges elsewhere."""
    told = [(n, p) for n, p in sockets if n in learned.seen and isinstance(p, int)]
    found = 0
    for (a, p), (b, q) in combinations(told, 2):
        if a != b:
            found |= learned.between(a, p, b, q)
    shut = [n for n, p in told if n in boxes and is_blocking(boxes[n], p)]
    for node, port in told:
        # The other end lets nothing through: what is here is on the medium.
        if any(n != node for n in shut):
            found |= learned.seen[node].get(port, 0)
            for n in shut:
                found &= ~learned.own(n)
    for node, port in told:
        if node in shut:
            continue
        found &= ~(learned.known[node] & ~learned.seen[node].get(port, 0)) & ~learned.own(node)
    return found
