"""What the report's map page shows of one topology, in one language and edition: the picture, its cards, and its gaps in words."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from markupsafe import Markup

from agent.model.asset import Asset
from agent.model.topology import End, Gap, Place, Topology
from reports.html.texts import inert
from reports.map import draw
from reports.map.boxes import Box, Net, Row, Wire, natural, net, ranges, short_port
from reports.map.place import Spot, spots
from reports.map.route import Picture, routes
from reports.map.tree import forest

if TYPE_CHECKING:
    from reports.html.view import View

MANY = 400
"""Boxes and endpoints above which the tables beneath are unfolded by the script."""
PLACES = 4_000
"""Endpoints listed in the page; more of them are counted, and all are in inventory.json."""
_KINDS = ("cable", "lag", "stack", "wireless", "virtual")


@dataclass(frozen=True)
class Line:
    """One line of a card's table of ports: a wire to another box, or a device plugged in."""

    port: str
    label: str
    what: Markup
    kind: str
    mbps: int
    vlans: tuple[int, ...]
    source: str
    conf: int
    evidence: tuple[str, ...]
    blocked: bool = False


@dataclass(frozen=True)
class Map:
    """One network's map. `number` tells maps of one report apart."""

    view: View
    topology: Topology
    number: int

    @cached_property
    def net(self) -> Net:
        return net(self.topology, self.view.assets)

    @cached_property
    def _laid(self) -> tuple[dict[str, Spot], Picture]:
        linked, loose = forest(self.net)
        at = spots(self.net.boxes, linked, loose)
        return at, routes(self.net.wires, at)

    @property
    def empty(self) -> bool:
        return not self.net.boxes

    @cached_property
    def sites(self) -> list[str]:
        """Its site; where none is told, those of its devices."""
        if self.topology.site:
            return [self.topology.site]
        ids = [b.asset for b in self.net.boxes.values()]
        ids += [self.view.assets.get(p.asset or "") for p in self.net.places]
        return sorted({s for a in ids if a is not None for s in a.sites})

    @property
    def title(self) -> str:
        return ", ".join(inert(s, 60)[0] for s in self.sites[:3])

    @property
    def picture(self) -> Markup:
        at, laid = self._laid
        return draw.drawing(self.net, at, laid, self._told)

    @property
    def sheets(self) -> list[draw.Sheet]:
        at, laid = self._laid
        return draw.sheets(self.net, at, laid, self._told)

    @cached_property
    def _told(self) -> draw.Told:
        v = self.view
        return draw.Told(
            name=self.name,
            about=self.about,
            row=self._row,
            wire=self._wire,
            href=lambda b: f"#{self.card_id(b)}" if v.full else None,
            words=self._words,
            loose=v.t("map_loose"),
            whole=v.t(
                "map_whole", boxes=len(self.net.boxes), links=len(self.net.wires), where=self.title
            ),
            ports=v.full,
        )

    # --- words of the picture ------------------------------------------------------------------------------------------

    def name(self, box: Box) -> str:
        """What people call a box; what it most likely is where it never answered."""
        if box.asset is not None:
            return self.view.called(box.asset)
        if box.hidden is None:
            return self.view.plain(box.id[:8], 120)[0]
        known = self.view.plain(box.hidden.name, 120)[0]
        return known or self.view.t(f"guess_{box.hidden.guess}")

    def about(self, box: Box) -> str:
        v = self.view
        if box.hidden is not None:
            kind = (
                v.t(f"guess_{box.hidden.guess}") if box.hidden.name else v.t("map_never_answered")
            )
            return f"{kind} · {v.percent(box.hidden.conf)}"
        if box.dark:
            return v.t("map_dark")
        known = [r.value for r in box.asset.addrs[:1]] if box.asset is not None and v.full else []
        return " · ".join([*known, v.word("class", box.kind)])

    def _row(self, row: Row) -> str:
        v = self.view
        asset = v.assets.get(row.places[0].asset or "")
        if len(row.places) == 1 and asset is not None:
            return v.called(asset)
        if len(row.places) == 1 and v.full:
            return v.plain(row.places[0].mac, 40)[0]
        kind = v.t("map_several") if row.kind == "several" else v.word("class", row.kind)
        return f"{v.n(len(row.places))} × {kind}"

    def _wire(self, w: Wire) -> str:
        v = self.view
        ends = " – ".join(self._end(e) for e in (w.a, w.b))
        parts = [ends, v.t(f"link_{w.kind}"), self.speed(w.mbps), v.t(f"source_{w.source}")]
        if w.blocked:
            parts.insert(1, v.t("link_blocked"))
        return " · ".join(p for p in parts if p) + f" · {v.percent(w.conf)}"

    def _end(self, end: End) -> str:
        box = self.net.boxes[end.node]
        port = self.view.plain(short_port(end.port), 40)[0] if self.view.full else ""
        return f"{self.name(box)} {port}".strip()

    def _words(self, box: Box) -> str:
        """Words by which a box is found though it does not show them; endpoints are found by the table of places."""
        if not self.view.full or box.asset is None:
            return ""
        return self.view.searched(box.asset)

    def speed(self, mbps: int) -> str:
        """`10 Gbit/s`; empty where it is not known."""
        if mbps <= 0:
            return ""
        if mbps < 1000:
            return f"{self.view.n(mbps)}\u00a0Mbit/s"
        tenths = round(mbps / 100)
        text = self.view.n(tenths // 10) + (f".{tenths % 10}" if tenths % 10 else "")
        return f"{text.replace('.', ',') if self.view.lang == 'fr' else text}\u00a0Gbit/s"

    def vlans(self, vlans: tuple[int, ...]) -> str:
        return ranges(str(v) for v in vlans)

    @property
    def vlan_choices(self) -> list[tuple[int, str]]:
        """VLANs of the map, with the names that switches give them."""
        used = {v for w in self.net.wires for v in w.vlans}
        used |= {v for p in self.net.places for v in p.vlans}
        named = self.topology.vlans
        return [
            (v, f"{v} {inert(named[v], 40)[0]}" if named.get(v) else str(v)) for v in sorted(used)
        ]

    @property
    def legend(self) -> list[tuple[Markup, str]]:
        """A sample of every kind of line that is on the map, with its meaning."""
        t = self.view.t
        out: list[tuple[Markup, str]] = []
        for kind in _KINDS:
            found = [w for w in self.net.wires if w.kind == kind]
            told = {w.told for w in found}
            if "told" in told or (found and kind != "cable"):
                out.append((draw.sample(kind, "told"), t(f"link_{kind}")))
        if any(w.told == "inferred" for w in self.net.wires):
            out.append((draw.sample("cable", "inferred"), t("link_inferred")))
        if any(w.blocked for w in self.net.wires):
            out.append((draw.sample("cable", "told", "blocked"), t("link_blocked")))
        for kind, shown in (("guess", any(b.hidden for b in self.net.boxes.values())),
                            ("dark", any(b.dark for b in self.net.boxes.values()))):  # fmt: skip
            if shown:
                out.append((draw.box_sample(kind), t(f"map_legend_{kind}")))
        return out

    # --- words beneath the picture -------------------------------------------------------------------------------------

    @property
    def gaps(self) -> list[Markup]:
        """What the map does not know, and what would close it."""
        return [self._gap(g) for g in self.topology.gaps]

    def _gap(self, gap: Gap) -> Markup:
        v = self.view
        if gap.node is None:
            return v.f(f"gap_{gap.kind}", n=gap.count)
        box = self.net.boxes.get(gap.node)
        asset = v.assets.get(gap.node)
        known = self.name(box) if box else gap.node[:8]
        who = v.link(gap.node) if asset is not None else v.s(known, 120)
        return v.f(f"gap_{gap.kind}_of", who=who, n=gap.count)

    def card_id(self, box: Box) -> str:
        return f"m{self.number}-{box.id}"

    def card_at(self, place: Place) -> str:
        return self.card_id(self.net.boxes[place.at.node])

    def name_at(self, place: Place) -> str:
        return self.name(self.net.boxes[place.at.node])

    @property
    def many(self) -> bool:
        """So much that it stays text until it is reached."""
        return len(self.net.boxes) + len(self.net.places) > MANY

    def columns(self, lines: list[Line]) -> list[str]:
        """Heads of a card's table: what no line has is left out."""
        has = {
            "port_label": any(x.label for x in lines),
            "link_kind": any(x.kind != "place" for x in lines),
            "speed": any(x.mbps for x in lines),
            "vlans": any(x.vlans for x in lines),
        }
        heads = ("port", "port_label", "plugged_in", "link_kind", "speed", "vlans", "known_from")
        return [h for h in (*heads, "confidence", "evidence") if has.get(h, True)]

    def words(self, asset: Asset) -> str:
        """Words by which a plugged-in device is found on the map though its line does not show them."""
        serial = self.view.value(asset, "serial").striptags()
        return " ".join([*(r.value for r in asset.addrs[:4]), serial]).strip()

    @property
    def cards(self) -> list[Box]:
        """All boxes, by name."""
        return sorted(self.net.boxes.values(), key=lambda b: (natural(self.name(b)), b.id))

    def lines(self, box: Box) -> list[Line]:
        """What is on each port of *box*: the links first, then the devices, both in the order of the ports."""
        links = [self._far(w, box) for w in self._wires_of[box.id]]
        plugged = [self._plugged(p) for r in box.rows for p in r.places]
        return [x for part in (links, plugged) for x in sorted(part, key=lambda x: natural(x.port))]

    @cached_property
    def _wires_of(self) -> Mapping[str, list[Wire]]:
        out: dict[str, list[Wire]] = defaultdict(list)
        for w in self.net.wires:
            for node in {w.a.node, w.b.node}:
                out[node].append(w)
        return out

    def _far(self, w: Wire, box: Box) -> Line:
        near, far = (w.a, w.b) if w.a.node == box.id else (w.b, w.a)
        other = self.net.boxes[far.node]
        what = Markup('<a href="#{}">{}</a>').format(
            self.card_id(other), self.view.s(self.name(other), 120)
        )
        if far.port:
            what += Markup(' <span class="mono">{}</span>').format(self.view.s(far.port, 60))
        return Line(
            port=_port(near),
            label=near.label,
            what=what,
            kind=w.kind,
            mbps=w.mbps,
            vlans=w.vlans,
            source=w.source,
            conf=w.conf,
            evidence=w.evidence,
            blocked=w.blocked,
        )

    def _plugged(self, p: Place) -> Line:
        v = self.view
        asset: Asset | None = v.assets.get(p.asset or "")
        what = v.link(asset.id) if asset is not None else v.s(p.mac, 40)
        if p.shared:
            what += Markup(' <span class="soft">({})</span>').format(v.t("map_shared"))
        return Line(
            port=_port(p.at),
            label=p.at.label,
            what=what,
            kind="place",
            mbps=0,
            vlans=p.vlans,
            source="mac_tables",
            conf=p.conf,
            evidence=p.evidence,
        )

    @cached_property
    def places(self) -> tuple[list[Place], int]:
        """Endpoints as listed, and how many are not: by box and port."""
        boxes = self.net.boxes
        found = sorted(
            self.topology.places,
            key=lambda p: (natural(self.name(boxes[p.at.node])), natural(p.at.port), p.mac),
        )
        return found[:PLACES], max(0, len(found) - PLACES)


def _port(end: End) -> str:
    return f"{end.port} ({', '.join(end.members)})" if end.members else end.port
