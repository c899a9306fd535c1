"""Hits in a directory: what the rules about accounts and about a domain share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from weakref import WeakKeyDictionary

from agent.inventory.directory.domain import Domain, Principal, domains
from agent.judgement.hits import Hit
from agent.judgement.world import World
from agent.model.finding import Severity
from agent.model.ref import Ref

DAY_US = 86_400_000_000
SHOWN = 30
"""Names in a sentence; how many more there are is said."""
_KNOWN: WeakKeyDictionary[World, tuple[Domain, ...]] = WeakKeyDictionary()


def domains_of(world: World) -> tuple[Domain, ...]:
    """The domains of *world*, worked out once for all rules."""
    if world not in _KNOWN:
        _KNOWN[world] = domains(world.observations.values())
    return _KNOWN[world]


def domain_ref(domain: Domain) -> Ref:
    return Ref(kind="domain", ns="", value=domain.name)


def names(found: Iterable[str]) -> str:
    """The first names in order, and how many more."""
    listed = sorted(set(found), key=str.lower)
    more = f" (+{len(listed) - SHOWN})" if len(listed) > SHOWN else ""
    return ", ".join(n[:64] for n in listed[:SHOWN]) + more


def together(
    domain: Domain,
    found: Iterable[Principal],
    severity: Severity | None = None,
    evidence: Iterable[str] = (),
) -> Iterator[Hit]:
    """One hit for all of *found*, if any."""
    listed = list(found)
    if listed:
        proof = tuple(sorted({*evidence, *(p.row.id for p in listed)}))
        params: dict[str, str | int] = {
            "who": names(p.login for p in listed),
            "count": len(listed),
            "domain": domain.name,
        }
        yield Hit(domain_ref(domain), (), proof, params, severity=severity)


def single(
    domain: Domain, who: Principal, evidence: Iterable[str] = (), **params: str | int
) -> Hit:
    proof = tuple(sorted({who.row.id, *evidence}))
    given: dict[str, str | int] = {"name": who.login, "domain": domain.name, **params}
    return Hit(Ref(kind="sid", ns="", value=who.sid), (), proof, given)


def flagged(
    flag: int, kinds: tuple[str, ...] = ("user",)
) -> Callable[[Domain], Iterator[Principal]]:
    def found(domain: Domain) -> Iterator[Principal]:
        for p in domain.principals.values():
            uac = p.uac
            if p.kind in kinds and uac is not None and uac & flag and p.enabled:
                yield p

    return found


def admins(domain: Domain) -> Iterator[Principal]:
    """Users that rule the domain and are not switched off."""
    for sid in sorted(domain.admins):
        p = domain.principals.get(sid)
        if p is not None and p.kind == "user" and p.enabled is not False:
            yield p


def age_days(world: World, at: int) -> int:
    return (world.now - at) // DAY_US


def inside(domain: Domain, group: str) -> Iterator[Hit]:
    inside = domain.effective_of(group)
    found = [domain.principals[s] for s in sorted(inside) if s in domain.principals]
    evidence = (i for w in inside.values() for i in w.evidence)
    yield from together(domain, (p for p in found if p.kind != "group"), evidence=evidence)
