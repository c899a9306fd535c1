"""Which ports hear each other: pairs of ports from LLDP, CDP and spanning tree, with what says so.

A pair says that the two are on one medium, not that a cable joins them: an unmanaged switch passes announcements on. `segments` decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from agent.inventory.topology.facts import Box, Heard
from agent.inventory.topology.hearing import MAC, by_words, octets
from agent.inventory.topology.learned import Learned
from agent.inventory.topology.who import Who
from agent.model.topology import LinkSource

Socket = tuple[str, int | str]
"""(node, port): an ifIndex, or for a device that let us not in, what others call the port."""
UNNAMED = "?"
"""Begins the name of a port that nobody names: it stands for itself only."""
BLOCKING, FORWARDING = 2, 5
"""dot1dStpPortState: those between are on the way."""


@dataclass
class Joint:
    a: Socket
    b: Socket
    source: LinkSource
    evidence: set[str] = field(default_factory=set[str])


@dataclass
class Attached:
    """An endpoint that announced itself at a port."""

    node: str
    at: Socket
    heard: Heard
    stranger: bool


@dataclass
class _Said:
    near: Socket
    far_node: str
    far: Socket | None
    heard: Heard


class Neighbours:
    """`joints` between nodes, `attached` endpoints."""

    def __init__(self, boxes: Mapping[str, Box], who: Who, learned: Learned) -> None:
        self._boxes, self._who, self._learned = boxes, who, learned
        self.attached: list[Attached] = []
        self.joints: list[Joint] = []
        said = [s for node in sorted(boxes) for s in self._said(boxes[node])]
        self._pair(self._without_old(said))
        self._spanning()

    def _said(self, box: Box) -> list[_Said]:
        out: list[_Said] = []
        learnt = self._learnt_ports(box)
        for h in box.heard:
            node = self._node(box, h)
            near: Socket
            if node == box.node:
                continue
            near = (box.node, h.port if h.port is not None else learnt.get(h.local, h.local))
            if not self._who.forwards(node, h):
                self._who.card(node, h)
                self.attached.append(Attached(node, near, h, node in self._who.strangers))
                continue
            out.append(_Said(near, node, self._far(box, node, h), h))
        return out

    def _node(self, box: Box, h: Heard) -> str:
        """Of a neighbour that gives a name only, the box of that name if it hears us by our own MAC or by port and name."""
        if self._who.sure(h):
            return self._who.of(h)
        other = self._who.by_name(h)
        if other is not None and other != box.node:
            for back in self._boxes[other].heard:
                sure = self._who.sure(back)
                if (self._who.of(back) if sure else self._who.by_name(back)) != box.node:
                    continue
                here = self._named(box, back)
                there = self._named(self._boxes[other], h)
                if (sure or here == h.port is not None) and (there == back.port is not None):
                    return other
        return self._who.of(h)

    def _learnt_ports(self, box: Box) -> dict[str, int | str]:
        """Ports that only the MAC table can name: not one at which another is heard, for a closed port learns nothing."""
        taken: dict[int, set[tuple[str, str]]] = defaultdict(set)
        for h in box.heard:
            node, port = self._node(box, h), h.port
            if port is None:
                port = self._learned.direct(box.node, node)
            if port is not None:
                taken[port].add((h.local if h.port is None else "", node))
        out: dict[str, int | str] = {}
        for port, said in taken.items():
            known = box.ports.get(port)
            room = max(1, len(known.members)) if known else 1
            one = len({node for _, node in said}) == 1 and len(said) <= room
            if one and all(local for local, _ in said):
                out.update({local: port for local, _ in said})
        return out

    def _named(self, box: Box, h: Heard) -> int | None:
        """The port of *box* that the neighbour *h* says it is."""
        if (h.port_kind, h.port_id) in box.told_ports:
            return box.told_ports[h.port_kind, h.port_id]
        index = by_words(box, h.port_kind, h.port_id, h.port_descr)
        return None if index is None else box.into.get(index, index)

    def _far(self, box: Box, node: str, h: Heard) -> Socket | None:
        """None: a box of ours, of which the port is not clear from this side."""
        if node in self._boxes and self._boxes[node].ports:
            port = self._named(self._boxes[node], h)
            return None if port is None else (node, port)
        text = h.port_descr if h.port_kind == MAC else octets(h.port_id)
        return (node, text or f"{UNNAMED}{box.node}/{h.port}")

    def _without_old(self, said: list[_Said]) -> list[_Said]:
        """Of several neighbours at a port where one is confirmed from its side, those whose own tables know nothing of us are old."""
        told = {(s.near[0], s.far_node) for s in said}
        at: dict[Socket, list[_Said]] = defaultdict(list)
        for s in said:
            at[s.near].append(s)
        out: list[_Said] = []
        for s in said:
            others = at[s.near]
            sure = any((o.far_node, s.near[0]) in told for o in others)
            box = self._boxes.get(s.far_node)
            old = (
                sure
                and len(others) > 1
                and (s.far_node, s.near[0]) not in told
                and box is not None
                and bool(box.heard)
                and not box.cut & {"lldp", "lldp2", "cdp", "fdp"}
            )
            if not old:
                out.append(s)
        return out

    def _pair(self, said: list[_Said]) -> None:
        by: dict[tuple[str, str], list[_Said]] = defaultdict(list)
        self._used = {s.near for s in said} | {s.far for s in said if s.far}
        for s in said:
            by[s.near[0], s.far_node].append(s)
        found: dict[tuple[Socket, Socket], tuple[set[str], set[str]]] = {}
        for (a, b), some in by.items():
            back = by.get((b, a), [])
            for s in some:
                far = s.far or self._other_side(s, some, back)
                near = s.near
                # What we cannot name by number, the other end may have heard by name.
                heard = {b.far for b in back if b.near == far and b.far}
                if isinstance(near[1], str) and len(heard) == 1:
                    near = heard.pop()
                pair = (near, far) if _order(near) <= _order(far) else (far, near)
                sides, evidence = found.setdefault(pair, (set(), set()))
                sides.add(a)
                evidence.add(s.heard.evidence)
        for (x, y), (sides, evidence) in sorted(
            found.items(), key=lambda f: (_order(f[0][0]), _order(f[0][1]))
        ):
            self.joints.append(
                Joint(x, y, "both_sides" if len(sides) == 2 else "one_side", evidence)
            )

    def _other_side(self, s: _Said, some: list[_Said], back: list[_Said]) -> Socket:
        """Where the neighbour hears us, or its MAC table has us; else an unnamed port of it."""
        hears = {b.near for b in back if b.far == s.near}
        if not hears and len({o.near for o in some}) == 1:
            hears = {b.near for b in back}
        if len(hears) == 1:
            return hears.pop()
        port = self._learned.direct(s.far_node, s.near[0])
        if port is not None and (s.far_node, port) not in self._used:
            return (s.far_node, port)
        return (s.far_node, f"{UNNAMED}{s.near[0]}/{s.near[1]}")

    def _spanning(self) -> None:
        """A port whose designated bridge is another one hears that bridge (IEEE 802.1D, 8.5.5.2): exact where spanning tree runs."""
        taken: dict[Socket, set[str]] = defaultdict(set)
        for j in self.joints:
            taken[j.a].add(j.b[0])
            taken[j.b].add(j.a[0])
        known = {frozenset((j.a, j.b)): j for j in self.joints}
        for node in sorted(self._boxes):
            box = self._boxes[node]
            for port, row in sorted(box.spanning.items()):
                if row.bridge in box.macs or not BLOCKING <= row.state <= FORWARDING:
                    continue
                other = self._who.of_bridge(row.bridge, row.evidence)
                here: Socket = (node, port)
                if other == node:
                    continue
                there = self._designated(other, node, row.bridge, row.number, here)
                if joint := known.get(frozenset((here, there))):
                    joint.evidence.add(row.evidence)
                    continue
                # What announces itself is nearer than who is heard through it.
                if taken[here] or taken[there]:
                    continue
                self.joints.append(Joint(here, there, "spanning_tree", {row.evidence}))

    def _designated(self, node: str, seen_from: str, mac: str, number: str, near: Socket) -> Socket:
        box = self._boxes.get(node)
        if box is not None:
            ports = [p for p, r in box.spanning.items() if r.bridge == mac and r.number == number]
            if len(ports) == 1:
                return (node, ports[0])
            port = self._learned.direct(node, seen_from)
            if port is not None and (node, port) not in self._used:
                return (node, port)
        return (node, f"{UNNAMED}{near[0]}/{near[1]}")


def _order(s: Socket) -> tuple[str, str]:
    return (s[0], str(s[1]).rjust(12))
