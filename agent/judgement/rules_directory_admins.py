"""Rules about those who rule a domain, or nearly: how they came to it, how they are protected, whether anybody uses them.

Groups are known by their numbers, never by a name, which is French, German or changed. What could not be read makes no finding and clears
nothing. Ids of comparable rules stand in the catalogue's references.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from agent.inventory.directory.accounts import is_service
from agent.inventory.directory.domain import ADMINISTRATOR, KRBTGT, OPERATORS, Principal
from agent.judgement.directory_hits import (
    DAY_US,
    admins,
    age_days,
    domains_of,
    inside,
    single,
    together,
)
from agent.judgement.hits import Hit
from agent.judgement.world import World

NEVER_EXPIRES = 0x10000
"""Of userAccountControl ([MS-ADTS] 2.2.16)."""
STALE_DAYS, OLD_PASSWORD_DAYS, OLD_KEY_DAYS, LATE_DAYS = 180, 3 * 365, 365, 90
REPLICATOR = "S-1-5-32-552"


def ad_admin_nested(world: World) -> Iterator[Hit]:
    """An administrator by a group within a group: he is in no list of administrators."""
    for domain in domains_of(world):
        for p in admins(domain):
            way = domain.admins[p.sid]
            if len(way.path) > 1 and not way.hidden:
                words = " > ".join(domain.named(s) for s in way.path)[:300]
                yield single(domain, p, way.evidence, way=words)


def ad_service_admin(world: World) -> Iterator[Hit]:
    """An account of a program that rules the domain."""
    for domain in domains_of(world):
        yield from together(
            domain,
            (
                p
                for p in admins(domain)
                if p.rid not in (ADMINISTRATOR, KRBTGT) and is_service(domain, p)
            ),
        )


def ad_admin_spn(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        spns = domain.values["spns"]
        found = [p for p in admins(domain) if p.sid in spns and p.rid != KRBTGT]
        yield from together(domain, found, evidence=(r.id for p in found for r in spns[p.sid]))


def ad_admin_count_orphan(world: World) -> Iterator[Hit]:
    """It was protected as an administrator once and is in no such group now: what was set then has stayed."""
    for domain in domains_of(world):
        if not domain.table("members").whole or not domain.sid:
            continue
        now = {KRBTGT, ADMINISTRATOR}
        held: set[str] = set(domain.admins)
        for group in (*OPERATORS, REPLICATOR, *map(domain.well_known, (516, 521))):
            held |= set(domain.effective_of(group))
        yield from together(
            domain,
            (
                u
                for u in domain.users
                if u.row.number("admin_count") == 1 and u.sid not in held and u.rid not in now
            ),
        )


def ad_dns_admins(world: World) -> Iterator[Hit]:
    """The group has no fixed number; its name is the same in every language."""
    for domain in domains_of(world):
        for group in domain.of("group"):
            if group.login.lower() == "dnsadmins":
                yield from inside(domain, group.sid)


def ad_operators(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        within = {sid: w for group in OPERATORS for sid, w in domain.effective_of(group).items()}
        found = [domain.principals[s] for s in sorted(within) if s in domain.principals]
        yield from together(
            domain,
            (p for p in found if p.kind != "group"),
            evidence=(i for w in within.values() for i in w.evidence),
        )


def ad_krbtgt_old(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        for u in domain.users:
            at = u.password_set
            if u.rid == KRBTGT and at and (days := age_days(world, at)) > OLD_KEY_DAYS:
                yield single(domain, u, days=days)


def ad_admin_stale(world: World) -> Iterator[Hit]:
    """Nobody used it for months; an account that never was used counts from the day it was made."""
    for domain in domains_of(world):
        found: list[Principal] = []
        for p in admins(domain):
            last = p.last_logon
            if last is None:
                continue
            since = last or p.row.number("created")
            if since and age_days(world, since) > STALE_DAYS:
                found.append(p)
        yield from together(domain, found)


def ad_admin_password_old(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(
            domain,
            (
                p
                for p in admins(domain)
                if (at := p.password_set) and age_days(world, at) > OLD_PASSWORD_DAYS
            ),
        )


def ad_admin_never_expires(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(
            domain,
            (p for p in admins(domain) if p.rid != ADMINISTRATOR and (p.uac or 0) & NEVER_EXPIRES),
        )


def ad_admin_key_credential(world: World) -> Iterator[Hit]:
    """A key by which one logs on without the password, on an account that rules the domain."""
    for domain in domains_of(world):
        held = {r.text("sid"): r.id for r in domain.table("key_credentials").rows}
        found = [p for p in admins(domain) if p.sid in held]
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


ADMIN_RULES = (
    ad_admin_nested,
    ad_service_admin,
    ad_admin_spn,
    ad_admin_count_orphan,
    ad_dns_admins,
    ad_operators,
    ad_krbtgt_old,
    ad_admin_stale,
    ad_admin_password_old,
    ad_admin_never_expires,
    ad_admin_key_credential,
    ad_created_late,
)
