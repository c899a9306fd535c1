"""Rules about what a domain carries along: accounts and machines nobody uses, old passwords and keys, trusts, weak settings.

A machine changes its own password every 30 days ([MS-NRPC] 3.1.6; default of Windows). What could not be read makes no finding and
clears nothing. Ids of comparable rules stand in the catalogue's references.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agent.inventory.attribution import Clue, Clues, attribute
from agent.inventory.directory.domain import ADMINISTRATOR, GUEST, KRBTGT, Domain, Principal
from agent.inventory.directory.told import Row
from agent.judgement.directory_hits import (
    DAY_US,
    admins,
    age_days,
    domain_ref,
    domains_of,
    names,
    together,
)
from agent.judgement.hits import Hit
from agent.judgement.world import World
from agent.model.finding import Severity

NEVER_EXPIRES, NOT_DELEGATED = 0x10000, 0x100000
"""Of userAccountControl ([MS-ADTS] 2.2.16)."""
PROTECTED_USERS, SCHEMA_ADMINS = 525, 518
AES, OLD_TYPES = 0x18, 0x7
"""Of msDS-SupportedEncryptionTypes ([MS-KILE] 2.2.7): AES 128 and 256; DES and RC4."""
INACTIVE_DAYS, MACHINE_DAYS, CONTROLLER_DAYS, SSO_DAYS, TRUST_DAYS, USED_DAYS = (
    180,
    90,
    60,
    60,
    60,
    35,
)
COMPLEX = 0x1
"""DOMAIN_PASSWORD_COMPLEX of pwdProperties ([MS-SAMR] 2.2.1.3)."""
REMEMBERED, PSO_SHORTEST = 5, 8
DOWNLEVEL, TGT_DELEGATION = 1, 0x800
"""trustType and trustAttributes ([MS-ADTS] 6.1.6.7.15, 6.1.6.7.9)."""
SSO_ACCOUNT = "AZUREADSSOACC$"
SYNC = ("msol_", "aad_")
"""How Entra Connect names its account (Microsoft, Entra Connect: accounts and permissions)."""
Found = Callable[[World, Domain], Iterator[Principal]]


def listed(
    name: str, found: Found, severity: Severity | None = None
) -> Callable[[World], Iterator[Hit]]:
    """The rule called *name*: one hit a domain for all principals that *found* names."""

    def rule(world: World) -> Iterator[Hit]:
        for domain in domains_of(world):
            yield from together(domain, found(world, domain), severity)

    rule.__name__ = name
    return rule


def _unprotected(_: World, domain: Domain) -> Iterator[Principal]:
    """The built-in one is left out: it is kept for the day the others no longer work."""
    if domain.table("members").whole and domain.table("groups").whole:
        inside = domain.effective_of(domain.well_known(PROTECTED_USERS))
        for p in admins(domain):
            if p.rid != ADMINISTRATOR and p.sid not in inside:
                yield p


def _delegable(_: World, domain: Domain) -> Iterator[Principal]:
    inside = domain.effective_of(domain.well_known(PROTECTED_USERS))
    for p in admins(domain):
        marked = p.uac is None or p.uac & NOT_DELEGATED
        if not marked and p.sid not in inside and p.rid != ADMINISTRATOR:
            yield p


def _schema_admins(_: World, domain: Domain) -> Iterator[Principal]:
    for sid in sorted(domain.effective_of(domain.well_known(SCHEMA_ADMINS))):
        p = domain.principals.get(sid)
        if p is not None and p.kind == "user" and p.rid != ADMINISTRATOR and p.enabled is not False:
            yield p


def _builtin_used(world: World, domain: Domain) -> Iterator[Principal]:
    for p in domain.users:
        at = p.last_logon if p.rid == ADMINISTRATOR and p.enabled else None
        if at and age_days(world, at) <= USED_DAYS:
            yield p


def _admin_mail(_: World, domain: Domain) -> Iterator[Principal]:
    yield from (p for p in admins(domain) if p.row.text("mail"))


def _never_expires(_: World, domain: Domain) -> Iterator[Principal]:
    for p in domain.users:
        ordinary = p.sid not in domain.admins and p.rid not in (GUEST, KRBTGT)
        if p.enabled and ordinary and p.uac is not None and p.uac & NEVER_EXPIRES:
            yield p


def _unused(world: World, p: Principal, days: int) -> bool:
    """Made, and last logged on, longer ago than *days*; one that could not be read is not."""
    made, last = p.row.number("created"), p.last_logon
    if not made or last is None or not p.enabled:
        return False
    return min(age_days(world, made), age_days(world, last)) > days


def _inactive_users(world: World, domain: Domain) -> Iterator[Principal]:
    for p in domain.users:
        ordinary = p.rid not in (ADMINISTRATOR, GUEST, KRBTGT) and p.sid not in domain.admins
        if ordinary and _unused(world, p, INACTIVE_DAYS):
            yield p


def _inactive_computers(world: World, domain: Domain) -> Iterator[Principal]:
    for p in domain.computers:
        if p.sid not in domain.controllers and _unused(world, p, INACTIVE_DAYS):
            yield p


def _machine_password(world: World, domain: Domain) -> Iterator[Principal]:
    """It logs on, and has not changed its password in three of its months."""
    for p in domain.computers:
        if p.sid in domain.controllers or not p.enabled or not p.password_set or not p.last_logon:
            continue
        silent = age_days(world, p.last_logon) > INACTIVE_DAYS
        sso = p.login.upper() == SSO_ACCOUNT
        if not silent and not sso and age_days(world, p.password_set) > MACHINE_DAYS:
            yield p


def _controller_password(world: World, domain: Domain) -> Iterator[Principal]:
    for sid in sorted(domain.controllers):
        p = domain.principals[sid]
        if p.enabled and p.password_set and age_days(world, p.password_set) > CONTROLLER_DAYS:
            yield p


def _old_encryption(_: World, domain: Domain) -> Iterator[Principal]:
    """Accounts of programs whose tickets are made with RC4 or DES, although told to choose."""
    for p in domain.users:
        types = p.row.number("encryption")
        old = types and not types & AES and types & OLD_TYPES
        if p.enabled and old and p.sid in domain.values["spns"] and p.rid != KRBTGT:
            yield p


def _sso(world: World, domain: Domain) -> Iterator[Principal]:
    for p in domain.computers:
        at = p.password_set if p.login.upper() == SSO_ACCOUNT else None
        if at and age_days(world, at) > SSO_DAYS:
            yield p


def _sync(_: World, domain: Domain) -> Iterator[Principal]:
    yield from (p for p in domain.users if p.enabled and p.login.lower().startswith(SYNC))


def _twins(_: World, domain: Domain) -> Iterator[Principal]:
    """Two controllers made it at once, or a name was taken twice ([MS-ADTS] 3.1.1.5.1.2)."""
    for _sid, p in sorted(domain.principals.items()):
        if p.login.upper().startswith("$DUPLICATE-") or "CNF:" in p.row.text("dn"):
            yield p


def _joined_by_users(_: World, domain: Domain) -> Iterator[Principal]:
    """Joined by an ordinary user, who keeps rights on it."""
    for p in domain.computers:
        creator = p.row.text("creator")
        if p.enabled and creator and creator not in domain.admins and creator != p.sid:
            yield p


def _without_laps(_: World, domain: Domain) -> Iterator[Principal]:
    """Only where others have it, so that it could be read."""
    told = [p for p in domain.computers if p.enabled and p.sid not in domain.controllers]
    having = {p.sid for p in told if p.row.number("laps") or p.row.number("new_laps")}
    for p in told if having else ():
        if p.sid not in having and "windows" in p.row.text("system").lower():
            yield p


def _auditing_group(_: World, domain: Domain) -> Iterator[Principal]:
    """NAME$$$: while it is there, SIDs of another domain may be written into histories."""
    yield from (p for p in domain.of("group") if p.login.endswith("$$$"))


def _head(domain: Domain, **params: str | int) -> Iterator[Hit]:
    if domain.head is not None:
        yield Hit(domain_ref(domain), (), (domain.head.id,), {"domain": domain.name, **params})


def ad_no_complexity(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        properties = domain.head.number("properties") if domain.head else None
        if properties is not None and not properties & COMPLEX:
            yield from _head(domain)


def ad_no_history(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        kept = domain.head.number("history") if domain.head else None
        if kept is not None and kept < REMEMBERED:
            yield from _head(domain, count=kept)


def rows(
    name: str, table: str, wanted: Callable[[World, Row], bool], called: Callable[[Row], str]
) -> Callable[[World], Iterator[Hit]]:
    """The rule called *name*: one hit a domain for all rows of *table* that are *wanted*."""

    def rule(world: World) -> Iterator[Hit]:
        for domain in domains_of(world):
            found = [r for r in domain.table(table).rows if wanted(world, r)]
            if found:
                params: dict[str, str | int] = {
                    "who": names(called(r)[:120] for r in found),
                    "count": len(found),
                    "domain": domain.name,
                }
                proof = tuple(sorted(r.id for r in found))
                yield Hit(domain_ref(domain), (), proof, params)

    rule.__name__ = name
    return rule


def _weak_pso(_: World, row: Row) -> bool:
    length = row.number("min_length")
    return bool(row.number("reversible")) or (length is not None and length < PSO_SHORTEST)


def _old_trust(world: World, row: Row) -> bool:
    changed = row.number("changed")
    return bool(changed) and (world.now - (changed or 0)) // DAY_US > TRUST_DAYS


def _rc4_trust(_: World, row: Row) -> bool:
    types = row.number("encryption")
    return row.number("type") == 2 and types is not None and not types & AES


def _partner(row: Row) -> str:
    return row.text("partner") or row.text("flat")


def ad_trust_former(world: World) -> Iterator[Hit]:
    """The former provider's own domain is trusted."""
    former = [p for p in world.material.providers if p.role == "former"]
    for domain in domains_of(world) if former else ():
        for row in domain.table("trusts").rows:
            clue = Clue(_partner(row), (row.id,))
            texts = (Clue(row.text("flat"), (row.id,)),) if row.text("flat") else ()
            found = attribute(Clues(names=(clue,), texts=texts), former)
            if found.provider or found.suspected:
                yield Hit(
                    domain_ref(domain),
                    (),
                    (row.id,),
                    {"name": _partner(row)[:120], "domain": domain.name},
                    conf=None if found.provider else 500,
                    owner=found,
                )


