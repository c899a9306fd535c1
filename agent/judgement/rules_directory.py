"""Rules about the accounts of a directory: whose they are, what they may, and what is odd about them.

Accounts are known by SID and group number, never by a name, which is French, German or changed. What could not be read makes no finding
and clears nothing. Bits of userAccountControl: [MS-ADTS] 2.2.16. Ids of comparable rules stand in the catalogue's references.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.inventory.directory.accounts import owner
from agent.inventory.directory.domain import GUEST, Principal
from agent.judgement.directory_hits import domains_of, flagged, together
from agent.judgement.hits import Hit
from agent.judgement.world import World
from agent.model.ref import Ref

NOT_REQUIRED, REVERSIBLE = 0x20, 0x80
UNCONSTRAINED, DES_ONLY, NO_PREAUTH = 0x80000, 0x200000, 0x400000
DEFAULT_PRIMARY = {"user": (513, 514), "computer": (515, 516, 521)}


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


def ad_no_preauth(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        found = list(flagged(NO_PREAUTH)(domain))
        admin = any(p.sid in domain.admins for p in found)
        yield from together(domain, found, "critical" if admin else None)


def ad_password_not_required(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(domain, (p for p in flagged(NOT_REQUIRED)(domain) if p.rid != GUEST))


def ad_reversible_password(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(domain, flagged(REVERSIBLE, ("user", "computer"))(domain))


def ad_des_only(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(domain, flagged(DES_ONLY, ("user", "computer"))(domain))


def ad_unconstrained_delegation(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        found = flagged(UNCONSTRAINED, ("user", "computer"))(domain)
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


def ad_guest_enabled(world: World) -> Iterator[Hit]:
    for domain in domains_of(world):
        yield from together(domain, (u for u in domain.users if u.rid == GUEST and u.enabled))


def ad_password_attribute(world: World) -> Iterator[Hit]:
    """Attributes that hold a password as it is; which one was never asked."""
    for domain in domains_of(world):
        rows = domain.table("clear_passwords").rows
        found = [domain.principals[s] for r in rows if (s := r.text("sid")) in domain.principals]
        yield from together(domain, found, evidence=(r.id for r in rows))


def _host(spn: str) -> str:
    return spn.partition("/")[2].partition("/")[0].partition(":")[0].lower()


RULES = (
    ad_former_account,
    ad_hidden_primary_group,
    ad_dial_in_allowed,
    ad_no_preauth,
    ad_password_not_required,
    ad_reversible_password,
    ad_des_only,
    ad_unconstrained_delegation,
    ad_delegation_to_controller,
    ad_sid_history,
    ad_guest_enabled,
    ad_password_attribute,
)
