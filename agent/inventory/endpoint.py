"""`Endpoint`: one holder of one address at one site over a time span, and all that was seen of it.

It is what identity puts together: an asset is a set of endpoints. Address reuse (DHCP) gives one address several endpoints.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from agent.inventory.mac import VIRTUAL_ROUTER, kind_of
from agent.inventory.placeholder import (
    common_name,
    is_default_certificate,
    is_generic_name,
    is_placeholder,
    is_service_name,
)
from agent.model import bodies
from agent.model.base import Us
from agent.model.bodies_endpoint import EndpointHost
from agent.model.observation import Observation

IdKey = tuple[str, str, str]
"""(kind, namespace, value) as in `Ref`."""
HARDWARE = ("serial", "chassis")
"""Tied to a piece of metal."""
COPYABLE = ("smbios", "sid", "engine_id", "ssh_key", "cert_key")
"""Copied along when a disk or a virtual machine is cloned; all of them together, so that two of them are not two witnesses."""
STRONG = HARDWARE + COPYABLE
NOT_BY_ITSELF = frozenset({"dns", "certificate", "sheet", "controller"})
"""Sources of a name that are not the host's own word."""


def label(name: str) -> str:
    """First label of a host name, lower case."""
    return name.split(".", 1)[0]


def same_name(a: str, b: str) -> bool:
    """`srv1` and `srv1.acme.lan` are one name, `srv1.a.lan` and `srv1.b.lan` are two."""
    return a == b or (label(a) == label(b) and ("." not in a or "." not in b))


def is_host_name(name: str) -> bool:
    return bool(name) and not re.fullmatch(r"[\d.]+|[0-9a-f:]*:[0-9a-f:]*", name)


@dataclass(slots=True)
class CertFacts:
    subject: str
    self_signed: bool
    names: frozenset[str]


@dataclass(slots=True)
class Endpoint:
    """`runs`: run -> time of the newest sight in it; `direct_runs` those in which we saw it ourselves. Times in microseconds UTC."""

    ns: str
    ip: str | None
    mac: str | None
    seen: list[tuple[str, Observation]] = field(default_factory=list[tuple[str, Observation]])
    runs: dict[str, Us] = field(default_factory=dict[str, Us])
    direct_runs: set[str] = field(default_factory=set[str])
    first: Us = 0
    last: Us = 0
    ids: dict[IdKey, set[str]] = field(default_factory=dict[IdKey, set[str]])
    names: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    own_names: set[str] = field(default_factory=set[str])
    keyed: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    props: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    profile: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    ports: set[int] = field(default_factory=set[int])
    certs: dict[str, CertFacts] = field(default_factory=dict[str, CertFacts])
    absorbed: list[tuple[Us, str, str | None]] = field(
        default_factory=list[tuple[Us, str, "str | None"]]
    )
    """(first time, run, MAC) of every other run's sight that was joined to this one."""
    ambiguous: bool = False
    """Two MACs answered for the address in one run: which of them the rest belongs to is a guess, so it proves nothing."""
    machine: str = ""
    """Not an address but a machine that told of itself: its key. `cards`: its MACs, each with its addresses and whether it is built in."""
    cards: dict[str, tuple[frozenset[str], bool]] = field(
        default_factory=dict[str, tuple[frozenset[str], bool]]
    )

    @property
    def router(self) -> bool:
        """A virtual router's address (VRRP, HSRP, GLBP, CARP): whoever is master answers there."""
        return self.mac is not None and kind_of(self.mac) in VIRTUAL_ROUTER

    @property
    def card(self) -> str | None:
        """The MAC where it is a physical card's, else None: a made-up one proves nothing."""
        return self.mac if self.mac and kind_of(self.mac) == "burned_in" else None

    @property
    def bare(self) -> bool:
        """Nothing but "somebody is here" was seen."""
        return not (self.ids or self.names or self.profile or self.ports or self.props)

    @property
    def order(self) -> tuple[str, str, str, str, Us, str]:
        """Sort key that depends on content only."""
        run = min(self.runs, default="")
        return (self.ns, self.ip or "", self.mac or "", self.machine, self.first, run)

    def solid(self, kind: str) -> set[str]:
        """Values of a strong identifier that are no placeholder."""
        return {v for k, _, v in self.ids if k == kind and not is_placeholder(k, v)}

    def good_names(self, own: bool = False) -> set[str]:
        source: Iterable[str] = self.own_names if own else self.names
        return {n for n in source if not is_generic_name(label(n))}

    def default_cert(self, spki: str) -> bool:
        facts = self.certs.get(spki)
        labels = frozenset(label(n) for n in self.good_names())
        return facts is not None and is_default_certificate(
            facts.subject, facts.self_signed, labels
        )

    def host_bound(self, spki: str) -> str | None:
        """The one host an authority issued the certificate for; None for a self-signed, wildcard or service name."""
        facts = self.certs.get(spki)
        if facts is None or facts.self_signed or any("*" in n for n in facts.names):
            return None
        name = common_name(facts.subject).lower()
        return None if "." not in name or is_service_name(label(name)) else name

    @property
    def origin(self) -> tuple[Us, str, str | None]:
        """(first time, run, MAC) of the sight it began with."""
        joined = {run for _, run, _ in self.absorbed}
        own = {run: at for run, at in self.runs.items() if run not in joined} or self.runs
        at, run = min((at, run) for run, at in own.items())
        return (at, run, self.mac)

    def spans(self) -> list[tuple[str, str]]:
        """(what held the address, run) for every sight without a MAC and for the earliest with one: names of last resort."""
        sights = sorted([self.origin, *self.absorbed], key=lambda s: (s[0], s[1]))
        named = [s for s in sights if s[2] is not None][:1]
        place = f"{self.ns}|{self.ip or self.machine}"
        return [(f"{place}|{mac or ''}", run) for _, run, mac in sights if mac is None] + [
            (f"{place}|{mac}", run) for _, run, mac in named
        ]

    def add(self, run: str, o: Observation) -> None:
        """Take in one observation of this address."""
        self.seen.append((run, o))
        self.first = min(self.first or o.at, o.at)
        self.last = max(self.last, o.at)
        self.runs[run] = max(self.runs.get(run, 0), o.at)
        if o.standing == "direct":
            self.direct_runs.add(run)
        if o.standing != "claimed":
            _READERS.get(type(o.body), _nothing)(self, o, o.body)

    def absorb(self, other: Endpoint) -> None:
        """Take in another time span of the same holder."""
        self.absorbed += [other.origin, *other.absorbed]
        self.seen += other.seen
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        for run, at in other.runs.items():
            self.runs[run] = max(self.runs.get(run, 0), at)
        self.direct_runs |= other.direct_runs
        for key, evidence in other.ids.items():
            self.ids.setdefault(key, set()).update(evidence)
        for mine, theirs in (
            (self.names, other.names),
            (self.keyed, other.keyed),
            (self.props, other.props),
            (self.profile, other.profile),
        ):
            for text, values in theirs.items():
                mine.setdefault(text, set()).update(values)
        self.own_names |= other.own_names
        self.ports |= other.ports
        self.certs.update(other.certs)
        self.cards.update(other.cards)
        self.ambiguous |= other.ambiguous


