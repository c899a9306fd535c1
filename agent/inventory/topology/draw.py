"""From media and MAC tables to what the map shows: links, boxes nobody saw, and every endpoint on the port where it is plugged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from agent.inventory.mac import VIRTUAL_ROUTER, kind_of
from agent.inventory.topology.facing import Around
from agent.inventory.topology.facts import PHONE, WLAN, Box, Port, Spanning
from agent.inventory.topology.joints import BLOCKING, UNNAMED, Attached, Joint, Socket
from agent.inventory.topology.learned import Learned
from agent.inventory.topology.occupants import occupants
from agent.inventory.topology.segments import ENOUGH_BETWEEN, Segment, is_blocking
from agent.inventory.topology.who import Who
from agent.model.asset import Asset
from agent.model.base import hash_id
from agent.model.topology import End, Gap, Guessed, Hidden, Link, LinkSource, Place, Topology

CONF: dict[LinkSource, int] = {
    "both_sides": 1000,
    "one_side": 900,
    "spanning_tree": 850,
    "mac_tables": 600,
    "controller": 900,
}
"""How sure a link is, permille: both ends say so; one does; spanning tree's designated port; MAC tables only."""
UNCHECKED = 900
"""At most, where the MAC tables of both ends cannot show that nothing is between: unmanaged switches hand LLDP on."""
BOX_SEEN, BOX_GUESSED = 700, 500
ALONE, SHARED, BEHIND, SEVERAL = 900, 700, 600, 400
"""How sure a place is: the only device on a port; with a phone; behind a box; seen at several ports, the one with fewest taken."""


