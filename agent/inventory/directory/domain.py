"""A domain as a model: principals by SID, groups with everybody who is in them, directly or through others, and by which way.

Groups that matter are known by their numbers, never by their names, which are French, German or changed ([MS-DTYP] 2.4.2.4, well-known
SIDs). Nesting may be a circle, and a hundred deep; a primary group stands in no member list ([MS-ADTS] 3.1.1.4.5: primaryGroupID).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from agent.inventory.directory.told import MISSING, Row, Table, told
from agent.model.bodies_directory import DIAL_IN, LOGON, RESTRICTIONS
from agent.model.observation import Observation

Kind = Literal["user", "computer", "group", "foreign"]
_TABLES: tuple[tuple[str, Kind], ...] = (
    ("users", "user"),
    ("computers", "computer"),
    ("groups", "group"),
    ("foreign", "foreign"),
)
DISABLED = 0x2
"""ACCOUNTDISABLE of userAccountControl ([MS-ADTS] 2.2.16), as the others in `agent.judgement.rules_directory`."""
ADMINS_RIDS = (512, 518, 519)
"""Domain Admins, Schema Admins, Enterprise Admins."""
BUILTIN_ADMINISTRATORS = "S-1-5-32-544"
OPERATORS = ("S-1-5-32-548", "S-1-5-32-549", "S-1-5-32-550", "S-1-5-32-551")
"""Account, Server, Print and Backup Operators."""
ADMINISTRATOR, GUEST, KRBTGT = 500, 501, 502
CONTROLLERS, READ_ONLY_CONTROLLERS = 516, 521


@dataclass(frozen=True)
class Principal:
    """Somebody or something with a SID."""

    sid: str
    kind: Kind
    row: Row

    @property
    def rid(self) -> int:
        tail = self.sid.rsplit("-", 1)[-1]
        return int(tail) if tail.isdigit() else -1

    @property
    def login(self) -> str:
        return self.row.text("login") or self.row.text("name") or self.sid

    def may_read(self, bit: int) -> bool:
        """Could our account read that property set of it?"""
        return bool((self.row.number("readable") or 0) & bit)

    @property
    def uac(self) -> int | None:
        """userAccountControl; None: could not be read."""
        return self.row.number("uac")

    @property
    def enabled(self) -> bool | None:
        return None if self.uac is None else not self.uac & DISABLED

    @property
    def dial_in(self) -> bool | None:
        """True: allowed; False: denied, or left to a policy; None: could not be read."""
        value = self.row.number("dial_in")
        if value is None and not self.may_read(DIAL_IN):
            return None
        return value == 1

    @property
    def last_logon(self) -> int | None:
        """Microseconds, to about two weeks; 0: never; None: could not be read."""
        value = self.row.number("last_logon")
        return value if value is not None else 0 if self.may_read(LOGON) else None

    @property
    def expires(self) -> int | None:
        """accountExpires; 0: never."""
        value = self.row.number("expires")
        return value if value is not None else 0 if self.may_read(RESTRICTIONS) else None

    @property
    def password_set(self) -> int | None:
        value = self.row.number("password_set")
        return value if value is not None else 0 if self.may_read(RESTRICTIONS) else None


@dataclass(frozen=True)
class Membership:
    """`path`: SIDs of the groups from the one asked about down to the one that holds the member; `hidden`: by its primary group."""

    member: str
    path: tuple[str, ...]
    hidden: bool
    evidence: tuple[str, ...]


class Domain:
    """One domain, from its tables."""

    def __init__(self, name: str, tables: Mapping[str, Table]) -> None:
        self.name = name
        self._tables = tables
        self._worked_out: dict[str, dict[str, Membership]] = {}
        self.principals: dict[str, Principal] = {}
        for table, kind in _TABLES:
            for row in self.table(table).rows:
                if sid := row.text("sid"):
                    self.principals[sid] = Principal(sid, kind, row)

    def table(self, name: str) -> Table:
        return self._tables.get(name, MISSING)

    @cached_property
    def head(self) -> Row | None:
        """The row of `policy`."""
        return next(iter(self.table("policy").rows), None)

    @cached_property
    def sid(self) -> str:
        return self.head.text("sid") if self.head else ""

    def of(self, kind: Kind) -> tuple[Principal, ...]:
        return tuple(p for _, p in sorted(self.principals.items()) if p.kind == kind)

    @property
    def users(self) -> tuple[Principal, ...]:
        return self.of("user")

    @property
    def computers(self) -> tuple[Principal, ...]:
        return self.of("computer")

    def well_known(self, rid: int) -> str:
        """SID of the domain's own principal of that number."""
        return f"{self.sid}-{rid}"

    def named(self, sid: str) -> str:
        """What a person calls it; the SID, or name, itself where it is not known."""
        found = self.principals.get(sid)
        return found.login if found else sid

    @cached_property
    def _direct(self) -> dict[str, list[tuple[str, bool, str]]]:
        """Group -> (member, hidden, observation)."""
        out: dict[str, list[tuple[str, bool, str]]] = defaultdict(list)
        for row in self.table("members").rows:
            out[row.text("group")].append((row.text("member"), False, row.id))
        for p in self.principals.values():
            primary = p.row.number("primary_group")
            if primary is not None and p.kind in ("user", "computer"):
                out[f"{p.sid.rpartition('-')[0]}-{primary}"].append((p.sid, True, p.row.id))
        return {group: sorted(set(members)) for group, members in out.items()}

    def members_of(self, group: str) -> Sequence[tuple[str, bool, str]]:
        """Directly in *group*: (member, by its primary group, observation)."""
        return self._direct.get(group, ())

    def effective_of(self, group: str) -> Mapping[str, Membership]:
        """As `effective`, worked out once."""
        if group not in self._worked_out:
            self._worked_out[group] = self.effective(group)
        return self._worked_out[group]

    def effective(self, group: str) -> dict[str, Membership]:
        """Everybody in *group*, by member; each by its shortest way. Groups in it are there too."""
        found: dict[str, Membership] = {}
        waiting: deque[tuple[str, tuple[str, ...], tuple[str, ...]]] = deque([(group, (), ())])
        seen = {group}
        while waiting:
            current, path, evidence = waiting.popleft()
            for member, hidden, observation in self._direct.get(current, ()):
                here = (*path, current)
                proof = tuple(dict.fromkeys((*evidence, observation)))
                if member not in found and member != group:
                    found[member] = Membership(member, here, hidden, proof)
                if member not in seen and self._is_group(member):
                    seen.add(member)
                    waiting.append((member, here, proof))
        return found

    def _is_group(self, sid: str) -> bool:
        p = self.principals.get(sid)
        return p is not None and p.kind == "group"

    @cached_property
    def admin_groups(self) -> tuple[str, ...]:
        return (*(self.well_known(rid) for rid in ADMINS_RIDS), BUILTIN_ADMINISTRATORS)

    @cached_property
    def admins(self) -> dict[str, Membership]:
        """Users, computers and foreign principals that rule the domain, each by the way of the first group that makes them so."""
        out: dict[str, Membership] = {}
        for group in self.admin_groups:
            for member, way in self.effective_of(group).items():
                if not self._is_group(member):
                    out.setdefault(member, way)
        return out

    @cached_property
    def controllers(self) -> frozenset[str]:
        """SIDs of the domain controllers, read-only ones too."""
        return frozenset(
            p.sid
            for p in self.computers
            if p.row.number("primary_group") in (CONTROLLERS, READ_ONLY_CONTROLLERS)
        )

    @cached_property
    def entries(self) -> dict[str, list[Row]]:
        """Mark of a security descriptor -> its entries, in their order."""
        out: dict[str, list[Row]] = defaultdict(list)
        for row in self.table("aces").rows:
            out[row.text("sd")].append(row)
        return dict(out)

    @cached_property
    def descriptors(self) -> dict[str, Row]:
        """Mark of a security descriptor -> its owner, and whether it has entries at all."""
        return {r.text("sd"): r for r in self.table("descriptors").rows}

    def rights_read(self, row: Row) -> bool:
        """Was it told, and understood, who may do what to the object of *row*?"""
        head = self.descriptors.get(row.text("sd"))
        return head is not None and head.number("open") is not None and not head.number("odd")

    @cached_property
    def values(self) -> dict[str, dict[str, list[Row]]]:
        """Table of many values -> key -> its rows."""
        out: dict[str, dict[str, list[Row]]] = {}
        for name in ("spns", "delegation", "sid_history", "published", "template_uses"):
            by_key: dict[str, list[Row]] = defaultdict(list)
            for row in self.table(name).rows:
                by_key[row.text("key")].append(row)
            out[name] = dict(by_key)
        return out


def domains(observations: Iterable[Observation]) -> tuple[Domain, ...]:
    """Every domain something was told of, by name."""
    return tuple(Domain(name, tables) for name, tables in sorted(told(observations).items()))
