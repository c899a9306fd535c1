"""One condition of a policy, held against one account: does it hold, does the request decide, or could it not be told? Pure.

Forms, as NPS writes them into msNPConstraint: USERNTGROUPS, NTGROUPS and MACHINENTGROUPS("SID;SID"), TIMEOFDAY("0 00:00-24:00; ..."),
MATCH("Attribute=expression").
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from agent.inventory.directory.domain import Domain, Principal

Held = Literal["yes", "no", "request", "unread"]
_FORM = re.compile(r'([A-Z]{2,20})\("(.*)"\)', re.DOTALL)
_SID = re.compile(r"S-1-\d+(?:-\d+)+")
_DAY = re.compile(r"([0-6]) 00:00-24:00")
_EVERYBODY = frozenset({"S-1-1-0", "S-1-5-11"})
"""Everyone; Authenticated Users ([MS-DTYP] 2.4.2.4)."""
_USERS, _DOMAIN_USERS = "S-1-5-32-545", "-513"
"""The server's own users, into whom joining puts those of the domain."""
_MEMBERS = ("users", "computers", "groups", "members")
"""Tables that must have been read to their end before somebody is not in a group."""


@dataclass(frozen=True)
class Condition:
    """`form`: what stands before the parenthesis, empty where it was not understood. `sids`: of a condition on groups."""

    form: str
    text: str
    sids: tuple[str, ...] = ()

    @property
    def on_groups(self) -> bool:
        return self.form in ("USERNTGROUPS", "NTGROUPS")

    @property
    def everybody(self) -> bool:
        """Is one of its groups one that every account is in?"""
        return any(
            s in _EVERYBODY
            or s == _USERS
            or (s.startswith("S-1-5-21-") and s.endswith(_DOMAIN_USERS))
            for s in self.sids
        )

    @property
    def empty(self) -> bool:
        """Does it hold of every request? "At any time" is what a policy without conditions has."""
        return self.form == "TIMEOFDAY" and always(self.text)


def condition(text: str) -> Condition:
    """What *text* asks; form empty: not understood."""
    m = _FORM.fullmatch(text.strip())
    if m is None:
        return Condition("", text)
    form, inner = m[1], m[2]
    if not form.endswith("NTGROUPS"):
        return Condition(form, inner)
    parts = [p.strip() for p in inner.split(";") if p.strip()]
    if not parts or any(not _SID.fullmatch(p) for p in parts):
        return Condition("", text)
    return Condition(form, inner, tuple(parts))


def holds(one: Condition, user: Principal, domain: Domain) -> Held:
    """Does *one* hold of a request that *user* of *domain* makes?"""
    match one.form:
        case "USERNTGROUPS":
            return in_any(one.sids, user, domain)
        case "NTGROUPS":
            # Of the computer as well: it may be in one.
            held = in_any(one.sids, user, domain)
            return "request" if held == "no" else held
        case "TIMEOFDAY":
            return "yes" if one.empty else "request"
        case "MACHINENTGROUPS" | "MATCH":
            return "request"
        case _:
            return "unread"


def always(text: str) -> bool:
    """Is every hour of every day in it?"""
    days = [p.strip() for p in text.split(";") if p.strip()]
    told = {m[1] for p in days if (m := _DAY.fullmatch(p))}
    return len(told) == 7


def in_any(sids: tuple[str, ...], user: Principal, domain: Domain) -> Held:
    """Is *user* in one of the groups, directly or through others?"""
    sure = True
    for sid in sids:
        if sid in _EVERYBODY or sid == user.sid:
            return "yes"
        if not domain.sid or sid.rpartition("-")[0] != domain.sid:
            # A group of the server itself (BUILTIN is not that of the controllers), or of another domain: who is in it was not read.
            sure = False
        elif user.sid in domain.effective_of(sid):
            return "yes"
    whole = all(domain.table(t).whole for t in _MEMBERS)
    return "no" if sure and whole else "unread"
