"""Rules about rights on what rules a domain: administrators' own objects, group policies, units, controllers, certificate templates.

Enrolment: [MS-CRTD] 4.5 (rights), 2.26-2.28 (flags); the ways in are ESC1 to ESC4 and ESC9 of SpecterOps, "Certified Pre-Owned" (2021).
What was not read makes no finding and clears nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

from agent.inventory.directory.domain import Domain
from agent.inventory.directory.rights import (
    CONTROL,
    GENERIC_ALL,
    GENERIC_WRITE,
    WRITE_DAC,
    WRITE_OWNER,
    WRITE_PROPERTY,
    may_do,
    takes_over,
    usual,
    wide,
)
from agent.inventory.directory.told import Row
from agent.judgement.directory_hits import domain_ref, domains_of, names
from agent.judgement.hits import Hit
from agent.judgement.world import World
from agent.model.ref import Ref

CREATOR_OWNERS = 520
"""Group Policy Creator Owners: they own what they made."""
ENROL, AUTO_ENROL = "0e10c968-78fb-11d2-90d4-00c04f79dc55", "a05b8cc2-17bc-4802-a710-e7c15ab866a2"
SUPPLIES_SUBJECT = 0x1
PENDING, NO_SECURITY_EXTENSION = 0x2, 0x80000
ANY_PURPOSE = "2.5.29.37.0"
AGENT = "1.3.6.1.4.1.311.20.2.1"
LOGON_USES = frozenset(
    {"1.3.6.1.5.5.7.3.2", "1.3.6.1.4.1.311.20.2.2", "1.3.6.1.5.2.3.4", ANY_PURPOSE}
)
"""Client authentication, smart card log-on, PKINIT client, any."""


def _writes(ace: Row) -> int:
    """Bits that change the object itself."""
    mask = ace.number("mask") or 0
    out = mask & (GENERIC_ALL | GENERIC_WRITE | WRITE_DAC | WRITE_OWNER)
    return out | (0 if ace.text("what") else mask & WRITE_PROPERTY)


def _together(
    domain: Domain, found: Iterable[tuple[str, str, str]], **params: str | int
) -> Iterator[Hit]:
    """One hit for all of (object, holder, observation): each object with who may."""
    by: dict[str, set[str]] = defaultdict(set)
    proof: set[str] = set()
    for what, holder, observation in found:
        by[what].add(domain.named(holder))
        proof.add(observation)
    if by:
        given: dict[str, str | int] = {
            "who": names(f"{what} ({', '.join(sorted(who)[:4])})" for what, who in by.items()),
            "count": len(by),
            "domain": domain.name,
            **params,
        }
        yield Hit(domain_ref(domain), (), tuple(sorted(proof)), given)


def _held(
    domain: Domain, row: Row, bits: Callable[[Row], int], allowed: frozenset[str]
) -> dict[str, str]:
    """Who of those not *allowed*, by SID; those who rule the domain anyhow, and groups that nobody is in, are left out."""
    return {
        sid: observation
        for sid, observation in may_do(domain, row, bits).items()
        if sid not in allowed and sid not in domain.admins and not _empty(domain, sid)
    }


def _empty(domain: Domain, sid: str) -> bool:
    """A group of which it is known that it has no member."""
    p = domain.principals.get(sid)
    whole = domain.table("members").whole and domain.table("users").whole
    return p is not None and p.kind == "group" and whole and not domain.effective_of(sid)


def ad_admin_writable(world: World) -> Iterator[Hit]:
    """An administrator, or a group of them, that others may make theirs: one step from ruling the domain."""
    for domain in domains_of(world):
        if not domain.sid:
            continue
        some = [*domain.admins, *domain.admin_groups]
        objects = [p for sid in some if (p := domain.principals.get(sid)) is not None]
        # A group within the administrators is as good as they are.
        inner = {
            domain.principals[s].sid: domain.principals[s]
            for g in domain.admin_groups
            for s in domain.effective_of(g)
            if s in domain.principals
        }
        ok = usual(domain) | set(domain.admin_groups) | set(inner)
        every = {p.sid: p for p in [*objects, *inner.values()]}
        yield from _together(
            domain,
            (
                (p.login, sid, o)
                for p in every.values()
                for sid, o in _held(domain, p.row, takes_over, frozenset(ok)).items()
            ),
        )


def ad_policy_writable(world: World) -> Iterator[Hit]:
    """Who may change a group policy runs what he likes on every machine it reaches."""
    for domain in domains_of(world):
        if not domain.sid:
            continue
        ok = usual(domain) | set(domain.admin_groups) | {domain.well_known(CREATOR_OWNERS)}
        yield from _together(
            domain,
            (
                (row.text("display") or row.text("name"), sid, o)
                for row in domain.table("policies").rows
                for sid, o in _held(domain, row, _writes, frozenset(ok)).items()
            ),
        )


def ad_unit_wide(world: World) -> Iterator[Hit]:
    """Everybody may write to an organizational unit."""
    for domain in domains_of(world):
        everybody = wide(domain)
        yield from _together(
            domain,
            (
                (row.text("name"), sid, o)
                for row in domain.table("units").rows
                for sid, o in may_do(domain, row, takes_over).items()
                if sid in everybody
            ),
        )


def ad_controller_owner(world: World) -> Iterator[Hit]:
    """The owner of a controller's object may give himself every right on it."""
    for domain in domains_of(world):
        ok = usual(domain) | set(domain.admin_groups)
        found: list[tuple[str, str, str]] = []
        for sid in sorted(domain.controllers) if domain.sid else ():
            p = domain.principals[sid]
            head = domain.descriptors.get(p.row.text("sd"))
            owner = head.text("owner") if head is not None else ""
            if head is not None and owner and owner not in ok and owner not in domain.admins:
                found += [(p.login, owner, head.id), (p.login, owner, p.row.id)]
        yield from _together(domain, found)


