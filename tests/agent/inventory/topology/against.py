"""An inferred topology held against the truth of a network: which links and places are wrong, and which are missing."""

from __future__ import annotations

from dataclasses import dataclass

from agent.inventory.topology.build import topologies
from agent.model.observation import Observation
from agent.model.topology import End, Topology
from fixtures.networks.around import KEY
from fixtures.networks.switched.bridges import simulate
from fixtures.networks.switched.tables import Numbers, asset_id, assets, told
from fixtures.networks.switched.truth import BRIDGING, Cable, Net

BOXES = frozenset({"switch", "dumb", "ap", "hypervisor", "router"})


@dataclass
class Seen:
    """`refused`: switches whose tables we did not get."""

    net: Net
    topology: Topology
    refused: frozenset[str]
    tableless: frozenset[str] = frozenset()
    """Switches of which something was lost."""

    def __post_init__(self) -> None:
        self.device = {asset_id(d): d for d in self.net.devices}
        self.at = {d: self.net.cables_of(d) for d in self.net.devices}
        ports = simulate(self.net).blocked
        self.closed = {c for d, p in ports for c in self.at[d] if p in c.ports(d)}
        self.hidden: dict[str, set[str]] = {h.id: self._boxes(h.id) for h in self.topology.hidden}

    def _ends(self, node: str) -> list[End]:
        """Ends that face *node*."""
        return [
            k.b if k.a.node == node else k.a
            for k in self.topology.links
            if node in (k.a.node, k.b.node)
        ]

    def _boxes(self, node: str) -> set[str]:
        """Devices a hidden box may be: those that are cabled to all that it is said to be cabled to."""
        fits: set[str] | None = None
        for end in self._ends(node):
            if end.node not in self.device:
                continue
            here = {
                c.other(self.device[end.node])
                for c in self.at[self.device[end.node]]
                if self._is_port(self.device[end.node], end.port, c)
            }
            fits = here if fits is None else fits & here
        return {d for d in fits or () if self.net.devices[d].kind in BOXES}

    def _is_port(self, device: str, port: str, cable: Cable) -> bool:
        d = self.net.devices[device]
        ports = cable.ports(device)
        numbers = Numbers(self.net, d)
        names = {d.port_name(p) for p in ports} | {f"{device} no {p}" for p in ports}
        names |= {str(numbers.lldp(p)) for p in ports}
        if len(ports) > 1:
            n = numbers.lags.index(ports) + 1
            names |= {f"Po{n}", f"Port-channel{n}"}
        return port in ("", *names)

    def cables(self, a: End, b: End) -> list[Cable]:
        """The cables a link may mean."""
        found: list[Cable] = []
        for one in self._devices(a.node):
            for c in self.at[one]:
                other = c.other(one)
                fits = other in self._devices(b.node) and self._is_port(one, a.port, c)
                if fits and self._is_port(other, b.port, c):
                    found.append(c)
        return found

    def _devices(self, node: str) -> set[str]:
        return {self.device[node]} if node in self.device else self.hidden.get(node, set())

    def false_links(self) -> list[str]:
        """Links that are no cable. Through a dumb switch counts as one, if not claimed as sure, where tables lack what would show it."""
        out: list[str] = []
        for k in self.topology.links:
            if self.cables(k.a, k.b) or (self._through_dumb(k.a, k.b) and k.conf <= 900):
                continue
            names = [
                self.device.get(e.node, f"hidden {self.hidden.get(e.node)}") for e in (k.a, k.b)
            ]
            out.append(f"{names[0]} {k.a.port} - {names[1]} {k.b.port} {k.source} {k.conf}")
        return out

    def _through_dumb(self, a: End, b: End) -> bool:
        one, other = self.device.get(a.node), self.device.get(b.node)
        if one is None or other is None:
            return False
        unread = {one, other} & (self.blind() | self.tableless)
        for c in self.at[one]:
            dumb = c.other(one)
            beyond = {x.other(dumb) for x in self.at[dumb]}
            is_dumb = self.net.devices[dumb].kind == "dumb"
            aged = any((s, h) in self.net.aged for s in (one, other) for h in beyond)
            if not is_dumb or not (unread or aged):
                continue
            if self._is_port(one, a.port, c) and other in beyond:
                return True
        return False

    def blind(self) -> frozenset[str]:
        return self.refused | {
            d.id for d in self.net.devices.values() if d.kind != "switch" or not d.account
        }

    def missing_links(self) -> list[Cable]:
        found = {c for k in self.topology.links for c in self.cables(k.a, k.b)}
        boxes = {d.id for d in self.net.devices.values() if d.kind in BOXES}
        return [c for c in self.net.cables if {c.a, c.b} <= boxes and c not in found]

    def false_places(self) -> list[str]:
        of = {d.mac: d.id for d in self.net.devices.values()}
        out: list[str] = []
        for p in self.topology.places:
            device = of[p.mac]
            if not any(
                self._lies(device, box, p.at.port, p.shared) for box in self._devices(p.at.node)
            ):
                at = self.device.get(p.at.node, f"hidden {self.hidden.get(p.at.node)}")
                out.append(f"{device} at {at} {p.at.port} {p.shared} {p.conf}")
        return out

    def _lies(self, device: str, box: str, port: str, shared: bool) -> bool:
        if not port:
            # At it or behind it: without it nothing leads to the switches we know.
            return not self._reach(device, without=box) & self._asked()
        for c in self.at[box]:
            if self._is_port(box, port, c):
                if not shared:
                    return c.other(box) == device
                return box not in self._reach(device, cut=c)
        return False

    def _asked(self) -> set[str]:
        return {d.id for d in self.net.devices.values() if d.kind == "switch"} - self.blind()

    def _reach(self, device: str, without: str = "", cut: Cable | None = None) -> set[str]:
        seen, todo = set[str](), [device]
        while todo:
            here = todo.pop()
            if here in seen or here == without:
                continue
            seen.add(here)
            if here != device and self.net.devices[here].kind not in BRIDGING:
                continue
            todo += [c.other(here) for c in self.at[here] if c is not cut and c not in self.closed]
        return seen

    def unplaced(self) -> set[str]:
        placed = {p.mac for p in self.topology.places}
        return {
            d.id
            for d in self.net.devices.values()
            if d.kind in ("host", "phone", "guest", "wifi")
            and not d.virtual
            and d.mac not in placed
        }


def look(
    net: Net, refused: frozenset[str] = frozenset(), drop: frozenset[str] = frozenset()
) -> Seen:
    """What is inferred where the switches in *refused* let nobody in; without the observations in *drop*."""
    of = told(net, simulate(net), refused)
    kept: list[tuple[str, Observation]] = [
        ("r", o) for some in of.values() for o in some if o.id not in drop
    ]
    tableless = frozenset(d for d, some in of.items() for o in some if o.id in drop)
    found = topologies(kept, assets(net, of), KEY)
    return Seen(net, found[0] if found else Topology(), refused, tableless)
