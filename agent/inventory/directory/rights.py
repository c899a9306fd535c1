"""Who may do what to an object of a directory, by its security descriptor.

Rights: [MS-ADTS] 5.1.3.2 (masks) and 5.1.3.2.1 (control access rights); order of entries: [MS-ADTS] 5.1.3.3.4.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.inventory.directory.domain import BUILTIN_ADMINISTRATORS, Domain
from agent.inventory.directory.told import Row
from agent.model.directory import StepKind

EVERYONE, ANONYMOUS, AUTHENTICATED = "S-1-1-0", "S-1-5-7", "S-1-5-11"
GET_CHANGES_ALL = "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2"
CONTROL, GENERIC_ALL, GENERIC_WRITE = 0x100, 0x10000000, 0x40000000
WRITE_DAC, WRITE_OWNER, WRITE_PROPERTY = 0x40000, 0x80000, 0x20
INHERIT_ONLY, INHERITED = 0x8, 0x10
_SYSTEM = frozenset({"S-1-5-18", "S-1-5-9", "S-1-3-0", "S-1-5-10", BUILTIN_ADMINISTRATORS})
"""LocalSystem, enterprise controllers, the owner, the object itself."""
_TRUSTED_RIDS = (498, 512, 516, 518, 519)
_WIDE_RIDS = (513, 514, 515)
"""Domain users, guests, computers."""
RESET_PASSWORD = "00299570-246d-11d0-a768-00aa006e0529"


def usual(domain: Domain) -> frozenset[str]:
    """Who may do everything in any domain."""
    return _SYSTEM | {domain.well_known(rid) for rid in _TRUSTED_RIDS}


def wide(domain: Domain) -> frozenset[str]:
    """Groups that everybody is in, or every account."""
    return frozenset(
        {EVERYONE, ANONYMOUS, AUTHENTICATED, "S-1-5-32-545", "S-1-5-32-546", "S-1-5-32-554"}
        | {domain.well_known(rid) for rid in _WIDE_RIDS}
    )


WRITES: dict[str, StepKind] = {
    "bf9679c0-0de6-11d0-a285-00aa003049e2": "members",
    "5b47d60f-6090-40b2-9f37-2a4de88f3063": "key",
    "3f78c3e5-f79a-46bd-a0b8-9d18116ddc79": "acts",
    "f30e3bbe-9ff0-11d1-b603-0000f80367c1": "links",
    "bf967a01-0de6-11d0-a285-00aa003049e2": "script",
}
"""Attribute -> how a path calls it. A service name alone only lets a password be guessed: it is no step."""


def steps(ace: Row, *, secrets: bool = False) -> dict[StepKind, int]:
    """Kind of step -> bits of *ace* that are it. *secrets*: of a domain, copying all its secrets counts too."""
    mask, what = ace.number("mask") or 0, ace.text("what").lower()
    out: dict[StepKind, int] = {"rights": mask & (WRITE_DAC | WRITE_OWNER)}
    if not what:
        out["all"] = mask & (GENERIC_ALL | GENERIC_WRITE | WRITE_PROPERTY)
        out["password"] = mask & CONTROL
    if what in WRITES:
        out[WRITES[what]] = mask & WRITE_PROPERTY
    if what == RESET_PASSWORD:
        out["password"] = mask & CONTROL
    if secrets:
        out.pop("password", None)
        out["secrets"] = mask & CONTROL if what in ("", GET_CHANGES_ALL) else 0
    return {kind: bits for kind, bits in out.items() if bits}


def takes_over(ace: Row) -> int:
    """Bits of *ace* by which its holder makes the object his, by any kind of step."""
    out = 0
    for bits in steps(ace).values():
        out |= bits
    return out


def may_do(domain: Domain, row: Row, bits: Callable[[Row], int]) -> dict[str, str]:
    """SID -> observation, of those to whom the object of *row* allows what *bits* finds in an entry (0: nothing of it).

    The owner may rewrite the entries, and without a list of entries everybody may do everything ([MS-DTYP] 2.5.3.2).
    """
    found: dict[str, str] = {}
    if (head := domain.descriptors.get(row.text("sd"))) is not None:
        if head.number("open") == 1:
            found[EVERYONE] = head.id
        if owner := head.text("owner"):
            found[owner] = head.id
    return {**by_entries(domain, row, bits), **found}


def by_entries(domain: Domain, row: Row, bits: Callable[[Row], int]) -> dict[str, str]:
    """As `may_do`, of those alone whom an entry names.

    A denial counts against the same SID only, and an inherited one not against an entry of the object's own ([MS-ADTS] 5.1.3.3.4). An entry
    with a condition counts: nobody here knows when it holds.
    """
    mark = row.text("sd")
    found: dict[str, str] = {}
    here = [
        a
        for a in domain.entries.get(mark, ())
        if mark and not (a.number("flags") or 0) & INHERIT_ONLY
    ]
    for ace in here:
        if ace.text("kind") == "allow" and (allowed := bits(ace)):
            denied = 0
            for other in here:
                mine = other.text("sid") == ace.text("sid") and other.text("kind") == "deny"
                narrower = other.text("what") not in ("", ace.text("what"))
                if mine and not narrower and _inherited(other) <= _inherited(ace):
                    denied |= other.number("mask") or 0
            if allowed & ~denied:
                found.setdefault(ace.text("sid"), ace.id)
    return found


def _inherited(ace: Row) -> bool:
    return bool((ace.number("flags") or 0) & INHERITED)
