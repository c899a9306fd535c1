"""`World`: the inventory with its observations at hand, as the risk rules read it: one `Point` for each open service.

Newest wins: of several certificates or pages of one port the last one seen counts. A service that a later look no longer found is not
`open` in the inventory, and not judged any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from agent.inventory.mac import kind_of
from agent.judgement.answers import address_of, port_of
from agent.judgement.looked import Looked
from agent.material import Material
from agent.model.asset import Asset
from agent.model.bodies import KINDS, Banner, Body, HttpPage, TlsCertificate
from agent.model.bodies_services import ServiceBody
from agent.model.inspection import Inspection
from agent.model.inventory import Inventory
from agent.model.judged import SiteFacts
from agent.model.observation import Observation
from agent.model.ref import Ref
from agent.model.service import Service

B = TypeVar("B", bound=Body)
_TOLD = tuple(sorted(k for k, c in KINDS.items() if issubclass(c, ServiceBody)))


@dataclass(frozen=True)
class Point:
    """An open service of an asset with what was seen there; each observation is the newest of its kind."""

    asset: Asset
    service: Service
    site: str
    ip: str
    banner: Observation | None
    page: Observation | None
    certificate: Observation | None
    told: Mapping[str, Observation] = field(default_factory=dict[str, Observation])
    """What the service says of itself, by kind."""

    @property
    def evidence(self) -> tuple[str, ...]:
        return self.service.evidence


class World:
    def __init__(self, material: Material, inventory: Inventory, looked: Looked) -> None:
        self.material = material
        self.inventory = inventory
        self.looked = looked
        self.now = material.now
        self.assets: dict[str, Asset] = {a.id: a for a in inventory.assets}
        self.observations: dict[str, Observation] = {}
        self._at: dict[tuple[str, int, str], list[Observation]] = defaultdict(list)
        for _, o in material.observations:
            old = self.observations.get(o.id)
            if old is None or o.at > old.at:
                self.observations[o.id] = o
            where, port = address_of(o.subject), port_of(o)
            if where is not None and port is not None:
                self._at[where, port, o.body.kind].append(o)

    @cached_property
    def sites(self) -> dict[str, SiteFacts]:
        return {s.id: s for s in self.material.engagement.sites}

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """Every open TCP service, in a fixed order: rules name TCP ports. Of an asset that did not answer any more, as it was seen last."""
        out: list[Point] = []
        for s in sorted(self.inventory.services, key=lambda s: (str(s.at), s.asset)):
            asset = self.assets.get(s.asset)
            where = address_of(s.at)
            if asset is None or where is None or s.state != "open":
                continue
            if s.transport != "tcp":
                continue
            out.append(
                Point(
                    asset=asset,
                    service=s,
                    site=s.at.ns.removeprefix("site/"),
                    ip=where.rsplit(f"{s.at.ns}:", 1)[1],
                    banner=self._newest(where, s.port, Banner.KIND),
                    page=self._newest(where, s.port, HttpPage.KIND),
                    certificate=self._newest(where, s.port, TlsCertificate.KIND),
                    told={k: o for k in _TOLD if (o := self._newest(where, s.port, k))},
                )
            )
        return tuple(out)

    @cached_property
    def inspections(self) -> dict[str, Inspection]:
        """Asset id -> how far it was looked into."""
        return {i.asset: i for i in self.inventory.inspections}

    @cached_property
    def _told(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(asset, question) -> statuses of the newest document of the machine that answered it."""
        asks: dict[str, tuple[str, frozenset[str]]] = {}
        for _, s in self.material.statuses:
            if s.outcome == "done":
                kinds = frozenset(a.kind for a in s.asks if a.strength == "strong")
                asks[s.unit] = (s.key, kinds)
        out: dict[tuple[str, str], tuple[str, ...]] = {}
        for one in self.inventory.inspections:
            if one.channel != "endpoint" or one.elevated is not True:
                continue
            for o in (self.observations[e] for e in one.evidence if e in self.observations):
                key, kinds = asks.get(o.unit, ("", frozenset[str]()))
                for kind in kinds:
                    out[one.asset, kind] = (key,)
        return out | self._listed

    @cached_property
    def _listed(self) -> dict[tuple[str, str], tuple[str, ...]]:
        """(asset, `console.KIND`) -> the import whose list has that machine, and has heard of it; only consoles that stay."""
        keys = {s.unit: s.key for _, s in self.material.statuses if s.outcome == "done"}
        lists = {c.id: c for c in self.inventory.consoles}
        out: dict[tuple[str, str], tuple[str, ...]] = {}
        for covered in self.inventory.console_coverage:
            for entry in (e for c in covered.lists for e in lists[c].entries):
                key = keys.get(self.observations[entry.evidence[0]].unit, "")
                if key and len(entry.assets) == 1 and not entry.quiet and entry.seen:
                    out[entry.assets[0], f"console.{covered.kind}"] = (key,)
        return out

    def told(self, kind: str, assets: Iterable[str]) -> tuple[str, ...]:
        """Statuses by which every one of *assets* answered *kind* itself, from the inside; empty where one did not."""
        keys: dict[str, None] = {}
        if self.looked.damaged:
            return ()
        for asset in assets:
            mine = self._told.get((asset, kind), ())
            if not mine:
                return ()
            keys.update(dict.fromkeys(mine))
        return tuple(keys)

    @cached_property
    def _seen_at(self) -> dict[str, list[str]]:
        out: dict[str, list[str]] = defaultdict(list)
        for o in self.observations.values():
            out[str(o.subject)].append(o.id)
        return out

    def seen_at(self, address: Ref) -> list[str]:
        """Ids of the observations about *address*."""
        return self._seen_at.get(str(address), [])

    @cached_property
    def ports(self) -> dict[str, frozenset[int]]:
        """Asset id -> its open ports."""
        found: dict[str, set[int]] = defaultdict(set)
        for p in self.points:
            found[p.asset.id].add(p.service.port)
        return {k: frozenset(v) for k, v in found.items()}

    def label(self, asset: str) -> str:
        return self.inventory.labels.get(asset, "")

    def _newest(self, where: str, port: int, kind: str) -> Observation | None:
        return max(self._at.get((where, port, kind), ()), key=lambda o: (o.at, o.id), default=None)


