"""What kind of device is it? Reads the signs of the device catalogue off an asset's observations; `weigh` decides.

The maker of the card, a typical set of ports and a name are hints: they support each other and a real sign, and one alone never names a
class. The same reading tells vendor, model and operating system.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from agent.catalogs.devices import EVERY, WEAK_GRADES, matches
from agent.catalogs.evidence import load_evidence
from agent.catalogs.features import features_of, voice_of_feature, weak_names
from agent.catalogs.snmp_families import types
from agent.inventory import oui
from agent.inventory.attributes import CARD, CATALOGUE, DEVICE, REPORTED, Claim, Values
from agent.inventory.endpoint import Endpoint
from agent.inventory.mac import holder_mac, is_hypervisor, kind_of
from agent.inventory.machine import machine_attributes
from agent.inventory.snmp.entity import dotted
from agent.inventory.snmp.identify import identify
from agent.inventory.snmp.live import walked_of
from agent.inventory.weigh import Vote
from agent.model import bodies
from agent.model.asset import DEVICE_CLASSES
from agent.model.base import Us
from agent.model.bodies_endpoint import EndpointHost
from agent.model.bodies_snmp import SnmpSystem, SnmpTable
from agent.model.bodies_told import OsTold
from agent.model.bodies_udp import LinkNeighbour

SHOWN = 80
"""Characters of a sign's text that its reason shows."""
SURE = 950
"""Permille of nmap's own accuracy from which its guess at a system is taken."""
_SAID_BY_DEVICE, _ROUTER_SIGN = "model", "product"
AGENT_KINDS = frozenset({SnmpSystem.KIND, SnmpTable.KIND})
TRUSTED, CERTAIN = 800, 930
"""Permille from which what an SNMP agent's words show is taken, and from which it weighs as the device naming its own product."""
_VIRTUAL, _LOCAL = "(virtual card)", "(locally administered)"


@dataclass(frozen=True, slots=True)
class Feature:
    on: str
    voice: str
    text: str
    at: Us
    run: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A catalogue entry's reading of a text; cached, as a thousand devices say the same words."""

    id: str
    votes: tuple[tuple[str, int], ...]
    weak: bool
    told: tuple[tuple[str, str], ...]


@lru_cache(maxsize=16384)
def read_text(on: str, text: str) -> tuple[Hit, ...]:
    """Readings of *text*: the first entry that matches, or all of them for features of `EVERY`."""
    hits: list[Hit] = []
    for entry, found in matches(on, text):
        weak = on in weak_names() and entry.grade in WEAK_GRADES
        hits.append(Hit(entry.id, entry.votes, weak, entry.told(found)))
        if on not in EVERY:
            break
    return tuple(hits)


def features(e: Endpoint) -> Iterator[Feature]:
    """What the catalogue can read of an endpoint. What a person claimed is no sign."""
    for run, o in e.seen:
        if o.standing == "claimed":
            continue
        for row in features_of(o.body.kind):
            for text in row.texts(o.body):
                yield Feature(row.name, row.voice_in(o.body), text, o.at, run, o.id)
        if isinstance(o.body, bodies.ArpEntry):
            for text in _card(o.body.mac):
                yield Feature("oui", voice_of_feature("oui"), text, o.at, run, o.id)


@lru_cache(maxsize=65536)
def _card(mac: str) -> tuple[str, ...]:
    """What a MAC address tells: its maker, and in brackets what kind of card it is."""
    value = holder_mac(mac)
    if value is None:
        return ()
    if is_hypervisor(value):
        kind = _VIRTUAL
    else:
        # QEMU, KVM and Docker number their guests in the local range.
        guest = value.startswith(("52:54:00:", "02:42:"))
        kind = _VIRTUAL if guest else _LOCAL if kind_of(value) == "local" else ""
    return tuple(t for t in (oui.vendor(value), kind) if t)


class _Signs:
    """Collects votes: the same sign of the same voice counts once, with all its observations."""

    def __init__(self) -> None:
        self._evidence: dict[tuple[str, int, str, str, str, bool], set[str]] = defaultdict(set)
        self._texts: dict[tuple[str, int, str, str, str, bool], str] = {}

    def add(self, hit: Hit, voice: str, on: str, text: str, evidence: Iterable[str]) -> None:
        for device_class, ratio in hit.votes:
            key = (device_class, ratio, hit.id, voice, on, hit.weak)
            self._evidence[key].update(evidence)
            shown = " ".join(text.split())[:SHOWN]
            self._texts[key] = min(shown, self._texts.get(key, shown))

    def votes(self) -> list[Vote]:
        return [
            Vote(c, ratio, sign, voice, on, self._texts[key], weak, tuple(sorted(evidence)))
            for key, evidence in sorted(self._evidence.items())
            for c, ratio, sign, voice, on, weak in (key,)
        ]


