"""Observations -> inventory, for every judgement and report: which devices there are, what is known of each, and from whom.

Pure and deterministic: the order in which observations arrived never matters.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from ipaddress import ip_address

from agent.inventory.attributes import SHEET, Claim, Disagreement, Values, settle
from agent.inventory.claims import Claimed, claimed, match
from agent.inventory.classify import read, told
from agent.inventory.consoles import consoles, coverage
from agent.inventory.directory.accounts import accounts
from agent.inventory.directory.overview import overview
from agent.inventory.endpoint import Endpoint
from agent.inventory.history import History, history
from agent.inventory.identity import Identity, resolve
from agent.inventory.inspections import inspections, local_admins
from agent.inventory.mac import is_virtual
from agent.inventory.naming import label_of, names, title
from agent.inventory.nps.servers import grants, servers
from agent.inventory.placeholder import is_icon, is_placeholder
from agent.inventory.presence import Whereabouts
from agent.inventory.protection.conflicts import conflicts
from agent.inventory.protection.gather import gather as protection
from agent.inventory.references import Held, Ids, references
from agent.inventory.server import runs_server
from agent.inventory.services import services
from agent.inventory.software.gather import gather
from agent.inventory.spans import endpoints
from agent.inventory.topology.build import topologies
from agent.inventory.udp_services import udp_services
from agent.inventory.weigh import decide
from agent.material import Material
from agent.model.asset import Asset, Port
from agent.model.bodies_directory import DirectoryTable
from agent.model.inventory import Inventory
from agent.model.judged import Conflict
from agent.model.known import Known, Why
from agent.model.ref import Ref
from agent.model.service import Service

CLAIM_CONF = 500
"""Permille for a class that only a person's sheet names."""
_FIELDS = {"vendor", "model", "os", "serial", "location", "firmware", "owner", "note"}


def build(material: Material) -> Inventory:
    """The inventory of the whole engagement, judged over all runs and imports in *material*."""
    with _no_cycle_search():
        return _build(material)