def heuristic(name: str, place: int, off: str) -> Callable[[World], Iterator[Hit]]:
    """The rule called *name*: character *place* of dSHeuristics (from 1) is there and none of *off*."""

    def rule(world: World) -> Iterator[Hit]:
        for domain in domains_of(world):
            for row in domain.table("heuristics").rows:
                told = row.text("value")[place - 1 : place]
                if told and told not in off:
                    params: dict[str, str | int] = {"domain": domain.name, "what": told}
                    yield Hit(domain_ref(domain), (), (row.id,), params)

    rule.__name__ = name
    return rule


HYGIENE_RULES = (
    listed("ad_unprotected_admin", _unprotected),
    listed("ad_delegable_admin", _delegable),
    listed("ad_schema_admins", _schema_admins),
    listed("ad_builtin_used", _builtin_used),
    listed("ad_admin_mail", _admin_mail),
    listed("ad_never_expires", _never_expires),
    listed("ad_inactive_users", _inactive_users),
    listed("ad_inactive_computers", _inactive_computers),
    listed("ad_machine_password_old", _machine_password),
    listed("ad_controller_password_old", _controller_password),
    listed("ad_old_encryption", _old_encryption),
    listed("ad_sso_key_old", _sso),
    listed("ad_sync_account", _sync),
    listed("ad_twins", _twins),
    listed("ad_joined_by_users", _joined_by_users),
    listed("ad_without_laps", _without_laps),
    listed("ad_auditing_group", _auditing_group),
    ad_no_complexity,
    ad_no_history,
    rows("ad_weak_pso", "psos", _weak_pso, lambda r: r.text("name")),
    rows("ad_trust_inactive", "trusts", _old_trust, _partner),
    rows("ad_trust_downlevel", "trusts", lambda _, r: r.number("type") == DOWNLEVEL, _partner),
    rows("ad_trust_rc4", "trusts", _rc4_trust, _partner),
    rows(
        "ad_trust_tickets",
        "trusts",
        lambda _, r: bool((r.number("attributes") or 0) & TGT_DELEGATION),
        _partner,
    ),
    ad_trust_former,
    heuristic("ad_anonymous_nspi", 8, "0"),
    heuristic("ad_operators_unguarded", 16, "0"),
    heuristic("ad_names_not_unique", 21, "0"),
    heuristic("ad_list_object", 3, "0"),
)