def body(observation: Observation | None, kind: type[B]) -> B | None:
    """Body of *observation* when it is of *kind*."""
    return observation.body if observation and isinstance(observation.body, kind) else None


def class_of(asset: Asset) -> str:
    """Class of *asset*; `unknown` also where sources contradict each other."""
    known = asset.device_class
    return known.value if known.state == "known" and known.value else "unknown"


def unconfirmed(asset: Asset, world: World) -> bool:
    """Seen by us before, and at no address of it in the newest run that was to ask: what was proved of it then need not hold now.

    A run that failed to ask is no better than one that met silence.
    """
    if asset.presence not in ("live", "unseen"):
        return False
    return not any(world.looked.present(a) for a in asset.addrs)


def asset_ref(asset: str) -> Ref:
    """How findings and checklist lines name an asset."""
    return Ref(kind="asset", ns="", value=asset)


def personal(asset: Asset) -> bool:
    """A telephone or tablet that hides behind a random MAC address: counted, not chased (IEEE 802c-2017, U/L bit)."""
    macs = [p.mac.value for p in asset.ports if p.mac is not None]
    # QEMU and Docker number their cards in the local range too, and are no telephones.
    local = [m for m in macs if kind_of(m) == "local" and not m.startswith(("52:54:00:", "02:42:"))]
    return bool(macs) and len(local) == len(macs) and class_of(asset) in _PERSONAL


_PERSONAL = frozenset({"unknown", "mobile", "tablet"})
