"""Domains as the report's chapter shows them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.inventory.directory.accounts import owner
from agent.inventory.directory.domain import KRBTGT, Domain, Membership, Principal, domains
from agent.inventory.directory.paths import paths
from agent.model.attribution import Attribution, Provider
from agent.model.directory import DirectoryAccount, DirectoryDomain, DirectoryPolicy
from agent.model.observation import Observation

DECIDES = ("users", "computers", "groups", "members", "foreign", "policy")
"""Tables that decide who rules the domain."""
_NOBODY = Attribution(owner="unknown", provider=None, conf=0)


def overview(
    observations: Iterable[Observation], providers: Sequence[Provider]
) -> tuple[DirectoryDomain, ...]:
    """Every domain something was told of, by name."""
    return tuple(_domain(d, providers) for d in domains(observations))


def _domain(domain: Domain, providers: Sequence[Provider]) -> DirectoryDomain:
    def shown(some: Iterable[Principal]) -> tuple[DirectoryAccount, ...]:
        found = [_account(domain, p, providers) for p in some]
        return tuple(sorted(found, key=lambda a: (a.enabled is False, a.name.lower(), a.sid)))

    users = domain.users
    rulers = [domain.principals.get(sid) for sid in domain.admins]
    spns = domain.values["spns"]
    ways, untold = paths(domain, providers)
    return DirectoryDomain(
        name=domain.name,
        users=len(users),
        computers=len(domain.computers),
        rights_unread=not _rights_read(domain),
        unread=tuple(t for t in DECIDES if not domain.table(t).whole),
        admins=(
            *shown(p for p in rulers if p is not None),
            # In a group, and in no table: it is there all the same.
            *(
                _stranger(s, domain.admins[s])
                for s in sorted(set(domain.admins) - set(domain.principals))
            ),
        ),
        dial_in=shown(u for u in users if u.dial_in),
        dial_in_open=sum(u.dial_in is False for u in users),
        dial_in_unread=sum(u.dial_in is None for u in users),
        services=shown(u for u in users if u.sid in spns and u.rid != KRBTGT),
        policy=_policy(domain),
        paths=ways,
        paths_unread=untold,
        packages=tuple(
            sorted(
                (r.text("display") or r.text("name"), r.text("file"))
                for r in domain.table("packages").rows
            )
        ),
        evidence=domain.table("policy").evidence,
    )


def _account(domain: Domain, p: Principal, providers: Sequence[Provider]) -> DirectoryAccount:
    way = domain.admins.get(p.sid)
    rows = domain.values["spns"].get(p.sid, [])
    kind = "user" if p.kind == "group" else p.kind
    return DirectoryAccount(
        name=p.login,
        sid=p.sid,
        kind=kind,
        enabled=p.enabled,
        last_logon=p.last_logon,
        password_set=p.password_set,
        way=tuple(domain.named(s) for s in way.path) if way else (),
        hidden=way.hidden if way else False,
        spns=tuple(sorted(r.text("value") for r in rows)),
        owner=owner(p, providers),
        evidence=tuple(dict.fromkeys((p.row.id, *(way.evidence if way else ())))),
    )


def _stranger(sid: str, way: Membership) -> DirectoryAccount:
    return DirectoryAccount(
        name=sid,
        sid=sid,
        kind="foreign",
        enabled=None,
        last_logon=None,
        password_set=None,
        way=way.path,
        hidden=way.hidden,
        owner=_NOBODY,
        evidence=way.evidence,
    )


def _rights_read(domain: Domain) -> bool:
    """Of the objects whose rights decide who can make himself an administrator."""
    some = [*domain.table("policy").rows, *domain.table("holder").rows]
    return (
        domain.table("holder").whole
        and domain.table("aces").whole
        and len(some) > 1
        and all(domain.rights_read(r) for r in some)
    )


def _policy(domain: Domain) -> DirectoryPolicy | None:
    if domain.head is None:
        return None
    told = domain.head.number
    return DirectoryPolicy(
        min_length=told("min_length"),
        history=told("history"),
        max_age_s=told("max_age_s"),
        lockout=told("lockout"),
        lockout_s=told("lockout_s"),
        machine_quota=told("machine_quota"),
        evidence=(domain.head.id,),
    )
