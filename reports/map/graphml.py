"""The network as GraphML (graphml.graphdrawing.org, 1.0), for yEd, Gephi and graph programs: every box, every device, every link.

Plain attributes for all readers; for yEd also its own label and place of each box (yWorks, "yFiles GraphML format", NodeGraphics).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from xml.etree import ElementTree as ET

from agent.model.asset import Asset
from agent.model.judged import Judged
from agent.model.topology import End, Place
from reports.html.texts import Lang, inert, text
from reports.map.boxes import Box, Net, Wire, net
from reports.map.place import WIDTH, Spot, height, spots
from reports.map.route import routes
from reports.map.tree import forest

GRAPHML = "http://graphml.graphdrawing.org/xmlns"
YED = "http://www.yworks.com/xml/graphml"
_NODE = {
    "label": "string", "class": "string", "addresses": "string", "macs": "string",
    "serial": "string", "vendor": "string", "model": "string", "site": "string",
    "seen": "boolean", "account": "boolean", "confidence": "int",
}  # fmt: skip
_EDGE = {
    "kind": "string", "port_a": "string", "port_b": "string", "label_a": "string",
    "label_b": "string", "mbps": "int", "vlans": "string", "blocked": "boolean",
    "source": "string", "confidence": "int",
}  # fmt: skip
# XML 1.0 knows no other characters, not even escaped; `inert` shows most of them, this catches the rest.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def graphml(judged: Judged, lang: Lang) -> ET.ElementTree[ET.Element]:
    """All networks of *judged* as one undirected graph. Attribute names are in English, as programs read them; labels are in *lang*."""
    ET.register_namespace("", GRAPHML)
    ET.register_namespace("y", YED)
    root = ET.Element(f"{{{GRAPHML}}}graphml")
    for scope, keys in (("node", _NODE), ("edge", _EDGE)):
        for name, kind in keys.items():
            key = {"id": f"{scope[0]}_{name}", "for": scope, "attr.name": name, "attr.type": kind}
            ET.SubElement(root, f"{{{GRAPHML}}}key", key)
    ET.SubElement(
        root, f"{{{GRAPHML}}}key", {"id": "y", "for": "node", "yfiles.type": "nodegraphics"}
    )
    graph = ET.SubElement(root, f"{{{GRAPHML}}}graph", id="network", edgedefault="undirected")
    _Writer(judged, lang, graph).write()
    return ET.ElementTree(root)


class _Writer:
    def __init__(self, judged: Judged, lang: Lang, graph: ET.Element) -> None:
        self.judged = judged
        self.lang: Lang = lang
        self.graph = graph
        self.assets: Mapping[str, Asset] = {a.id: a for a in judged.assets}
        self.written: set[str] = set()
        self.edges = 0

    def write(self) -> None:
        below = 0.0
        drawn = [net(t, self.assets) for t in self.judged.topologies]
        for one in drawn:
            below = self._boxes(one, below)
        # Some readers want every node before the first edge.
        for one in drawn:
            for box in one.boxes.values():
                for row in box.rows:
                    for p in row.places:
                        self._device(p)
        for one in drawn:
            for w in one.wires:
                self._wire(w)
            for box in one.boxes.values():
                for row in box.rows:
                    for p in row.places:
                        self._plugged(p)

    def _boxes(self, one: Net, below: float) -> float:
        linked, loose = forest(one)
        at: dict[str, Spot] = spots(one.boxes, linked, loose)
        picture = routes(one.wires, at)
        for box in one.boxes.values():
            spot = at[box.id]
            self._box(box, picture.lefts[spot.column], below + spot.y)
        return below + picture.height + 80

    def _box(self, box: Box, x: float, y: float) -> None:
        told: dict[str, object] = self._told(box.asset)
        if box.hidden is not None:
            guess = text(self.lang, f"guess_{box.hidden.guess}")
            told = {"label": box.hidden.name or guess, "class": box.hidden.guess}
            told["confidence"] = box.hidden.conf
        told["seen"] = box.asset is not None and box.asset.presence == "live"
        told["account"] = not box.dark and box.hidden is None
        node = self._node(box.id, {"label": box.id[:8], "class": box.kind, **told})
        if node is not None:
            self._graphics(node, str(told.get("label", "")), x, y, height(box))

    def _device(self, p: Place) -> None:
        told = self._told(self.assets.get(p.asset or ""))
        self._node(p.asset or f"mac-{p.mac}", {"label": p.mac, "macs": p.mac, **told})

    def _told(self, asset: Asset | None) -> dict[str, object]:
        if asset is None:
            return {}
        attrs = {
            k: v.value
            for k in ("serial", "vendor", "model")
            if (v := asset.attrs.get(k)) is not None and v.state == "known"
        }
        return {
            "label": self.judged.labels.get(asset.id, asset.id[:8]),
            "class": asset.device_class.value or "unknown",
            "addresses": " ".join(r.value for r in asset.addrs),
            "macs": " ".join(p.mac.value for p in asset.ports if p.mac),
            "site": " ".join(asset.sites),
            "seen": asset.presence == "live",
            **attrs,
        }

    def _node(self, id_: str, told: Mapping[str, object]) -> ET.Element | None:
        if id_ in self.written:
            return None
        self.written.add(id_)
        node = ET.SubElement(self.graph, f"{{{GRAPHML}}}node", id=_text(id_))
        _data(node, "n", told)
        return node

    def _graphics(self, node: ET.Element, label: str, x: float, y: float, tall: float) -> None:
        shape = ET.SubElement(
            ET.SubElement(node, f"{{{GRAPHML}}}data", key="y"), f"{{{YED}}}ShapeNode"
        )
        place = {"x": f"{x:.0f}", "y": f"{y:.0f}", "width": f"{WIDTH}", "height": f"{tall:.0f}"}
        ET.SubElement(shape, f"{{{YED}}}Geometry", place)
        ET.SubElement(shape, f"{{{YED}}}NodeLabel").text = _text(label)

    def _wire(self, w: Wire) -> None:
        told = {
            "kind": w.kind,
            "mbps": w.mbps or "",
            "vlans": " ".join(map(str, w.vlans)),
            "blocked": w.blocked,
            "source": w.source,
            "confidence": w.conf,
        }
        self._edge(w.a.node, w.b.node, {**told, **_ends(w.a, w.b)})

    def _plugged(self, p: Place) -> None:
        told: dict[str, object] = {"kind": "place", "source": "mac_tables", "confidence": p.conf}
        told["vlans"] = " ".join(map(str, p.vlans))
        self._edge(p.at.node, p.asset or f"mac-{p.mac}", {**told, **_ends(p.at, None)})

    def _edge(self, a: str, b: str, told: Mapping[str, object]) -> None:
        edge = ET.SubElement(
            self.graph,
            f"{{{GRAPHML}}}edge",
            {"id": f"e{self.edges}", "source": _text(a), "target": _text(b)},
        )
        self.edges += 1
        _data(edge, "e", told)


def _ends(a: End, b: End | None) -> dict[str, object]:
    out: dict[str, object] = {"port_a": a.port, "label_a": a.label}
    return {**out, "port_b": b.port, "label_b": b.label} if b else out


def _data(at: ET.Element, prefix: str, told: Mapping[str, object]) -> None:
    for name, value in told.items():
        if value != "":
            data = ET.SubElement(at, f"{{{GRAPHML}}}data", key=f"{prefix}_{name}")
            data.text = str(value).lower() if isinstance(value, bool) else _text(value)


def _text(value: object) -> str:
    return _NOT_XML.sub("\ufffd", inert(value, 300)[0])