def ad_lost_trustee(world: World) -> Iterator[Hit]:
    """Rights of somebody who is no more: whoever is given that number again, by a restore, has them."""
    for domain in domains_of(world):
        tables = ("users", "computers", "groups")
        if not domain.sid or not all(domain.table(t).whole for t in tables):
            continue
        marks = {
            r.text("sd"): r.text("display") or r.text("name")
            for t in ("units", "policies")
            for r in domain.table(t).rows
        }
        yield from _together(
            domain,
            (
                (marks[mark], ace.text("sid"), ace.id)
                for mark in sorted(m for m in marks if m)
                for ace in domain.entries.get(mark, ())
                if ace.text("sid").rpartition("-")[0] == domain.sid
                and ace.text("sid") not in domain.principals
                and int(ace.text("sid").rpartition("-")[2]) >= 1000
            ),
        )


def _published(domain: Domain) -> set[str]:
    """Names of templates that an authority issues."""
    return {
        r.text("value").casefold() for rows in domain.values["published"].values() for r in rows
    }


def _templates(domain: Domain) -> Iterator[tuple[Row, frozenset[str], dict[str, str]]]:
    """Published templates: (row, uses, wide groups that may enrol with the observation that says so)."""

    def enrols(ace: Row) -> int:
        mask, what = ace.number("mask") or 0, ace.text("what").lower()
        return mask & (GENERIC_ALL | (CONTROL if what in ("", ENROL, AUTO_ENROL) else 0))

    issued, everybody = _published(domain), wide(domain)
    for row in domain.table("templates").rows:
        if row.text("name").casefold() in issued:
            uses = domain.values["template_uses"].get(row.text("dn"), [])
            may = {s: o for s, o in may_do(domain, row, enrols).items() if s in everybody}
            yield row, frozenset(r.text("value") for r in uses), may


def _unchecked(row: Row) -> bool:
    """Is it issued without anybody's approval or signature?"""
    return not (row.number("enrolment") or 0) & PENDING and not row.number("signatures")


def template(
    name: str, wanted: Callable[[Row, frozenset[str]], bool]
) -> Callable[[World], Iterator[Hit]]:
    """The rule called *name*: templates that everybody gets unasked, and *wanted*."""

    def rule(world: World) -> Iterator[Hit]:
        for domain in domains_of(world):
            yield from _together(
                domain,
                (
                    (row.text("name"), sid, o)
                    for row, uses, may in _templates(domain)
                    if _unchecked(row) and wanted(row, uses)
                    for sid, o in (*may.items(), *((s, row.id) for s in may))
                ),
            )

    rule.__name__ = name
    return rule


def ad_template_writable(world: World) -> Iterator[Hit]:
    """Everybody may change what the authority issues."""
    for domain in domains_of(world):
        everybody, issued = wide(domain), _published(domain)
        yield from _together(
            domain,
            (
                (row.text("name"), sid, o)
                for row in domain.table("templates").rows
                if row.text("name").casefold() in issued
                for sid, o in may_do(domain, row, _writes).items()
                if sid in everybody
            ),
        )


def _supplies(row: Row) -> bool:
    return bool((row.number("flags") or 0) & SUPPLIES_SUBJECT)


def ad_control_path(world: World) -> Iterator[Hit]:
    """Ways of more than one step: the shorter ones stand with the object they end at."""
    for domain in world.inventory.directory:
        far = [p for p in domain.paths if len(p.steps) > 1]
        if far:
            yield Hit(
                Ref(kind="domain", ns="", value=domain.name),
                (),
                tuple(sorted({e for p in far for e in p.evidence})),
                {
                    "who": names(f"{p.name} ({len(p.steps)})" for p in far),
                    "count": len(far),
                    "domain": domain.name,
                },
                severity="critical" if any(p.accounts is None for p in far) else None,
            )


RIGHTS_RULES = (
    ad_control_path,
    ad_admin_writable,
    ad_policy_writable,
    ad_unit_wide,
    ad_controller_owner,
    ad_lost_trustee,
    ad_template_writable,
    template(
        "ad_template_subject",
        lambda row, uses: _supplies(row) and (not uses or bool(uses & LOGON_USES)),
    ),
    template(
        "ad_template_any_purpose",
        lambda row, uses: not _supplies(row) and (not uses or ANY_PURPOSE in uses),
    ),
    template("ad_template_agent", lambda _row, uses: AGENT in uses),
    template(
        "ad_template_no_security",
        lambda row, uses: bool(
            (row.number("enrolment") or 0) & NO_SECURITY_EXTENSION and uses & LOGON_USES
        ),
    ),
)
