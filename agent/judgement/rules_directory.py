"""Rules about the accounts of a directory: whose they are, what they may, and what is odd about them.

Accounts are known by SID and group number, never by a name, which is French, German or changed. What could not be read makes no finding
and clears nothing. Bits of userAccountControl: [MS-ADTS] 2.2.16. Ids of comparable rules stand in the catalogue's references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from weakref import WeakKeyDictionary

from agent.inventory.directory.accounts import is_service, owner
from agent.inventory.directory.domain import (
    ADMINISTRATOR,
    GUEST,
    KRBTGT,
    OPERATORS,
    Domain,
    Principal,
    domains,
)
from agent.judgement.hits import Hit
from agent.judgement.world import World
from agent.model.finding import Severity
from agent.model.ref import Ref

NOT_REQUIRED, REVERSIBLE, NEVER_EXPIRES = 0x20, 0x80, 0x10000
UNCONSTRAINED, DES_ONLY, NO_PREAUTH = 0x80000, 0x200000, 0x400000
DAY_US = 86_400_000_000
STALE_DAYS, OLD_PASSWORD_DAYS, OLD_KEY_DAYS, LATE_DAYS = 180, 3 * 365, 365, 90
DEFAULT_PRIMARY = {"user": (513, 514), "computer": (515, 516, 521)}
REPLICATOR = "S-1-5-32-552"
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


def _flagged(
    flag: int, kinds: tuple[str, ...] = ("user",)
) -> Callable[[Domain], Iterator[Principal]]:
    def found(domain: Domain) -> Iterator[Principal]:
        for p in domain.principals.values():
            uac = p.uac
            if p.kind in kinds and uac is not None and uac & flag and p.enabled:
                yield p

    return found


def _admins(domain: Domain) -> Iterator[Principal]:
    """Users that rule the domain and are not switched off."""
    for sid in sorted(domain.admins):
        p = domain.principals.get(sid)
        if p is not None and p.kind == "user" and p.enabled is not False:
            yield p


def _age_days(world: World, at: int) -> int:
    return (world.now - at) // DAY_US


def ad_former_account(world: World) -> Iterator[Hit]:
    """Its own fields name a former provider: his mail domain is a fact, his name in a text a suspicion."""
    former = [p for p in world.material.providers if p.role == "former"]
    called = {p.id: p.name for p in former}
    for domain in domains_of(world) if former else ():
        for user in domain.users:
            found = owner(user, former)
            if user.enabled is False or not (found.provider or found.suspected):
                continue
            who = [found.provider] if found.provider else sorted(found.suspected)
            strong = user.sid in domain.admins or bool(user.dial_in)
            yield Hit(
                Ref(kind="sid", ns="", value=user.sid),
                (),
                (user.row.id,),
                {
                    "name": user.login,
                    "domain": domain.name,
                    "provider": ", ".join(called[w] for w in who),
                    "words": ", ".join(sorted({w.matched for w in found.for_}))[:300],
                },
                severity="critical" if strong else None,
                conf=None if found.provider else 500,
                owner=found,
            )


def ad_admin_nested(world: World) -> Iterator[Hit]:
    """An administrator by a group within a group: he is in no list of administrators."""
    for domain in domains_of(world):
        for p in _admins(domain):
            way = domain.admins[p.sid]
            if len(way.path) > 1 and not way.hidden:
                words = " > ".join(domain.named(s) for s in way.path)[:300]
                yield single(domain, p, way.evidence, way=words)


def ad_hidden_primary_group(world: World) -> Iterator[Hit]:
    """A membership that stands in no member list."""
    for domain in domains_of(world):
        found = [
            p
            for p in domain.principals.values()
            if p.kind in DEFAULT_PRIMARY
            and p.row.number("primary_group") not in (None, *DEFAULT_PRIMARY[p.kind])
        ]
        admin = any(p.sid in domain.admins for p in found)
        yield from together(domain, found, "high" if admin else None)


def ad_dial_in_allowed(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(
            domain, (u for u in domain.users if u.dial_in and u.enabled is not False)
        )


def ad_service_admin(world: World) -> Iterator[Hit]:
    """An account of a program that rules the domain."""
    for domain in domains_of(world):
        yield from together(
            domain,
            (
                p
                for p in _admins(domain)
                if p.rid not in (ADMINISTRATOR, KRBTGT) and is_service(domain, p)
            ),
        )


def ad_admin_spn(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        spns = domain.values["spns"]
        found = [p for p in _admins(domain) if p.sid in spns and p.rid != KRBTGT]
        yield from together(domain, found, evidence=(r.id for p in found for r in spns[p.sid]))


def ad_no_preauth(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        found = list(_flagged(NO_PREAUTH)(domain))
        admin = any(p.sid in domain.admins for p in found)
        yield from together(domain, found, "critical" if admin else None)


def ad_password_not_required(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(domain, (p for p in _flagged(NOT_REQUIRED)(domain) if p.rid != GUEST))


def ad_reversible_password(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(domain, _flagged(REVERSIBLE, ("user", "computer"))(domain))


def ad_des_only(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(domain, _flagged(DES_ONLY, ("user", "computer"))(domain))


def ad_unconstrained_delegation(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        found = _flagged(UNCONSTRAINED, ("user", "computer"))(domain)
        yield from together(domain, (p for p in found if p.sid not in domain.controllers))


def ad_delegation_to_controller(world: World) -> Iterator[Hit]:
    """Who may act for others towards a controller is the controller."""
    for domain in domains_of(world):
        hosts = {
            name.lower()
            for sid in domain.controllers
            for p in (domain.principals[sid],)
            for name in (p.row.text("dns"), p.login.rstrip("$"))
            if name
        }
        found: list[Principal] = []
        proof: set[str] = set()
        for sid, rows in sorted(domain.values["delegation"].items()):
            who = domain.principals.get(sid)
            aimed = [r for r in rows if _host(r.text("value")) in hosts]
            if who is not None and aimed and who.enabled is not False:
                found.append(who)
                proof |= {r.id for r in aimed}
        for sid in sorted(domain.controllers):
            if domain.principals[sid].row.number("acts_for"):
                found.append(domain.principals[sid])
        yield from together(domain, found, evidence=proof)


def _host(spn: str) -> str:
    return spn.partition("/")[2].partition("/")[0].partition(":")[0].lower()


def ad_admin_count_orphan(world: World) -> Iterator[Hit]:
    """It was protected as an administrator once and is in no such group now: what was set then has stayed."""
    for domain in domains_of(world):
        if not domain.table("members").whole or not domain.sid:
            continue
        now = {KRBTGT, ADMINISTRATOR}
        inside: set[str] = set(domain.admins)
        for group in (*OPERATORS, REPLICATOR, *map(domain.well_known, (516, 521))):
            inside |= set(domain.effective_of(group))
        yield from together(
            domain,
            (
                u
                for u in domain.users
                if u.row.number("admin_count") == 1 and u.sid not in inside and u.rid not in now
            ),
        )


def ad_sid_history(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        held = domain.values["sid_history"]
        found = [p for sid, p in sorted(domain.principals.items()) if sid in held]
        old = [r.text("value") for p in found for r in held[p.sid]]
        # Numbers below 1000 are those of built-in groups: somebody wrote them by hand.
        odd = any(s.rpartition("-")[2].isdigit() and int(s.rpartition("-")[2]) < 1000 for s in old)
        own = any(domain.sid and s.startswith(f"{domain.sid}-") for s in old)
        yield from together(
            domain,
            found,
            "critical" if odd or own else None,
            (r.id for v in held.values() for r in v),
        )


def ad_dns_admins(world: World) -> Iterator[Hit]:
    """The group has no fixed number; its name is the same in every language."""
    for domain in domains_of(world):
        for group in domain.of("group"):
            if group.login.lower() == "dnsadmins":
                yield from _inside(domain, group.sid)


def ad_operators(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        inside = {sid: w for group in OPERATORS for sid, w in domain.effective_of(group).items()}
        found = [domain.principals[s] for s in sorted(inside) if s in domain.principals]
        yield from together(
            domain,
            (p for p in found if p.kind != "group"),
            evidence=(i for w in inside.values() for i in w.evidence),
        )


def _inside(domain: Domain, group: str) -> Iterator[Hit]:
    inside = domain.effective_of(group)
    found = [domain.principals[s] for s in sorted(inside) if s in domain.principals]
    evidence = (i for w in inside.values() for i in w.evidence)
    yield from together(domain, (p for p in found if p.kind != "group"), evidence=evidence)


def ad_guest_enabled(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(domain, (u for u in domain.users if u.rid == GUEST and u.enabled))


def ad_krbtgt_old(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        for u in domain.users:
            at = u.password_set
            if u.rid == KRBTGT and at and (days := _age_days(world, at)) > OLD_KEY_DAYS:
                yield single(domain, u, days=days)


def ad_admin_stale(world: World) -> Iterator[Hit]:
    """Nobody used it for months; an account that never was used counts from the day it was made."""
    for domain in domains_of(world):
        found: list[Principal] = []
        for p in _admins(domain):
            last = p.last_logon
            if last is None:
                continue
            since = last or p.row.number("created")
            if since and _age_days(world, since) > STALE_DAYS:
                found.append(p)
        yield from together(domain, found)


def ad_admin_password_old(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(
            domain,
            (
                p
                for p in _admins(domain)
                if (at := p.password_set) and _age_days(world, at) > OLD_PASSWORD_DAYS
            ),
        )


def ad_admin_never_expires(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(
            domain,
            (p for p in _admins(domain) if p.rid != ADMINISTRATOR and (p.uac or 0) & NEVER_EXPIRES),
        )


def ad_password_attribute(world: World) -> Iterator[Hit]:
    """Attributes that hold a password as it is; which one was never asked."""
    for domain in domains_of(world):
        rows = domain.table("clear_passwords").rows
        found = [domain.principals[s] for r in rows if (s := r.text("sid")) in domain.principals]
        yield from together(domain, found, evidence=(r.id for r in rows))


def ad_admin_key_credential(world: World) -> Iterator[Hit]:
    """A key by which one logs on without the password, on an account that rules the domain."""
    for domain in domains_of(world):
        held = {r.text("sid"): r.id for r in domain.table("key_credentials").rows}
        found = [p for p in _admins(domain) if p.sid in held]
        yield from together(domain, found, evidence=(held[p.sid] for p in found))


def ad_created_late(world: World) -> Iterator[Hit]:
    """A way in that was made in the last months of the contract: a fact, with its date, and no verdict."""
    try:
        end = datetime.fromisoformat(world.material.engagement.contract_ends).replace(tzinfo=UTC)
    except ValueError:
        return
    begin = end - timedelta(days=LATE_DAYS)
    first, last = (int(t.timestamp()) * 1_000_000 for t in (begin, end + timedelta(days=1)))
    for domain in domains_of(world):
        # In a domain that was made then too, everything is new.
        made = domain.head.number("created") if domain.head else None
        for u in domain.users:
            at = u.row.number("created")
            strong = u.sid in domain.admins or u.dial_in
            if at and strong and u.enabled is not False and first <= at < last:
                if made is not None and at - made < DAY_US:
                    continue
                day = datetime.fromtimestamp(at / 1_000_000, UTC).date().isoformat()
                yield single(domain, u, day=day)


RULES = (
    ad_former_account,
    ad_admin_nested,
    ad_hidden_primary_group,
    ad_dial_in_allowed,
    ad_service_admin,
    ad_admin_spn,
    ad_no_preauth,
    ad_password_not_required,
    ad_reversible_password,
    ad_des_only,
    ad_unconstrained_delegation,
    ad_delegation_to_controller,
    ad_admin_count_orphan,
    ad_sid_history,
    ad_dns_admins,
    ad_operators,
    ad_guest_enabled,
    ad_krbtgt_old,
    ad_admin_stale,
    ad_admin_password_old,
    ad_admin_never_expires,
    ad_password_attribute,
    ad_admin_key_credential,
    ad_created_late,
)
