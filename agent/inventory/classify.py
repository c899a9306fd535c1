"""What kind of device is it? Signs of the catalogue are added up; "unknown" beats a wrong guess.

The maker of the card and the set of open ports are hints: they support each other and a real sign, and never name a class alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from agent.catalogs.devices import WEAK, FeatureKind, matches
from agent.inventory import oui
from agent.inventory.attributes import CARD, CATALOGUE, DEVICE, REPORTED, Claim, Values
from agent.inventory.endpoint import Endpoint
from agent.inventory.mac import holder_mac
from agent.model import bodies
from agent.model.asset import DEVICE_CLASSES
from agent.model.base import Us
from agent.model.bodies_told import OsTold
from agent.model.known import Known
from agent.model.observation import Observation

ENOUGH = 450
"""Permille from which a class is said."""
LEAD = 150
"""By how much the best class must lead the next one."""
DEVICE_SAYS = 900
SURE = 950
"""Permille of nmap's own accuracy from which its guess at a system is taken."""
GATEWAY_PIN = 600
VIRTUAL_ROUTER = 500


@dataclass(frozen=True, slots=True)
class Vote:
    """One sign for a class: `sign` names it, so that the same sign on two ports counts once."""

    device_class: str
    conf: int
    sign: str
    weak: bool
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Feature:
    on: FeatureKind
    text: str
    at: Us
    run: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A catalogue entry's reading of a text; cached, as a thousand devices say the same words."""

    id: str
    device_class: str
    conf: int
    told: tuple[tuple[str, str], ...]


@lru_cache(maxsize=8192)
def read_text(on: FeatureKind, text: str) -> tuple[Hit, ...]:
    """Readings of *text*: the first entry that matches, or all of them for `ports`."""
    hits: list[Hit] = []
    for entry, found in matches(on, text):
        told = [
            (a, entry.fill(getattr(entry, a), found)) for a in ("vendor", "model", "os", "firmware")
        ]
        hits.append(
            Hit(
                entry.id,
                entry.device_class,
                entry.conf,
                tuple((a, v) for a, v in told if v is not None),
            )
        )
        if on != "ports":
            break
    return tuple(hits)


def features(e: Endpoint) -> Iterable[Feature]:
    """What the catalogue can read of an endpoint."""
    for run, o in e.seen:
        if o.standing == "claimed":
            continue
        for on, text in _texts(o):
            if text:
                yield Feature(on, text, o.at, run, o.id)


def _texts(o: Observation) -> tuple[tuple[FeatureKind, str], ...]:
    b = o.body
    if isinstance(b, bodies.HttpPage):
        return (("http.title", b.title), ("http.server", b.server), ("http.realm", b.realm))
    if isinstance(b, bodies.Banner):
        return (("banner", b.text),)
    if isinstance(b, bodies.TlsCertificate):
        return (("tls.subject", b.subject),)
    if isinstance(b, bodies.DeviceAttribute):
        if b.name == "model":
            return (("attr.model", b.value),)
        if b.name == "os":
            return (("attr.os", b.value),)
        if b.name == "vendor":
            return (("attr.vendor", b.value),)
    if isinstance(b, bodies.ArpEntry):
        return (("oui", _vendor(b.mac) or ""),)
    return ()


@lru_cache(maxsize=65536)
def _vendor(mac: str) -> str | None:
    value = holder_mac(mac)
    return oui.vendor(value) if value else None


def read(endpoints: list[Endpoint], gateway_macs: frozenset[str]) -> tuple[list[Vote], Values]:
    """Votes for a class, and the values the catalogue and the card's maker tell, over all endpoints of an asset."""
    votes: list[Vote] = []
    values: Values = defaultdict(list)
    by_sign: dict[tuple[str, int, str, bool], set[str]] = defaultdict(set)
    for e in endpoints:
        for f in features(e):
            if f.on == "oui":
                values["vendor"].append(Claim(f.text, CARD, f.at, f.run, f.evidence, "oui"))
            for hit in read_text(f.on, f.text):
                by_sign[hit.device_class, hit.conf, hit.id, f.on in WEAK].add(f.evidence)
                for name, value in hit.told:
                    source = hit.id if hit.id else ""
                    values[name].append(Claim(value, CATALOGUE, f.at, f.run, f.evidence, source))
        port_ids = {o.body.port: o.id for _, o in e.seen if isinstance(o.body, bodies.TcpPort)}
        for hit in read_text("ports", " ".join(map(str, sorted(port_ids)))):
            by_sign[hit.device_class, hit.conf, hit.id, True].update(port_ids.values())
        _said(e, by_sign)
        _router(e, gateway_macs, by_sign)
    for (device_class, conf, sign, weak), evidence in sorted(by_sign.items()):
        votes.append(Vote(device_class, conf, sign, weak, tuple(sorted(evidence))))
    return votes, values