def read(endpoints: list[Endpoint], gateway_macs: frozenset[str]) -> tuple[list[Vote], Values]:
    """Votes for a class, and the values the catalogue and the card's maker tell, over all endpoints of an asset."""
    signs = _Signs()
    values: Values = defaultdict(list)
    for e in endpoints:
        for f in features(e):
            if f.on == "oui" and f.text not in (_VIRTUAL, _LOCAL):
                values["vendor"].append(Claim(f.text, CARD, f.at, f.run, f.evidence, "oui"))
            for hit in read_text(f.on, f.text):
                signs.add(hit, f.voice, f.on, f.text, (f.evidence,))
                for name, value in hit.told:
                    values[name].append(Claim(value, CATALOGUE, f.at, f.run, f.evidence, hit.id))
        ports = {o.body.port: o.id for _, o in e.seen if isinstance(o.body, bodies.TcpPort)}
        told = " ".join(map(str, sorted(ports)))
        for hit in read_text("ports", told):
            signs.add(hit, voice_of_feature("ports"), "ports", told, ports.values())
        _said(e, signs)
        _agent(e, signs, values)
        _router(e, gateway_macs, signs)
    for name in ("os", "model"):
        if name in values:
            values[name] = _exact(values[name])
    return signs.votes(), values


def _exact(claims: list[Claim]) -> list[Claim]:
    """Without the catalogue's readings that say less than another of its own: "Debian" beside "Debian 12"."""
    texts = {c.value.casefold() for c in claims if c.standing <= CATALOGUE}
    return [
        c
        for c in claims
        if c.standing != CATALOGUE or not any(t.startswith(f"{c.value.casefold()} ") for t in texts)
    ]


def _agent(e: Endpoint, signs: _Signs, values: Values) -> None:
    """Who the device's SNMP agent says it is: one voice, by the catalogue of families."""
    mine = [(run, o) for run, o in e.seen if o.standing == "direct" and o.body.kind in AGENT_KINDS]
    for run in sorted({r for r, o in mine if isinstance(o.body, SnmpSystem)}):
        seen = [o for r, o in mine if r == run]
        system = next(o for o in seen if isinstance(o.body, SnmpSystem))
        told = identify(walked_of(o.body for o in seen))
        # A claim cites the observation in which its object stood.
        stood = {dotted(oid): o.id for o in seen for oid in walked_of((o.body,))}
        rules = {x.field: x for x in told.evidence}
        for field, sure in told.sure:
            if sure < TRUSTED:
                continue
            rule = rules[field]
            proof = stood.get(rule.oid, system.id)
            if field == "type":
                grade = _SAID_BY_DEVICE if sure >= CERTAIN else _ROUTER_SIGN
                vote = (types()[told.type], load_evidence().ratio(grade))
                hit = Hit(f"snmp:{rule.rule}", (vote,), False, ())
                signs.add(hit, "snmp", "snmp.identity", rule.text, (proof,))
            else:
                name = "firmware" if field == "version" else field
                value: str = getattr(told, field)
                values[name].append(Claim(value, CATALOGUE, system.at, run, proof, rule.rule))


def _said(e: Endpoint, signs: _Signs) -> None:
    """A class the device or another one reports."""
    ratio = load_evidence().ratio(_SAID_BY_DEVICE)
    for _, o in e.seen:
        b = o.body
        if o.standing == "claimed":
            continue
        named = b.value if isinstance(b, bodies.DeviceAttribute) and b.name == "class" else ""
        if said := b.machine.form if isinstance(b, EndpointHost) else named:
            name = said.strip().lower()
            if name in DEVICE_CLASSES and name != "unknown":
                hit = Hit(f"said:{o.standing}", ((name, ratio),), False, ())
                signs.add(hit, f"said/{o.standing}", "attr.class", name, (o.id,))


def _router(e: Endpoint, gateway_macs: frozenset[str], signs: _Signs) -> None:
    """Virtual router addresses, and the card through which our vantage point reached the rest of the world."""
    arps = {o.id for _, o in e.seen if isinstance(o.body, bodies.ArpEntry)}
    ratio = load_evidence().ratio(_ROUTER_SIGN)
    if e.router or e.mac in gateway_macs:
        sign = "virtual_router" if e.router else "default_gateway"
        hit = Hit(sign, (("gateway", ratio),), False, ())
        signs.add(hit, "place", "place", e.mac or "", arps)


def told(e: Endpoint) -> Iterable[tuple[str, Claim]]:
    """Attributes the device or another one reports."""
    for run, o in e.seen:
        b = o.body
        standing = {"direct": DEVICE, "reported": REPORTED}.get(o.standing)
        if standing is None:
            continue
        if isinstance(b, bodies.DeviceAttribute) and b.name != "class":
            yield b.name, Claim(b.value, standing, o.at, run, o.id)
        elif isinstance(b, EndpointHost):
            for name, value in machine_attributes(b.machine):
                yield name, Claim(value, standing, o.at, run, o.id, "endpoint")
        elif isinstance(b, bodies.DeviceIdentity) and b.scheme == "serial":
            yield "serial", Claim(b.value, standing, o.at, run, o.id)
        elif isinstance(b, LinkNeighbour):
            said = (("vendor", b.manufacturer), ("model", b.model), ("serial", b.serial))
            for name, value in (*said, ("firmware", b.firmware)):
                if value:
                    yield name, Claim(value, standing, o.at, run, o.id)
        elif isinstance(b, OsTold) and b.accuracy >= SURE:
            yield "os", Claim(b.name, CATALOGUE, o.at, run, o.id, b.tool)
