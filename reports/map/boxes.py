"""A `Topology` as boxes and wires to draw: endpoints folded into the box of the switch they are plugged into. Pure, deterministic.

A box is a switch, a router, a hidden box or an endpoint that deserves its own (a gateway, a hypervisor). Everything else is a row of the
box it hangs on: one device a row where there are few of a class, one row a class where there are many. Nothing is left out.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from agent.model.asset import DEVICE_CLASSES, Asset
from agent.model.topology import End, Hidden, Link, LinkKind, Place, Topology

Told = Literal["told", "inferred"]
OWN_BOX = frozenset({"gateway", "router", "firewall", "wireless_controller", "hypervisor"})
"""Classes that get a box of their own though they forward no frames that we know of."""
ALONE = 2
"""Devices of one class on one box that still get a row each."""
ROWS = 8
"""Rows of one box; where singles need more, they are folded too."""
_TOLD = frozenset({"both_sides", "one_side", "controller"})
_RANK = {name: n for n, name in enumerate(DEVICE_CLASSES)}
_SHORT = (
    (re.compile(r"^Gig(?:abit)?E(?:thernet)?(?=\d)", re.I), "Gi"),
    (re.compile(r"^TwentyFive-?Gig(?:abit)?E(?:thernet)?(?=\d)", re.I), "Twe"),
    (re.compile(r"^Forty-?Gig(?:abit)?E(?:thernet)?(?=\d)", re.I), "Fo"),
    (re.compile(r"^Hundred-?Gig(?:abit)?E(?:thernet)?(?=\d)", re.I), "Hu"),
    (re.compile(r"^Ten-?Gig(?:abit)?E(?:thernet)?(?=\d)", re.I), "Te"),
    (re.compile(r"^Fast-?Ethernet(?=\d)", re.I), "Fa"),
    (re.compile(r"^Port-?channel(?=\d)", re.I), "Po"),
    (re.compile(r"^Bridge-Aggregation(?=\d)", re.I), "BAGG"),
    (re.compile(r"^Ethernet(?=\d)", re.I), "Eth"),
)
_TAIL = re.compile(r"^(.*?)(\d+)$", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """One line in a box: `places` are the endpoints it stands for, all of class `kind`."""

    kind: str
    places: tuple[Place, ...]

    @property
    def vlans(self) -> frozenset[int]:
        return frozenset(v for p in self.places for v in p.vlans)

    @property
    def ports(self) -> str:
        """Their ports, runs of numbers joined: `Gi1/0/1-24`."""
        return ranges(short_port(p.at.port) for p in self.places if p.at.port)


@dataclass(frozen=True)
class Box:
    """One box. `id`: that of the asset or of the hidden box; `dark`: it gave us no account; `place`: why an endpoint has a box."""

    id: str
    kind: str
    asset: Asset | None
    hidden: Hidden | None
    rows: tuple[Row, ...]
    dark: bool


@dataclass(frozen=True)
class Wire:
    """A line between two boxes. `evidence`: observations that tell of it."""

    a: End
    b: End
    kind: LinkKind
    source: str
    conf: int
    mbps: int
    vlans: tuple[int, ...]
    blocked: bool
    evidence: tuple[str, ...]

    @property
    def told(self) -> Told:
        """Did a device name its neighbour, or do we conclude it?"""
        return "told" if self.source in _TOLD else "inferred"


@dataclass(frozen=True)
class Net:
    """What one map shows, in a fixed order."""

    boxes: Mapping[str, Box]
    wires: tuple[Wire, ...]
    places: tuple[Place, ...]


def net(topology: Topology, assets: Mapping[str, Asset]) -> Net:
    """The boxes and wires of *topology*. An id that no asset and no hidden box has is drawn all the same, as unknown."""
    hidden = {h.id: h for h in topology.hidden}
    own = {
        p.asset
        for p in topology.places
        if p.asset is not None and p.asset != p.at.node and _class(assets, p.asset) in OWN_BOX
    }
    ends = {e.node for link in topology.links for e in (link.a, link.b)}
    ids = {*topology.nodes, *hidden, *ends, *(p.at.node for p in topology.places), *own}
    held: dict[str, list[Place]] = defaultdict(list)
    wires = [_wire(link) for link in topology.links]
    joined = {(w.a.node, w.b.node) for w in wires} | {(w.b.node, w.a.node) for w in wires}
    for p in sorted(topology.places, key=lambda p: (natural(p.at.port), p.mac, p.asset or "")):
        if p.asset not in ids:
            held[p.at.node].append(p)
        elif p.asset in own and p.asset is not None and (p.asset, p.at.node) not in joined:
            wires.append(_plugged(p, p.asset))
    dark = {g.node for g in topology.gaps if g.kind == "no_account" and g.node is not None}
    boxes = {
        i: Box(
            id=i,
            kind=hidden[i].guess if i in hidden else _class(assets, i),
            asset=assets.get(i),
            hidden=hidden.get(i),
            rows=fold(held.get(i, []), assets),
            dark=i in dark,
        )
        for i in sorted(ids)
    }
    wires.sort(key=_wire_key)
    return Net(boxes, tuple(wires), topology.places)


def fold(places: Iterable[Place], assets: Mapping[str, Asset]) -> tuple[Row, ...]:
    """Rows for the endpoints of one box: singles where a class has few, else one row a class, the rarest classes first."""
    by: dict[str, list[Place]] = defaultdict(list)
    for p in places:
        by[_class(assets, p.asset)].append(p)
    classes = sorted(by, key=lambda c: (len(by[c]), _RANK.get(c, 99), c))
    rows = [
        Row(c, part)
        for c in classes
        for part in ([(p,) for p in by[c]] if len(by[c]) <= ALONE else [tuple(by[c])])
    ]
    if len(rows) > ROWS:
        rows = [Row(c, tuple(by[c])) for c in classes]
    if len(rows) > ROWS:
        mixed = tuple(p for c in classes[: len(classes) - ROWS + 1] for p in by[c])
        rows = [Row("several", mixed), *rows[len(classes) - ROWS + 1 :]]
    return tuple(rows)


def short_port(name: str) -> str:
    """The name of an interface as people write it: `GigabitEthernet1/0/24` is `Gi1/0/24`."""
    for pattern, short in _SHORT:
        if pattern.match(name):
            return pattern.sub(short, name, count=1)
    return name


def ranges(names: Iterable[str]) -> str:
    """Names in natural order, runs that differ in their last number by one joined; at most three parts, then how many more."""
    parts: list[tuple[str, int, int] | tuple[str, None, None]] = []
    for name in sorted(set(names), key=natural):
        found = _TAIL.match(name)
        # A number of a thousand digits is no port.
        if found is None or len(found[2]) > 6:
            parts.append((name, None, None))
            continue
        number, last = int(found[2]), parts[-1] if parts else None
        if (
            last is not None
            and last[2] is not None
            and last[0] == found[1]
            and last[2] + 1 == number
        ):
            parts[-1] = (last[0], last[1], number)
        else:
            parts.append((found[1], number, number))
    shown: list[str] = []
    before = ""
    for head, first, end in parts:
        # Gi1/0/1, 4, 7: what is the same is said once.
        said = "" if first is not None and head == before else head
        shown.append(said if first is None else f"{said}{first}{'' if first == end else f'-{end}'}")
        before = head if first is not None else ""
    return ", ".join(shown[:3]) + (f" +{len(shown) - 3}" if len(shown) > 3 else "")


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts port 9 before port 10."""
    return tuple(
        (0, int(part), "") if part.isascii() and part.isdigit() and len(part) < 10 else (1, 0, part)
        for part in re.split(r"(\d+)", text[:200])
        if part
    )


def _class(assets: Mapping[str, Asset], id_: str | None) -> str:
    asset = assets.get(id_ or "")
    return (asset.device_class.value if asset else None) or "unknown"


def _wire(link: Link) -> Wire:
    return Wire(
        a=link.a,
        b=link.b,
        kind=link.kind,
        source=link.source,
        conf=link.conf,
        mbps=link.mbps,
        vlans=link.vlans,
        blocked=link.blocked,
        evidence=link.evidence,
    )


def _wire_key(w: Wire) -> tuple[object, ...]:
    ports = (natural(w.a.port), natural(w.b.port))
    return (w.a.node, w.b.node, *ports, w.kind, w.source, w.blocked, w.conf, w.evidence)


def _plugged(place: Place, asset: str) -> Wire:
    """An endpoint with a box of its own hangs on a wire, known from MAC tables."""
    return Wire(
        a=place.at,
        b=End(node=asset),
        kind="cable",
        source="mac_tables",
        conf=place.conf,
        mbps=0,
        vlans=place.vlans,
        blocked=False,
        evidence=place.evidence,
    )