def _said(e: Endpoint, by_sign: dict[tuple[str, int, str, bool], set[str]]) -> None:
    """A class the device or another one reports."""
    for _, o in e.seen:
        b = o.body
        if isinstance(b, bodies.DeviceAttribute) and b.name == "class" and o.standing != "claimed":
            name = b.value.strip().lower()
            if name in DEVICE_CLASSES and name != "unknown":
                by_sign[name, DEVICE_SAYS, f"said:{o.standing}", False].add(o.id)


def _router(
    e: Endpoint, gateway_macs: frozenset[str], by_sign: dict[tuple[str, int, str, bool], set[str]]
) -> None:
    """Virtual router addresses, and the card through which our vantage point reached the rest of the world."""
    arps = {o.id for _, o in e.seen if isinstance(o.body, bodies.ArpEntry)}
    if e.router:
        by_sign["gateway", VIRTUAL_ROUTER, "virtual_router", False].update(arps)
    elif e.mac in gateway_macs:
        by_sign["gateway", GATEWAY_PIN, "default_gateway", False].update(arps)


def decide(votes: list[Vote]) -> tuple[Known[str], int]:
    """The class and its confidence in permille.

    `known` above `ENOUGH` and with a clear lead; `conflict` where two real signs name different classes; else `not_asked`, with the
    hints as candidates.
    """
    if not votes:
        return Known[str].not_asked(), 0
    doubt: dict[str, float] = defaultdict(lambda: 1.0)
    evidence: dict[str, set[str]] = defaultdict(set)
    real: set[str] = set()
    for v in votes:
        doubt[v.device_class] *= 1 - v.conf / 1000
        evidence[v.device_class].update(v.evidence)
        if not v.weak:
            real.add(v.device_class)
    # A gateway is a role; the firewall or router that plays it names it better.
    if "gateway" in doubt:
        for better in ("firewall", "router"):
            if better in real:
                doubt[better] *= doubt["gateway"]
                evidence[better] |= evidence["gateway"]
                doubt.pop("gateway", None)
                real.discard("gateway")
    conf = {name: round(1000 * (1 - share)) for name, share in doubt.items()}
    ranked = sorted(conf, key=lambda n: (-conf[n], n))
    candidates = tuple((n, tuple(sorted(evidence[n]))) for n in ranked)
    best = ranked[0]
    lead = conf[best] - conf[ranked[1]] if len(ranked) > 1 else conf[best]
    if conf[best] >= ENOUGH and lead >= LEAD:
        return Known[str](state="known", value=best, candidates=candidates), conf[best]
    if len(real & set(ranked[:2])) == 2 and conf[best] >= ENOUGH:
        return Known[str](state="conflict", candidates=candidates), conf[best]
    return Known[str](state="not_asked", candidates=candidates), conf[best]


def told(e: Endpoint) -> Iterable[tuple[str, Claim]]:
    """Attributes the device or another one reports."""
    for run, o in e.seen:
        b = o.body
        standing = {"direct": DEVICE, "reported": REPORTED}.get(o.standing)
        if standing is None:
            continue
        if isinstance(b, bodies.DeviceAttribute) and b.name != "class":
            yield b.name, Claim(b.value, standing, o.at, run, o.id)
        elif isinstance(b, bodies.DeviceIdentity) and b.scheme == "serial":
            yield "serial", Claim(b.value, standing, o.at, run, o.id)
        elif isinstance(b, OsTold) and b.accuracy >= SURE:
            yield "os", Claim(b.name, CATALOGUE, o.at, run, o.id, b.tool)