class Drawing:
    def __init__(
        self,
        site: str,
        boxes: Mapping[str, Box],
        who: Who,
        learned: Learned,
        attached: Sequence[Attached],
        joints: Iterable[Joint],
        media: Sequence[Segment],
        key: bytes,
    ) -> None:
        self._site, self._boxes, self._who, self._learned = site, boxes, who, learned
        self._key, self._media, self._attached = key, media, attached
        self._around = Around(boxes, learned, joints)
        self._hidden: dict[str, Hidden] = {}
        self._links: list[Link] = []
        self._places: dict[str, Place] = {}
        self._suspects = frozenset(who.suspects())
        self._own = 0
        for node in boxes:
            self._own |= learned.own(node)

    def topology(self, assets: Sequence[Asset]) -> Topology:
        for segment in self._media:
            self._segment(segment)
        self._edges()
        self._announced()
        self._behind_strangers()
        links = tuple(sorted(self._links, key=lambda k: (k.a.node, k.a.port, k.b.node, k.b.port)))
        linked = {e.node for k in links for e in (k.a, k.b)}
        known = {a.id for a in assets}
        nodes = (linked & known) | (self._suspects & known)
        nodes |= {n for n, b in self._boxes.items() if b.bridging}
        for id_, one in self._who.strangers.items():
            if id_ in linked:
                guess: Guessed = "access_point" if WLAN in one.can else "neighbour"
                self._hide(id_, guess, 1000, one.evidence, one.name)
        vlans: dict[int, str] = {}
        for _, box in sorted(self._boxes.items()):
            for vlan, name in box.vlans.items():
                vlans[vlan] = vlans.get(vlan) or name
        return Topology(
            site=self._site,
            nodes=tuple(sorted(nodes)),
            hidden=tuple(self._hidden[h] for h in sorted(self._hidden)),
            links=links,
            places=tuple(self._places[m] for m in sorted(self._places)),
            vlans=dict(sorted(vlans.items())),
            gaps=tuple(self._gaps(assets, nodes, linked)),
        )

    # Links

    def _segment(self, s: Segment) -> None:
        inside = s.inside & ~self._own
        ends = s.by_node()
        if len(ends) == 2 and inside.bit_count() < ENOUGH_BETWEEN:
            one, other = ends.values()
            # Two ports of one of our own switches on one medium: something joins them.
            if self._are_one(one, other) and self._are_one(other, one):
                conf = CONF[s.source] if self._checked(s) else min(CONF[s.source], UNCHECKED)
                self._link(one, other, s.source, s.evidence, conf)
                return
        macs = self._learned.of(inside)
        mute = {n for m in macs if (n := self._who.of_mac(m)) and self._may_be(n)} - set(ends)
        if len(mute) == 1 and len(ends) == 2:
            # A switch that let us not in and announces nothing: it is what lies between.
            node = mute.pop()
            conf = BOX_GUESSED
        else:
            node = hash_id("hidden", self._site, *(f"{n}/{p}" for n, p in s.sockets), key=self._key)
            conf = BOX_SEEN if inside.bit_count() >= ENOUGH_BETWEEN else BOX_GUESSED
            self._hide(node, "unmanaged_switch", conf, s.evidence)
        for sockets in ends.values():
            for socket in sockets:
                self._link((socket,), ((node, ""),), "mac_tables", s.evidence, conf=min(conf, 600))
        self._place_behind(node, macs, s.evidence)

    def _checked(self, s: Segment) -> bool:
        """Could the MAC tables of both ends have shown a box between?"""
        return all(
            isinstance(p, int)
            and not self._boxes[n].cut & {"fdb", "vlan_fdb"}
            and (self._learned.seen.get(n, {}).get(p, 0) or is_blocking(self._boxes[n], p))
            for n, p in s.sockets
            if n in self._boxes
        ) and not self._doubted(s)

    def _doubted(self, s: Segment) -> bool:
        """Is an address on the one port that the other end knows nowhere? Its row there timed out, so it may lie between."""
        told = [(n, p) for n, p in s.sockets if n in self._learned.seen and isinstance(p, int)]
        return bool(s.inside & ~self._own) or any(
            self._learned.unexplained(a, p, b) & ~self._own
            for a, p in told
            for b, _ in told
            if a != b
        )

    def _are_one(self, sockets: tuple[Socket, ...], others: tuple[Socket, ...]) -> bool:
        """One port; or several of a device that told of no LAG, as many as the other end's has."""
        if len(sockets) == 1 or sockets[0][0] not in self._boxes:
            return True
        told = self._told(others[0])
        return len(others) == 1 and told is not None and len(told[0].members) >= len(sockets)

    def _may_be(self, node: str) -> bool:
        """A node that bridges and whose tables we have not."""
        return node in self._suspects and node not in self._learned.seen

    def _link(
        self,
        one: tuple[Socket, ...],
        other: tuple[Socket, ...],
        source: LinkSource,
        evidence: Iterable[str],
        conf: int | None = None,
    ) -> None:
        ends = [self._end(one), self._end(other)]
        a, b = sorted(ends, key=lambda e: (e.node, e.port))
        told = [t for s in (*one, *other) if (t := self._told(s))]
        carried = [vlans for _, vlans, _ in told if vlans]
        lag = any(len(e.members) > 1 for e in ends)
        self._links.append(
            Link(
                a=a,
                b=b,
                kind="lag" if lag else "cable",
                source=source,
                conf=CONF[source] if conf is None else conf,
                mbps=min((port.mbps for port, _, _ in told if port.mbps), default=0),
                vlans=tuple(sorted(set.intersection(*carried))) if carried else (),
                blocked=any(tree is not None and tree.state == BLOCKING for _, _, tree in told),
                evidence=tuple(sorted(evidence)),
            )
        )

    def _told(self, s: Socket) -> tuple[Port, set[int], Spanning | None] | None:
        """What a box of ours says of its port: itself, the VLANs it carries, spanning tree."""
        node, port = s
        box = self._boxes.get(node)
        if box is None or not isinstance(port, int):
            return None
        known = box.ports.get(port) or Port(box.name_of(port))
        return known, box.trunks.get(port, set()), box.spanning.get(port)

    def _end(self, sockets: tuple[Socket, ...]) -> End:
        names = [self._port_name(s) for s in sockets]
        told = self._told(sockets[0])
        members = told[0].members if told else ()
        members = members or (tuple(names) if len(names) > 1 else ())
        label = told[0].label if told else ""
        return End(node=sockets[0][0], port=names[0], label=label, members=members)

    def _port_name(self, s: Socket) -> str:
        node, port = s
        if isinstance(port, int):
            return self._boxes[node].name_of(port)
        return "" if port.startswith(UNNAMED) else port

    def _hide(
        self, id_: str, guess: Guessed, conf: int, evidence: Iterable[str], name: str = ""
    ) -> None:
        self._hidden[id_] = Hidden(
            id=id_, guess=guess, name=name, conf=conf, evidence=tuple(sorted(evidence))
        )

    # Places

    def _place(self, mac: str, at: End, shared: bool, conf: int, evidence: Iterable[str]) -> None:
        owner = self._who.of_mac(mac)
        before = self._places.get(mac)
        if before is not None and before.conf >= conf:
            return
        self._places[mac] = Place(
            asset=owner if owner in self._who.class_of else None,
            mac=mac,
            at=at,
            vlans=self._vlans_of(mac, at),
            shared=shared,
            conf=conf,
            evidence=tuple(sorted(evidence)),
        )

    def _vlans_of(self, mac: str, at: End) -> tuple[int, ...]:
        box = self._boxes.get(at.node)
        seen = [box] if box and mac in box.fdb else list(self._boxes.values())
        return tuple(
            sorted({v for b in seen for vlans in b.fdb.get(mac, {}).values() for v in vlans if v})
        )

    def _place_behind(
        self, node: str, macs: Iterable[str], evidence: Iterable[str], at: End | None = None
    ) -> None:
        for mac in macs:
            owner = self._who.of_mac(mac)
            if owner == node or (owner and self._who.forwards(owner)):
                continue
            seen = {b.seen_in[mac] for b in self._boxes.values() if mac in b.seen_in}
            self._place(mac, at or End(node=node), True, BEHIND, {*evidence, *sorted(seen)[:2]})

    def _announced(self) -> None:
        """Endpoints that say by LLDP or CDP where they are. A dumb switch hands that on: with others there, the word is not enough."""
        at_port: dict[Socket, set[str]] = defaultdict(set)
        for a in self._attached:
            at_port[a.at].add(a.node)
        inner = {s for m in self._media for s in m.sockets}
        for a in self._attached:
            node, port = a.at
            end = self._end((a.at,))
            macs = self._who.macs_of.get(a.node, set())
            seen = self._learned.seen.get(node, {}).get(port, 0) if isinstance(port, int) else 0
            alone = len(at_port[a.at]) == 1 and a.at not in inner
            for mac in sorted(macs):
                before = self._places.get(mac)
                if before is not None and before.at == end and not before.shared:
                    self._place(mac, end, False, 1000, {*before.evidence, a.heard.evidence})
                elif before is None and alone and len(macs) == 1 and not seen:
                    self._place(mac, end, False, 1000, {a.heard.evidence})

    def _edges(self) -> None:
        """Ports on which nothing is but endpoints."""
        inner = {s for m in self._media for s in m.sockets}
        bridges = sorted(self._learned.seen)
        edge: dict[Socket, int] = {}
        for node in bridges:
            up = {self._around.port(node, c) for c in bridges if c != node}
            for port, bits in self._learned.seen[node].items():
                if (node, port) not in inner and port not in up and bits:
                    edge[node, port] = bits & ~self._learned.own(node)
        at: dict[str, list[Socket]] = defaultdict(list)
        for socket, bits in edge.items():
            for mac in self._learned.of(bits):
                at[mac].append(socket)
        here: dict[Socket, list[str]] = defaultdict(list)
        doubtful: set[str] = set()
        for mac, sockets in at.items():
            if len(sockets) > 1:
                sizes = sorted((edge[s].bit_count(), s[0], str(s[1]), s) for s in sockets)
                if sizes[0][0] == sizes[1][0]:
                    continue
                sockets = [sizes[0][3]]
                doubtful.add(mac)
            here[sockets[0]].append(mac)
        for socket, macs in sorted(here.items(), key=lambda h: (h[0][0], str(h[0][1]))):
            self._edge(socket, macs, doubtful)

    def _edge(self, socket: Socket, macs: list[str], doubtful: set[str]) -> None:
        said = frozenset(
            x
            for a in self._attached
            if a.at == socket and PHONE in a.heard.can
            for x in (a.node, *self._who.macs_of.get(a.node, ()))
        )
        box = self._boxes[socket[0]]
        found = occupants(macs, self._who, said)
        at = self._end((socket,))
        proof = {box.seen_in[m] for m in macs}
        if self._may_lead_on(socket, macs):
            for mac in macs:
                self._place(mac, at, True, SEVERAL, {box.seen_in[mac]})
            return
        for node, mac in found.links:
            self._link((socket,), (self._card(node, mac),), "mac_tables", proof)
        for mac, shared in found.here:
            conf = SEVERAL if mac in doubtful else SHARED if shared else ALONE
            self._place(mac, at, shared, conf, {box.seen_in[mac]})
        if found.guess:
            id_ = hash_id("hidden", self._site, f"{socket[0]}/{socket[1]}", key=self._key)
            self._hide(id_, found.guess, BOX_GUESSED, proof)
            self._link((socket,), ((id_, ""),), "mac_tables", proof, conf=BOX_GUESSED)
            for node, mac in found.box_links:
                self._link(((id_, ""),), (self._card(node, mac),), "mac_tables", proof, BOX_GUESSED)
            self._place_behind(id_, found.box_macs, ())
        for node, some in found.behind.items():
            # An unmanaged switch may stand in front of a switch: behind our port is all that is sure.
            self._place_behind(
                node, some, (), at if self._who.class_of.get(node) == "switch" else None
            )

    def _may_lead_on(self, socket: Socket, macs: Iterable[str]) -> bool:
        """May a switch that is not the only node at this port stand there, unseen? Then all that is sure is: behind the port."""
        node, port = socket
        at_port = {n for m in macs if (n := self._who.of_mac(m)) and self._who.forwards(n)}
        alone = at_port if len(at_port) == 1 else set[str]()
        switches = {n for n in self._suspects if self._who.class_of.get(n) == "switch"}
        others = (set(self._learned.seen) | switches) - {node} - alone
        return any(self._around.port(node, c) in (None, port) for c in others)

    def _card(self, node: str, mac: str) -> Socket:
        """The port of a node that has this MAC."""
        box = self._boxes.get(node)
        ports = [i for i, p in box.ports.items() if p.mac == mac] if box else []
        if box and len(ports) == 1:
            return (node, box.into.get(ports[0], ports[0]))
        return (node, "")

    def _behind_strangers(self) -> None:
        """What our switches see behind one whose tables we have not, and none of them anywhere else."""
        toward: dict[str, set[Socket]] = defaultdict(set)
        proof: dict[str, set[str]] = defaultdict(set)
        for m in self._media:
            told = [s for s in m.sockets if s[0] in self._learned.seen]
            mute = [n for n in m.nodes if n not in self._learned.seen]
            if len(mute) == 1 and len(m.nodes) == 2:
                toward[mute[0]].update(told)
                proof[mute[0]] |= m.evidence
        for node, sockets in sorted(toward.items()):
            bits = self._all_behind(sockets)
            macs = [m for m in self._learned.of(bits & ~self._own) if m not in self._places]
            if self._who.class_of.get(node) in ("access_point", "hypervisor"):
                self._place_behind(node, macs, proof[node])
            elif node in self._suspects:
                # An unmanaged switch may stand in front of it: behind our port is all that is sure.
                at = self._end((min(sockets, key=lambda s: (s[0], str(s[1]))),))
                self._place_behind(node, macs, proof[node], at)

    def _all_behind(self, sockets: set[Socket]) -> int:
        """MACs that every bridge which looks at this node sees in its direction."""
        bits = -1
        here = {n for n, _ in sockets}
        for node, port in sockets:
            if not isinstance(port, int):
                return 0
            bits &= self._learned.seen[node].get(port, 0)
            for c in self._learned.seen:
                if c in here or self._around.port(node, c) != port:
                    continue
                back = self._around.port(c, node)
                bits &= self._learned.seen[c].get(back, 0) if isinstance(back, int) else 0
        return max(bits, 0)

    # Gaps

    def _gaps(self, assets: Sequence[Asset], nodes: set[str], linked: set[str]) -> Iterable[Gap]:
        bridges = self._suspects & (nodes | linked)
        for node in sorted(bridges):
            box = self._boxes.get(node)
            if box is None or not box.bridging:
                yield Gap(kind="no_account", node=node)
            elif node not in linked and len(bridges) > 1:
                yield Gap(kind="no_neighbours", node=node)
        for node, box in sorted(self._boxes.items()):
            if box.cut and box.bridging:
                yield Gap(kind="partial_table", node=node, count=len(box.cut))
        ns = f"site/{self._site}"
        placed = {p.asset for p in self._places.values()}
        lost = [
            a
            for a in assets
            if a.id not in placed
            and a.id not in linked | nodes
            and a.presence in ("live", "known_unseen")
            and any(
                p.mac and p.mac.ns == ns and kind_of(p.mac.value) not in VIRTUAL_ROUTER
                for p in a.ports
            )
        ]
        if lost:
            yield Gap(kind="unplaced", node=None, count=len(lost))
