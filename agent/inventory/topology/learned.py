"""What MAC tables prove: on which port of a bridge another one lies, and whether two ports face each other with nothing between.

Sources: B. Lowekamp, D. O'Hallaron, T. Gross, "Topology Discovery for Large Ethernet Networks", SIGCOMM 2001 (a pair of ports is the
connection of two bridges where no address they share contradicts); Y. Breitbart et al., "Topology Discovery in Heterogeneous IP Networks:
The NetInventory System", IEEE/ACM ToN 12(3), 2004 (facing ports of complete tables have nothing in common and together everything).

Sets of MACs are bits of one integer: ten thousand addresses intersect in a microsecond.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from agent.inventory.mac import VIRTUAL_ROUTER, kind_of
from agent.inventory.topology.facts import Box

ENOUGH = 3
"""Addresses two bridges must share before their tables say how they lie to each other (Lowekamp et al., theorem 2)."""


class Learned:
    """`seen[node][port]`: MACs on that port only; `known[node]`: on any port."""

    def __init__(self, boxes: Mapping[str, Box], macs_of: Mapping[str, set[str]]) -> None:
        self._macs_of = macs_of
        self._fdb = {n: b.fdb for n, b in boxes.items() if b.fdb}
        self.macs: list[str] = []
        self.bit: dict[str, int] = {}
        self.seen: dict[str, dict[int, int]] = {}
        self.known: dict[str, int] = {}
        for node, fdb in self._fdb.items():
            ports: dict[int, list[int]] = defaultdict(list)
            for mac, at in fdb.items():
                # Where a MAC is on two ports (a virtual router, a move, a loop) it tells nothing.
                if len(at) == 1:
                    ports[next(iter(at))].append(self._index(mac))
            self.seen[node] = {p: _bits(some) for p, some in ports.items()}
            self.known[node] = 0
            for some in self.seen[node].values():
                self.known[node] |= some
        blind = _bits(i for m, i in self.bit.items() if kind_of(m) in VIRTUAL_ROUTER)
        for node, ports_ in self.seen.items():
            for p in ports_:
                ports_[p] &= ~blind
            self.known[node] &= ~blind
        self._direct: dict[tuple[str, str], int | None] = {}
        self._simple: dict[tuple[str, str], tuple[int, int] | None] = {}

    def _index(self, mac: str) -> int:
        if (at := self.bit.get(mac)) is None:
            at = self.bit[mac] = len(self.macs)
            self.macs.append(mac)
        return at

    def of(self, bits: int) -> list[str]:
        """The MACs of a set."""
        out: list[str] = []
        while bits:
            low = bits & -bits
            out.append(self.macs[low.bit_length() - 1])
            bits ^= low
        return out

    def own(self, node: str) -> int:
        """The node's own MACs that anybody learnt."""
        return _bits(self.bit[m] for m in self._macs_of.get(node, ()) if m in self.bit)

    def direct(self, at: str, of: str) -> int | None:
        """The port of *at* on which the cards of *of* are, if all are on one."""
        if (at, of) not in self._direct:
            fdb = self._fdb.get(at, {})
            ports = {p for m in self._macs_of.get(of, ()) for p in fdb.get(m, ())}
            self._direct[at, of] = ports.pop() if len(ports) == 1 else None
        return self._direct[at, of]

    def toward(self, at: str, of: str) -> int | None:
        """As `direct`, else from the addresses both learnt."""
        if (port := self.direct(at, of)) is not None:
            return port
        pair = self.simple(at, of)
        return pair[0] if pair else None

    def simple(self, a: str, b: str) -> tuple[int, int] | None:
        """The only pair of ports of *a* and *b* by which the two can be connected; None where several can, or too little is shared."""
        if (a, b) not in self._simple:
            found = self._connection(a, b)
            self._simple[a, b] = found
            self._simple[b, a] = (found[1], found[0]) if found else None
        return self._simple[a, b]

    def _connection(self, a: str, b: str) -> tuple[int, int] | None:
        if a not in self.seen or b not in self.seen:
            return None
        shared = self.known[a] & self.known[b]
        if shared.bit_count() < ENOUGH:
            return None
        possible: list[tuple[int, int]] = []
        for p, here in self.seen[a].items():
            # What is on another port of a lies behind a: b must see it all on one port.
            behind = shared & ~here
            if not behind:
                return None
            mac = self.macs[(behind & -behind).bit_length() - 1]
            q = next(iter(self._fdb[b][mac]))
            if not behind & ~self.seen[b][q]:
                possible.append((p, q))
        return possible[0] if len(possible) == 1 else None

    def between(self, a: str, p: int, b: str, q: int) -> int:
        """What both ports see: it lies on the medium between them."""
        some = self.seen.get(a, {}).get(p, 0) & self.seen.get(b, {}).get(q, 0)
        return some & ~self.own(a) & ~self.own(b)

    def unexplained(self, a: str, p: int, b: str) -> int:
        """What is on the port of *a* and what *b* knows nothing of."""
        return self.seen[a].get(p, 0) & ~self.known[b] & ~self.own(b)

    def support(self, a: str, p: int, b: str, q: int) -> int:
        """Addresses that say the two ports face each other: on the one port, and behind the other bridge, either way round."""
        there = self.seen[a].get(p, 0) & (self.known[b] & ~self.seen[b].get(q, 0) | self.own(b))
        here = self.seen[b].get(q, 0) & (self.known[a] & ~self.seen[a].get(p, 0) | self.own(a))
        return there.bit_count() + here.bit_count() if there and here else 0


def _bits(places: Iterable[int]) -> int:
    """An integer with these bits set, built at once: setting them one by one copies the integer each time."""
    some = sorted(places)
    if not some:
        return 0
    octets = bytearray(some[-1] // 8 + 1)
    for i in some:
        octets[i >> 3] |= 1 << (i & 7)
    return int.from_bytes(octets, "little")