@contextmanager
def _no_cycle_search() -> Generator[None]:
    """Everything allocated here is kept, so looking for garbage cycles meanwhile only doubles the time (measured at 5,000 assets)."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _build(material: Material) -> Inventory:
    spans = endpoints(material.observations)
    identity = resolve(spans, material.engagement.sites)
    lines = match(claimed(material), spans, identity.groups)
    builder = _Builder(material, identity, history(material))
    for g, members in enumerate(identity.groups):
        builder.seen(g, members, lines.seen.get(g, []))
    for things in lines.only:
        builder.only_claimed(things)
    found = builder.inventory()
    maps = topologies(material.observations, found.assets, material.key)
    left = gather(material.observations, found.assets, material.providers, material.key)
    looked = inspections(material.observations, found.assets, left)
    admins = local_admins(material.observations, found.assets)
    shields = protection(material.observations, found.assets, material.providers, material.key)
    parts = {"topologies": maps, "software": left, "inspections": looked, "local_admins": admins}
    parts |= {"protection": shields, "clashes": conflicts(shields, left, runs_server(found.assets))}
    lists = consoles(material.observations, found.assets, material.providers)
    parts |= {"consoles": lists, "console_coverage": coverage(lists, found.assets)}
    said = [o for _, o in material.observations if isinstance(o.body, DirectoryTable)]
    policed = servers(material.observations, said, found.assets, material.providers)
    parts |= {"nps": policed, "accounts": accounts(material, grants(policed))}
    parts |= {"directory": overview(said, material.providers)}
    return found.model_copy(update=parts)


class _Builder:
    """Collects assets, services, conflicts and labels."""

    def __init__(self, material: Material, identity: Identity, past: History) -> None:
        self._identity, self._history, self._material = identity, past, material
        es = identity.endpoints
        asset_of = [0] * len(es)
        for g, members in enumerate(identity.groups):
            for i in members:
                asset_of[i] = g
        self._where = Whereabouts(es, asset_of, past)
        held: list[dict[str, Held]] = [
            references([es[i] for i in m], [self._where.left[i] for i in m], identity.rarity)
            for m in identity.groups
        ]
        self._ids = Ids(held, material.key)
        self._assets: list[Asset] = []
        self._services: list[Service] = []
        self._conflicts: list[Conflict] = []
        self._labels: dict[str, str] = {}

    def inventory(self) -> Inventory:
        return Inventory(
            assets=tuple(sorted(self._assets, key=lambda a: a.id)),
            services=tuple(
                sorted(
                    self._services,
                    key=lambda s: (
                        s.at.ns,
                        ip_address(s.at.value.split("/")[0]).packed,
                        s.port,
                        s.transport,
                    ),
                )
            ),
            conflicts=tuple(
                sorted(
                    self._conflicts,
                    key=lambda c: (str(c.subject), c.attribute, c.newest, c.older),
                )
            ),
            labels=dict(sorted(self._labels.items())),
        )

    def seen(self, g: int, members: list[int], lines: list[tuple[Claimed, Why]]) -> None:
        """An asset that was seen or reported, with the sheet lines that mean it."""
        es = [self._identity.endpoints[i] for i in members]
        spans = sorted({span for e in es for span in e.spans()})
        asset_id, same_as = self._ids.named(g, spans)
        same_as = tuple(sorted({*same_as, *self._aliases([line for line, _ in lines])}))
        gateways: set[str] = set()
        for e in es:
            gateways |= self._history.gateway_macs.get(e.ns, frozenset())
        votes, values = read(es, frozenset(gateways))
        for e in es:
            for name, claim in told(e):
                values[name].append(claim)
        for line, _ in lines:
            _sheet(values, line)
        attrs, differing = _attributes(es, values, lines)
        decision = decide(votes)
        device_class, conf = decision.device_class, decision.conf
        if device_class.value is None and (named := _claimed_class(lines)) is not None:
            device_class, conf = named, CLAIM_CONF
        current = self._where.current(members)
        merged = [w for i in members for w in self._identity.merged.get(i, ())]
        apart = [w for i in members for w in self._identity.kept_apart.get(i, ())]
        evidence = {o.id for e in es for _, o in e.seen} | {line.evidence for line, _ in lines}
        asset = Asset(
            id=asset_id,
            same_as=same_as,
            identifiers=self._ids.identifiers(g),
            ports=self._ports(members, current),
            merged=_ordered([*merged, *(why for _, why in lines)]),
            kept_apart=_ordered(apart),
            presence=self._where.presence(members),
            device_class=device_class,
            class_conf=conf,
            class_why=decision.why,
            roles=decision.roles,
            attrs=attrs,
            sites=tuple(sorted({e.ns.removeprefix("site/") for e in es})),
            first_seen=min(e.first for e in es),
            last_seen=max(e.last for e in es),
            evidence=tuple(sorted(evidence)),
        )
        self._assets.append(asset)
        self._record(asset, differing, title(es))
        for i in members:
            e = self._identity.endpoints[i]
            if i in current and e.ip and self._where.holder(e.ns, e.ip) == i:
                self._services += services(e, asset_id, self._history)
                self._services += udp_services(e, asset_id)

    def only_claimed(self, things: list[Claimed]) -> None:
        """An asset that only people speak of."""
        newest = max(things, key=lambda c: (c.at, c.evidence))
        values: Values = defaultdict(list)
        for line in things:
            _sheet(values, line)
        held: dict[str, Held] = {}
        for line in things:
            refs = [line.ref]
            refs += [Ref(kind="serial", ns="", value=line.serial)] if line.serial else []
            refs += [Ref(kind="name", ns=line.ns, value=line.name)] if line.name.strip() else []
            for ref in refs:
                one = held.setdefault(str(ref), Held(ref, line.at, set(), "claimed"))
                one.evidence.add(line.evidence)
        # Its own namespace: a line nobody matched must not take the id of the device at that address.
        main = f"claim:{things[0].key}"
        identifiers = Ids([held], b"").identifiers(0)
        why = [
            (line, Why(feature="claim", matched=line.name, weight=0, strong=False))
            for line in things
        ]
        attrs, differing = _attributes([], values, why)
        device_class = _claimed_class(why)
        asset = Asset(
            id=self._ids.of_ref(main),
            same_as=tuple(sorted(self._aliases(things) - {self._ids.of_ref(main)})),
            identifiers=identifiers,
            ports=(),
            merged=(),
            kept_apart=(),
            presence="claimed",
            device_class=device_class or Known[str].not_asked(),
            class_conf=CLAIM_CONF if device_class else 0,
            attrs=attrs,
            sites=tuple(sorted({c.ns.removeprefix("site/") for c in things if c.ns})),
            first_seen=min(c.at for c in things),
            last_seen=newest.at,
            evidence=tuple(sorted({c.evidence for c in things})),
        )
        self._assets.append(asset)
        self._record(asset, differing, "")

    def _aliases(self, lines: list[Claimed]) -> set[str]:
        return {self._ids.of_ref(text) for line in lines for text in line.aliases}

    def _record(self, asset: Asset, differing: dict[str, list[Disagreement]], page: str) -> None:
        subject = Ref(kind="asset", ns="", value=asset.id)
        for attribute, pairs in differing.items():
            self._conflicts += [
                Conflict(
                    subject=subject,
                    attribute=attribute,
                    newest=d.newest,
                    older=d.older,
                    evidence=d.evidence,
                )
                for d in pairs
            ]
        addresses = [a.value for a in asset.addrs] or [
            i.ref.value for i in asset.identifiers if i.ref.kind == "addr"
        ]
        vendor = asset.attrs["vendor"].value if "vendor" in asset.attrs else None
        name = asset.attrs["name"].value if "name" in asset.attrs else None
        last = asset.identifiers[0].ref.value if asset.identifiers else asset.id[:8]
        self._labels[asset.id] = label_of(name, page, vendor, next(iter(addresses), None), last)

    def _ports(self, members: list[int], current: set[int]) -> tuple[Port, ...]:
        """One port a MAC, with the addresses it has now; one for all addresses whose MAC is not known."""
        by_mac: dict[tuple[str, str], set[str]] = defaultdict(set)
        for i in members:
            e = self._identity.endpoints[i]
            here = by_mac[e.ns, e.mac or ""]
            if e.ip and i in current:
                here.add(e.ip)
        swept = any(addresses for addresses in by_mac.values())
        for e in (self._identity.endpoints[i] for i in members):
            for mac, (addresses, _) in e.cards.items():
                # Where it was seen counts more than where it says it was.
                by_mac[e.ns, mac] |= set() if swept else addresses
        return tuple(
            Port(
                mac=Ref(kind="mac", ns=ns, value=mac) if mac else None,
                addrs=tuple(
                    Ref(kind="addr", ns=ns, value=ip)
                    for ip in sorted(
                        ips, key=lambda a: (ip_address(a).version, ip_address(a).packed)
                    )
                ),
                virtual=bool(mac) and is_virtual(mac),
            )
            for (ns, mac), ips in sorted(by_mac.items())
            if mac or ips
        )


def _sheet(values: Values, line: Claimed) -> None:
    for name, value in line.fields:
        if name in _FIELDS:
            values[name].append(Claim(value, SHEET, line.at, line.run, line.evidence, "sheet"))


def _claimed_class(lines: list[tuple[Claimed, Why]]) -> Known[str] | None:
    """The class the newest line names, with all that were named."""
    said = [
        Claim(line.device_class, SHEET, line.at, line.run, line.evidence)
        for line, _ in lines
        if line.device_class != "unknown"
    ]
    return settle(said, single=False)[0] if said else None


def _attributes(
    es: list[Endpoint], values: Values, lines: list[tuple[Claimed, Why]]
) -> tuple[dict[str, Known[str]], dict[str, list[Disagreement]]]:
    """Every attribute with its sources, and where runs differ."""
    attrs: dict[str, Known[str]] = {}
    differing: dict[str, list[Disagreement]] = {}
    said = names(es) + [
        Claim(line.name, 9, line.at, line.run, line.evidence, "sheet") for line, _ in lines
    ]
    if said:
        attrs["name"] = settle(said, single=False)[0]
    for name in sorted(values):
        claims = values[name]
        if name == "serial":
            claims = [c for c in claims if not is_placeholder("serial", c.value)]
        if name == "model":
            claims = [c for c in claims if not is_icon(c.value)]
        known, pairs = settle(claims)
        if known.candidates:
            attrs[name] = known
        if pairs:
            differing[name] = pairs
    if (named := _claimed_class(lines)) is not None and es:
        attrs["class_claimed"] = named
    return attrs, differing


def _ordered(whys: list[Why]) -> tuple[Why, ...]:
    unique = {(w.feature, w.matched, w.evidence): w for w in whys}
    return tuple(unique[k] for k in sorted(unique))