def _nothing(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    """A kind that says nothing about identity."""


def _say(e: Endpoint, port: int, what: str, text: str) -> None:
    if text:
        clean = text.replace(e.ip, "{self}") if e.ip else text
        e.profile.setdefault(f"{port}/{what}", set()).add(clean.strip())


def _port(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    assert isinstance(b, bodies.TcpPort)
    e.ports.add(b.port)


def _banner(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    assert isinstance(b, bodies.Banner)
    _say(e, b.port, "banner", b.text)


def _page(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    assert isinstance(b, bodies.HttpPage)
    for what, text in (("title", b.title), ("server", b.server), ("realm", b.realm)):
        _say(e, b.port, what, text)


def _cert(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    assert isinstance(b, bodies.TlsCertificate)
    spki = b.spki_sha256.lower()
    e.ids.setdefault(("cert_key", "", spki), set()).add(o.id)
    e.keyed.setdefault(f"tls/{b.port}", set()).add(spki)
    names = frozenset(n.lower() for n in b.names)
    e.certs[spki] = CertFacts(b.subject, b.self_signed, names)


def _ssh(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    assert isinstance(b, bodies.SshHostKey)
    e.ids.setdefault(("ssh_key", "", b.fingerprint.strip()), set()).add(o.id)
    e.keyed.setdefault(f"ssh/{b.port}/{b.key_type}", set()).add(b.fingerprint.strip())


def _name(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    assert isinstance(b, bodies.HostName)
    name = b.name.strip().rstrip(".").lower()
    if is_host_name(name) and b.source not in ("certificate", "sheet"):
        e.names.setdefault(name, set()).add(o.id)
        if b.source not in NOT_BY_ITSELF:
            e.own_names.add(name)


def _identity(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    assert isinstance(b, bodies.DeviceIdentity)
    value = b.value.strip()
    if b.scheme in ("smbios", "engine_id"):
        value = value.lower()
    kind = b.scheme
    # A guest's serial is made from its SMBIOS UUID and is cloned with it.
    if kind == "serial" and re.match(r"(?i)vmware-|parallels-", value):
        kind = "smbios"
    if value:
        e.ids.setdefault((kind, b.ns, value), set()).add(o.id)


def _property(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    assert isinstance(b, bodies.DeviceAttribute)
    if b.name in ("vendor", "model") and b.value.strip():
        e.props.setdefault(b.name, set()).add(b.value.strip().casefold())


def _machine(e: Endpoint, o: Observation, b: bodies.Body) -> None:
    assert isinstance(b, EndpointHost)
    m = b.machine
    if m.serial.strip():
        _identity(e, o, bodies.DeviceIdentity(scheme="serial", value=m.serial))
    if m.uuid.strip():
        _identity(e, o, bodies.DeviceIdentity(scheme="smbios", value=m.uuid))
    for name in {m.name, f"{m.name}.{m.domain}" if m.domain else m.name}:
        _name(e, o, bodies.HostName(name=name, source="endpoint"))
    for card in b.machine.cards:
        before = e.cards.get(card.mac, (frozenset[str](), False))
        e.cards[card.mac] = (before[0] | set(card.addresses), before[1] or bool(card.built_in))


_READERS: dict[type[bodies.Body], Callable[[Endpoint, Observation, bodies.Body], None]] = {
    bodies.TcpPort: _port,
    bodies.Banner: _banner,
    bodies.HttpPage: _page,
    bodies.TlsCertificate: _cert,
    bodies.SshHostKey: _ssh,
    bodies.HostName: _name,
    bodies.DeviceIdentity: _identity,
    bodies.DeviceAttribute: _property,
    EndpointHost: _machine,
}
