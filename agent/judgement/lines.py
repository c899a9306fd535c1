"""Members of an evidence item of the checklist: who has a line, and whether their number is known."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from agent.catalogs.selector import Selector
from agent.judgement.world import World, asset_ref, class_of
from agent.model.account import Account
from agent.model.asset import Asset
from agent.model.base import Us
from agent.model.known import Known
from agent.model.ref import Ref
from agent.model.scope import parse_range


@dataclass(frozen=True)
class Member:
    """One line to be. `names`: texts under which a person may have ticked it; `addresses`: whom a probe would ask about it."""

    subject: Ref
    label: str
    names: tuple[str, ...]
    addresses: tuple[Ref, ...]
    evidence: tuple[str, ...]
    assets: tuple[str, ...]
    first_seen: Us


def members(selector: Selector, world: World) -> list[Member]:
    """The members that are known of, by label, those too that were not seen any more: only a person can strike one out."""
    match selector.kind:
        case "asset":
            found = [_asset(a, world) for a in world.inventory.assets if _is_one(a, selector)]
        case "service":
            found = list(_services(selector, world))
        case "account":
            found = [
                _account(a)
                for a in world.inventory.accounts
                if (a.nature.state == "known" and selector.takes(a.nature.value or ""))
                or any(selector.takes(kind) for kind in _let_in(a))
            ]
        case "site":
            found = [
                _place(Ref(kind="name", ns=f"site/{s.id}", value=s.id), s.id, s.networks, world)
                for s in world.sites.values()
            ]
        case "subnet":
            found = [
                _place(Ref(kind="subnet", ns=f"site/{s.id}", value=text), text, (text,), world)
                for s in world.sites.values()
                for text in networks(s.networks)
            ]
        case "domain":
            domains = world.material.client.get("client.domains", "").replace(",", " ").split()
            found = [
                _place(Ref(kind="domain", ns="", value=d), d, (), world)
                for d in dict.fromkeys(domains)
            ]
    return sorted(found, key=lambda m: (m.label.lower(), str(m.subject)))


def denominator(selector: Selector, found: list[Member], world: World) -> Known[int]:
    """How many members there are, where that is known: complete looks, and no device left that might be one of them.

    What the status field names are the units that are missing for it.
    """
    missing = tuple(dict.fromkeys(m.status for m in world.looked.missed))
    if selector.kind in ("account", "service", "domain"):
        # No probe of this version lists them completely: ports are a weak question, accounts nobody asked for.
        return Known[int].not_asked(*missing)
    evidence = tuple(dict.fromkeys(m.evidence[0] for m in found if m.evidence))
    if not evidence or not world.looked.all_whole:
        return Known[int].not_asked(*missing)
    if selector.kind == "asset" and selector.names and _unsure(world):
        return Known[int].not_asked(*missing)
    return Known[int].of(len(found), evidence)


def networks(texts: Iterable[str]) -> list[str]:
    """CIDR texts of networks, addresses and ranges."""
    return [str(n) for text in texts for n in parse_range(text)]


def _unsure(world: World) -> bool:
    """Is there a device whose class is not known? It might be a member of any class."""
    return any(class_of(a) == "unknown" for a in world.inventory.assets)


def _is_one(a: Asset, selector: Selector) -> bool:
    """By what it is first of all, or by a further role: a firewall that is the gateway has a line as both."""
    return selector.takes(class_of(a)) or any(selector.takes(role) for role in a.roles)


def _asset(a: Asset, world: World) -> Member:
    ids = (a.id, *a.same_as)
    return Member(
        subject=asset_ref(a.id),
        label=world.label(a.id),
        names=(*(str(asset_ref(i)) for i in ids), *ids),
        addresses=a.addrs,
        evidence=tuple(e for e in a.evidence if e in world.observations),
        assets=(a.id,),
        first_seen=a.first_seen,
    )


def _services(selector: Selector, world: World) -> Iterable[Member]:
    for p in world.points:
        spoken = p.service.protocol.value or ""
        if not selector.takes(spoken) and not _by_port(selector, p.service.port):
            continue
        address = Ref(kind="addr", ns=p.service.at.ns, value=p.ip)
        yield Member(
            subject=p.service.at,
            label=f"{world.label(p.asset.id)} {p.ip}:{p.service.port}",
            names=(str(p.service.at),),
            addresses=(address,),
            evidence=p.evidence,
            assets=(p.asset.id,),
            first_seen=p.asset.first_seen,
        )


# Protocols that do not speak first, so that only their registered port (IANA) tells them.
_PORTS = {
    "mssql": 1433,
    "ldaps": 636,
    "smtps": 465,
    "imaps": 993,
    "rdp": 3389,
}


def _by_port(selector: Selector, port: int) -> bool:
    return any(_PORTS.get(name) == port for name in selector.names)


def _let_in(a: Account) -> Iterable[str]:
    """Kinds of the selector by the ways in that were granted: one that may be is looked through too."""
    for grant in a.grants:
        if grant.door == "dial_in" and grant.verdict in ("yes", "conditional"):
            yield "nps" if grant.target.ns == "nps" else "rras"


def _account(a: Account) -> Member:
    return Member(
        subject=a.key,
        label=a.name,
        names=(str(a.key), a.id),
        addresses=(),
        evidence=tuple(e for _, ids in a.nature.candidates for e in ids),
        assets=(),
        first_seen=0,
    )


def _place(ref: Ref, label: str, ranges: Iterable[str], world: World) -> Member:
    """A member that people wrote down: it has evidence once something was seen in its *ranges*."""
    nets = [n for text in ranges for n in parse_range(text)]
    there = [
        (asset.id, a)
        for asset in world.inventory.assets
        for a in asset.addrs
        if a.ns == ref.ns and any(ip_address(a.value) in n for n in nets)
    ]
    addresses = tuple(a for _, a in there)
    assets = tuple(dict.fromkeys(i for i, _ in there))
    seen = (i for a in addresses for i in world.seen_at(a))
    first = min(seen, default=None)
    return Member(ref, label, (str(ref), label), addresses, (first,) if first else (), assets, 0)
