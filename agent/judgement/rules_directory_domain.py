"""Rules about a domain as a whole: its policy, its controllers, its trusts, and who may do what to it.

A table that was not read to its end says nothing about what is not there. Rights: [MS-ADTS] 5.1.3.2 (masks) and 5.1.3.2.1 (control
access rights); trust attributes: [MS-ADTS] 6.1.6.7.9; dSHeuristics: [MS-ADTS] 6.1.1.2.4.1.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.inventory.directory.domain import Domain
from agent.inventory.directory.rights import (
    ANONYMOUS,
    AUTHENTICATED,
    CONTROL,
    EVERYONE,
    GENERIC_ALL,
    GET_CHANGES_ALL,
    WRITE_DAC,
    WRITE_OWNER,
    WRITE_PROPERTY,
    may_do,
    usual,
)
from agent.inventory.directory.told import Row
from agent.judgement.directory_hits import domain_ref, domains_of, names, together
from agent.judgement.hits import Hit
from agent.judgement.world import World
from agent.model.finding import Severity

SHORTEST = 8
"""Characters of a password, at least."""
LEVEL_2012R2 = 6
_OLD = re.compile(r"\b(NT|2000|XP|Vista|2003|2008|2012|Windows [78])\b", re.IGNORECASE)
PRE_2000 = "S-1-5-32-554"
OUTBOUND, QUARANTINED, FOREST, WITHIN_FOREST, AS_EXTERNAL = 2, 0x4, 0x8, 0x20, 0x40


def _hit(
    domain: Domain,
    evidence: tuple[str, ...],
    severity: Severity | None = None,
    **params: str | int,
) -> Hit:
    given: dict[str, str | int] = {"domain": domain.name, **params}
    return Hit(domain_ref(domain), (), tuple(sorted(set(evidence))), given, severity=severity)


def ad_machine_quota(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        if domain.head and (quota := domain.head.number("machine_quota")):
            yield _hit(domain, (domain.head.id,), count=quota)


def ad_short_passwords(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        head = domain.head
        length = head.number("min_length") if head else None
        if head and length is not None and length < SHORTEST:
            yield _hit(domain, (head.id,), count=length)


def ad_no_lockout(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        if domain.head and domain.head.number("lockout") == 0:
            yield _hit(domain, (domain.head.id,))


def ad_reversible_policy(world: World) -> Iterator[Hit]:
    """DOMAIN_PASSWORD_STORE_CLEARTEXT of pwdProperties ([MS-SAMR] 2.2.1.3)."""
    for domain in domains_of(world):
        head = domain.head
        if head and (head.number("properties") or 0) & 0x10:
            yield _hit(domain, (head.id,))


def ad_functional_level(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        head = domain.head
        level = head.number("level") if head else None
        if head and level is not None and level < LEVEL_2012R2:
            yield _hit(domain, (head.id,), level=level)


def ad_one_controller(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        told = domain.table("computers")
        if told.whole and len(domain.controllers) == 1:
            (only,) = domain.controllers
            p = domain.principals[only]
            yield _hit(domain, (p.row.id,), name=p.login.rstrip("$"))


def ad_no_laps(world: World) -> Iterator[Hit]:
    """Neither the old nor the new attribute is in the schema: local administrators share a password, or nobody knows it."""
    for domain in domains_of(world):
        told = domain.table("schema_marks")
        marks = {r.text("attribute").lower() for r in told.rows}
        if told.whole and not marks & {"ms-mcs-admpwd", "mslaps-password"}:
            yield _hit(domain, told.evidence)


def ad_no_recycle_bin(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        told = domain.table("enabled_features")
        if told.whole and not any("recycle bin" in r.text("value").lower() for r in told.rows):
            yield _hit(domain, told.evidence)


def ad_old_system(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        found = [
            p
            for p in domain.computers
            if p.enabled is not False and _OLD.search(p.row.text("system"))
        ]
        controller = any(p.sid in domain.controllers for p in found)
        yield from together(domain, found, "high" if controller else None)


def ad_pre_2000(world: World) -> Iterator[Hit]:
    """Everybody without an account reads the directory (high), or everybody with one reads what only few need."""
    for domain in domains_of(world):
        rows = [r for r in domain.table("members").rows if r.text("group") == PRE_2000]
        held = {r.text("member"): r.id for r in rows}
        if open_ := [s for s in (EVERYONE, ANONYMOUS) if s in held]:
            yield _hit(domain, tuple(held[s] for s in open_), "high", who=names(open_))
        elif AUTHENTICATED in held:
            yield _hit(domain, (held[AUTHENTICATED],), who=AUTHENTICATED)


def ad_trust_unfiltered(world: World) -> Iterator[Hit]:
    """Another domain may put the numbers of our administrators into its tickets."""
    for domain in domains_of(world):
        for row in domain.table("trusts").rows:
            direction, attributes = row.number("direction"), row.number("attributes")
            if direction is None or attributes is None or not direction & OUTBOUND:
                continue
            forest = bool(attributes & FOREST)
            if attributes & WITHIN_FOREST:
                continue
            if (forest and attributes & AS_EXTERNAL) or not (forest or attributes & QUARANTINED):
                yield _hit(domain, (row.id,), name=row.text("partner")[:120])


def ad_anonymous_heuristics(world: World) -> Iterator[Hit]:
    """fLDAPBlockAnonOps, the seventh character: 2 lets everybody in."""
    for domain in domains_of(world):
        for row in domain.table("heuristics").rows:
            if row.text("value")[6:7] == "2":
                yield _hit(domain, (row.id,))


def ad_replication_right(world: World) -> Iterator[Hit]:
    """Who may ask for all secrets of the domain as if he were a controller."""

    def secrets(ace: Row) -> int:
        mask, what = ace.number("mask") or 0, ace.text("what").lower()
        wide = 0 if what else mask & (GENERIC_ALL | WRITE_DAC | WRITE_OWNER)
        return wide | (mask & CONTROL if what in ("", GET_CHANGES_ALL) else 0)

    for domain in domains_of(world):
        if domain.head is not None:
            yield from _holders(domain, domain.head, may_do(domain, domain.head, secrets))


def ad_holder_right(world: World) -> Iterator[Hit]:
    """Who may change the model all administrators are made after, may change every administrator within the hour."""

    def changes(ace: Row) -> int:
        mask = ace.number("mask") or 0
        wide = mask & (GENERIC_ALL | WRITE_DAC | WRITE_OWNER)
        return wide | (0 if ace.text("what") else mask & WRITE_PROPERTY)

    for domain in domains_of(world):
        for row in domain.table("holder").rows:
            yield from _holders(domain, row, may_do(domain, row, changes))


def _holders(domain: Domain, row: Row, found: dict[str, str]) -> Iterator[Hit]:
    odd = sorted(set(found) - usual(domain))
    if odd and domain.sid:
        yield _hit(
            domain, (row.id, *(found[s] for s in odd)), who=names(domain.named(s) for s in odd)
        )


DOMAIN_RULES = (
    ad_machine_quota,
    ad_short_passwords,
    ad_no_lockout,
    ad_reversible_policy,
    ad_functional_level,
    ad_one_controller,
    ad_no_laps,
    ad_no_recycle_bin,
    ad_old_system,
    ad_pre_2000,
    ad_trust_unfiltered,
    ad_anonymous_heuristics,
    ad_replication_right,
    ad_holder_right,
)
