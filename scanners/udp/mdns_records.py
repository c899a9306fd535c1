"""From mDNS records to what a host offers (RFC 6762, RFC 6763): service instances, names, addresses. Pure.

Whoever answers may speak for another machine (a sleep proxy, a reflector): an instance belongs to the addresses its target has.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from agent.model.bodies_udp import MdnsService
from scanners.redaction import redact
from scanners.udp.asking import clean
from scanners.udp.wire import AAAA, PTR, SRV, TXT, A, Name, Record

SERVICES: Name = ("_services", "_dns-sd", "_udp", "local")
DEVICE_INFO: Name = ("_device-info", "_tcp", "local")
MOST = 64


@dataclass(frozen=True)
class Offer:
    """One instance; `addresses` of its target as the answer has them, empty where it does not say."""

    body: MdnsService
    addresses: frozenset[str]


def low(name: Name) -> Name:
    """Names of the DNS family do not care for case."""
    return tuple(label.lower() for label in name)


def is_type(name: Name) -> bool:
    """Is *name* a service type of this link, such as `_ipp._tcp.local`?"""
    lowered = low(name)
    return len(name) == 3 and lowered[0][:1] == "_" and lowered[1:] in PROTOCOLS


PROTOCOLS = frozenset({("_tcp", "local"), ("_udp", "local")})


def types(records: Iterable[Record]) -> list[Name]:
    """Service types that the enumeration names, in order, each once."""
    found = {
        low(r.target): None
        for r in records
        if r.kind == PTR and low(r.name) == SERVICES and is_type(r.target)
    }
    return list(found)[:MOST]


def instances(records: Iterable[Record]) -> list[Name]:
    """Names of service instances: what types point to, and what SRV and TXT speak of."""
    found: dict[Name, Name] = {}
    for r in records:
        name = r.target if r.kind == PTR and is_type(r.name) else r.name
        if (r.kind in (SRV, TXT) or name is not r.name) and len(name) == 4 and is_type(name[1:]):
            found.setdefault(low(name), name)
    return list(found.values())[:MOST]


def incomplete(records: Sequence[Record]) -> list[Name]:
    """Instances whose SRV the answers do not hold."""
    told = {low(r.name) for r in records if r.kind == SRV}
    return [n for n in instances(records) if low(n) not in told and low(n[1:]) != DEVICE_INFO]


def offers(records: Sequence[Record]) -> list[Offer]:
    """Every instance with its port, target and TXT; a type that names no instance is an offer too."""
    addresses: dict[Name, set[str]] = {}
    for r in records:
        if r.kind in (A, AAAA) and r.address:
            addresses.setdefault(low(r.name), set()).add(r.address)
    places = {low(r.name): r for r in records if r.kind == SRV}
    texts = {low(r.name): r.strings for r in reversed(records) if r.kind == TXT}
    found: list[Offer] = []
    named: set[Name] = set()
    for name in instances(records):
        place = places.get(low(name))
        named.add(low(name[1:]))
        body = MdnsService(
            service=".".join(low(name[1:3])),
            instance=plain(name[:1]),
            host=plain(place.target) if place else "",
            port=place.port if place else 0,
            txt=txt(texts.get(low(name), ())),
        )
        whose = addresses.get(low(place.target), set()) if place else set[str]()
        found.append(Offer(body, frozenset(whose)))
    for bare in types(records):
        if bare not in named:
            found.append(Offer(MdnsService(service=".".join(bare[:2])), frozenset()))
    return found


def host_names(records: Iterable[Record], host: str) -> list[str]:
    """Names that belong to the address *host*: reverse pointers and address records, without `.local`."""
    reverse = low(reverse_name(host))
    found: dict[str, None] = {}
    for r in records:
        if r.kind == PTR and low(r.name) == reverse:
            found.setdefault(_bare(r.target))
        elif r.kind in (A, AAAA) and r.address == host:
            found.setdefault(_bare(r.name))
    return [name for name in found if name][:8]


def reverse_name(host: str) -> Name:
    """RFC 1035, 3.5; RFC 3596, 2.5."""
    from ipaddress import ip_address

    return tuple(ip_address(host).reverse_pointer.split("."))


def txt(strings: Iterable[bytes]) -> dict[str, str]:
    """Keys in lower case, the first of each counts (RFC 6763, 6.4); what looks like a secret is taken out."""
    found: dict[str, str] = {}
    for raw in strings:
        key, sep, value = redact(raw)[0].partition(b"=")
        name = clean(key, 64).lower()
        if name and sep:
            found.setdefault(name, clean(value))
        elif name:
            found.setdefault(name, "")
    return dict(list(found.items())[:MOST])


def plain(name: Name) -> str:
    return clean(".".join(name).encode("utf-8", "surrogateescape"))


def _bare(name: Name) -> str:
    return plain(name[:-1] if low(name)[-1:] == ("local",) else name)
