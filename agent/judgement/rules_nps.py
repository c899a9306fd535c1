"""Rules about Network Policy Servers: who is let in, how he proves who he is, who may ask, and who else is asked.

They judge the newest configuration of each server. What it could not tell makes no finding and clears nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address, ip_network

from agent.inventory.directory.accounts import owner
from agent.judgement.directory_hits import domains_of, names
from agent.judgement.hits import Hit
from agent.judgement.world import World
from agent.model.attribution import Attribution
from agent.model.finding import Severity
from agent.model.nps import NpsAsker, NpsLine, NpsServer
from agent.model.ref import Ref

_WEAK = {"none": "none", "pap": "PAP", "chap": "CHAP", "mschap": "MS-CHAP"}
_WIDE = 8
"""Addresses of a RADIUS client from which on a network is meant, not the few of one appliance."""


def nps_former_account(world: World) -> Iterator[Hit]:
    """An account whose own fields name a former provider may come in: by a policy, or because its dial-in setting allows it."""
    former = [p for p in world.material.providers if p.role == "former"]
    called = {p.id: p.name for p in former}
    let_in = {e.sid: e for s in world.inventory.nps for e in s.entries if e.verdict != "unknown"}
    for domain in domains_of(world) if former else ():
        for user in domain.users:
            entry = let_in.get(user.sid)
            if user.enabled is False or not (user.dial_in or entry):
                continue
            found = owner(user, former)
            who = [found.provider] if found.provider else sorted(found.suspected)
            if not who:
                continue
            yield Hit(
                Ref(kind="sid", ns="", value=user.sid),
                (),
                tuple(dict.fromkeys((user.row.id, *(entry.evidence if entry else ())))),
                {
                    "name": user.login,
                    "domain": domain.name,
                    "provider": ", ".join(called[w] for w in who),
                    "what": names(entry.policies) if entry else "msNPAllowDialin",
                },
                conf=None if found.provider and entry else 500,
                owner=found if entry else _suspected(who),
            )


def _suspected(who: Sequence[str]) -> Attribution:
    """His account, of which no policy was seen that lets it in: one may refuse it."""
    return Attribution(owner="unknown", provider=None, conf=500, suspected=tuple(who))


def _on(server: NpsServer) -> Iterator[NpsLine]:
    """Network policies that are switched on, of a server whose own policies decide or may."""
    if server.local is not False:
        yield from (p for p in server.policies if p.enabled)


def _subject(server: NpsServer) -> Ref:
    return Ref(kind="name", ns="nps", value=server.server)


def _lines(
    server: NpsServer,
    found: Iterable[NpsLine],
    severity: Severity | None = None,
    **params: str | int,
) -> Iterator[Hit]:
    """One hit for all of *found*, if any."""
    some = list(found)
    if some:
        told: dict[str, str | int] = {
            "who": names(p.name for p in some),
            "count": len(some),
            "server": server.server,
            **params,
        }
        proof = tuple(sorted({e for p in some for e in p.evidence}))
        yield Hit(_subject(server), (), proof, told, severity=severity)


def nps_anybody(world: World) -> Iterator[Hit]:
    """No condition on a group, or one that everybody is in."""
    for server in world.inventory.nps:
        yield from _lines(server, (p for p in _on(server) if p.verdict == "grant" and p.anybody))


def nps_weak_method(world: World) -> Iterator[Hit]:
    for server in world.inventory.nps:
        some = [p for p in _on(server) if p.verdict == "grant" and set(p.methods) & set(_WEAK)]
        told = {_WEAK[m] for p in some for m in p.methods if m in _WEAK}
        severity: Severity | None = "high" if "none" in told else None
        yield from _lines(server, some, severity, what=names(told))


def nps_unchecked(world: World) -> Iterator[Hit]:
    """Requests that are accepted without a look at a password."""
    for server in world.inventory.nps:
        yield from _lines(
            server, (p for p in server.requests if p.enabled and p.verdict == "accept")
        )


def nps_ignores_account(world: World) -> Iterator[Hit]:
    for server in world.inventory.nps:
        yield from _lines(
            server, (p for p in _on(server) if p.verdict == "grant" and p.ignores_account)
        )


def nps_despite_policy(world: World) -> Iterator[Hit]:
    """Accounts whose own setting lets them in where the policy refuses."""
    for server in world.inventory.nps:
        some = [e for e in server.entries if e.despite and e.verdict != "unknown"]
        if some:
            proof = tuple(sorted({i for e in some for i in e.evidence}))
            params: dict[str, str | int] = {
                "who": names(e.name for e in some),
                "count": len(some),
                "server": server.server,
            }
            yield Hit(_subject(server), (), proof, params)


def nps_forwards(world: World) -> Iterator[Hit]:
    """Somebody else's server says who comes in."""
    for server in world.inventory.nps:
        for line in (p for p in server.requests if p.enabled and p.verdict == "forward"):
            asked = [t for t in server.targets if t.group.casefold() == line.target.casefold()]
            owners = [t.owner for t in asked if t.owner.provider]
            proof = (*line.evidence, *(e for t in asked for e in t.evidence))
            yield Hit(
                _subject(server),
                (),
                tuple(sorted(set(proof))),
                {
                    "name": line.name,
                    "server": server.server,
                    "addresses": names(t.address for t in asked) or "?",
                },
                severity="critical" if any(o.owner == "former" for o in owners) else None,
                owner=_first(owners),
            )


def _first(owners: list[Attribution]) -> Attribution | None:
    return min(owners, key=lambda o: (o.owner != "former", o.provider or ""), default=None)


def radius_unknown_client(world: World) -> Iterator[Hit]:
    """May ask, and no device is known at its address. Where none is known at all, that says nothing."""
    for server in world.inventory.nps if any(a.addrs for a in world.assets.values()) else ():
        for c in server.clients:
            if c.enabled and not c.assets and _is_address(c.address):
                yield Hit(
                    _subject(server),
                    (),
                    c.evidence,
                    {"name": c.name, "address": c.address, "server": server.server},
                    severity="critical" if c.owner.owner == "former" else None,
                    owner=c.owner if c.owner.provider or c.owner.suspected else None,
                )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _wide(text: str) -> bool:
    try:
        return ip_network(text, strict=False).num_addresses > _WIDE
    except ValueError:
        return False


def clients(name: str, wanted: Callable[[NpsAsker], bool]) -> Callable[[World], Iterator[Hit]]:
    """The rule called *name*: one hit a server for the clients that are switched on and *wanted*."""

    def rule(world: World) -> Iterator[Hit]:
        for server in world.inventory.nps:
            some = [c for c in server.clients if c.enabled and wanted(c)]
            if some:
                params: dict[str, str | int] = {
                    "who": names(c.name for c in some),
                    "count": len(some),
                    "server": server.server,
                }
                proof = tuple(sorted({e for c in some for e in c.evidence}))
                yield Hit(_subject(server), (), proof, params)

    rule.__name__ = name
    return rule


RULES = (
    nps_former_account,
    nps_anybody,
    nps_weak_method,
    nps_unchecked,
    nps_ignores_account,
    nps_despite_policy,
    nps_forwards,
    radius_unknown_client,
    clients("radius_unsigned", lambda c: not c.signed),
    clients("radius_same_secret", lambda c: c.same > 0),
    clients("radius_wide_client", lambda c: _wide(c.address)),
    clients("radius_secret_known", lambda c: c.secret),
)
