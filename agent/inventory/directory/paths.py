"""How ordinary principals come to rule a domain: the shortest way of each, step by step. Pure.

A step is a membership, a right on an object, a policy that applies to it, a unit that holds it. The search goes backwards from what rules
(administrators, their groups, controllers, the domain, AdminSDHolder), so that only objects on a way are looked at. Rights by an entry of
one kind are worked out once a distinct descriptor. Not steps: sessions, local administrators, rights on SYSVOL's files, on sites and on
plain containers; blocked inheritance of policies and their filters are not weighed (a policy may apply to less than is said here).
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agent.inventory.directory.accounts import owner
from agent.inventory.directory.domain import KRBTGT, Domain, Principal
from agent.inventory.directory.rights import EVERYONE, by_entries, steps, usual, wide
from agent.inventory.directory.told import Row
from agent.model.attribution import Attribution, Provider
from agent.model.directory import DirectoryPath, PathStep, StepKind

_NOBODY = Attribution(owner="unknown", provider=None, conf=0)
_OPERATORS = ("S-1-5-32-549", "S-1-5-32-550", "S-1-5-32-551")
"""Server, Print and Backup Operators: they may log on to a controller and load, or restore, what they like."""
_LINK = re.compile(r"\[ldap://(cn=\{[0-9a-f-]{36}\},[^;\]]{1,512});(\d{1,10})\]", re.IGNORECASE)
_OFF = 1
"""gPLink option: the link is switched off ([MS-GPOL] 2.2.2)."""
Node = tuple[str, str]
"""("sid", SID), ("unit", dn), ("policy", dn), ("domain", dn) or ("holder", dn)."""


@dataclass(frozen=True)
class _Step:
    kind: StepKind
    to: Node
    evidence: str


def paths(domain: Domain, providers: Sequence[Provider]) -> tuple[tuple[DirectoryPath, ...], int]:
    """The way of everybody who has one without ruling already, by how many it is open to; and of how many objects met on the ways the
    rights were not told. A group stands for its members."""
    if not domain.sid:
        return (), 0
    graph = _Graph(domain)
    found = graph.search()
    out: list[DirectoryPath] = []
    for node, step in found.items():
        if node[0] != "sid" or step.kind == "member":
            continue
        accounts = None if node[1] in graph.wide else graph.accounts(node[1])
        if accounts != 0:
            out.append(_path(graph, node, found, accounts, providers))
    # Everybody first.
    out.sort(key=lambda p: (p.accounts is not None, -(p.accounts or 0), len(p.steps), p.name))
    return tuple(out), len(graph.unread)


def _path(
    graph: _Graph,
    node: Node,
    found: dict[Node, _Step],
    accounts: int | None,
    providers: Sequence[Provider],
) -> DirectoryPath:
    told: list[PathStep] = []
    evidence: list[str] = []
    at = node
    while at in found:
        step = found[at]
        told.append(PathStep(kind=step.kind, to=graph.named(step.to)))
        evidence.append(step.evidence)
        at = step.to
    p = graph.domain.principals.get(node[1])
    return DirectoryPath(
        sid=node[1],
        name=graph.named(node),
        kind=p.kind if p is not None else "foreign",
        accounts=accounts,
        steps=tuple(told),
        owner=owner(p, providers) if p is not None and p.kind == "user" else _NOBODY,
        evidence=tuple(dict.fromkeys(e for e in evidence if e)),
    )


class _Graph:
    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.wide = wide(domain)
        self.unread: set[Node] = set()
        self._rights: dict[tuple[str, bool], list[tuple[str, StepKind, str]]] = {}
        self._rows: dict[Node, Row] = {
            **{("unit", r.text("dn").lower()): r for r in domain.table("units").rows},
            **{("policy", r.text("dn").lower()): r for r in domain.table("policies").rows},
            **{("holder", r.text("dn").lower()): r for r in domain.table("holder").rows},
        }
        self._links: dict[str, list[Node]] = {}
        heads = (*domain.table("units").rows, *domain.table("policy").rows)
        for row in heads:
            told = [
                ("policy", m[1].lower())
                for m in _LINK.finditer(row.text("links"))
                if not int(m[2]) & _OFF
            ]
            self._links[row.text("dn").lower()] = told
        if domain.head is not None:
            self._rows["domain", domain.head.text("dn").lower()] = domain.head
        self._history: dict[str, list[tuple[str, str]]] = {}
        for sid, rows in domain.values["sid_history"].items():
            for r in rows:
                self._history.setdefault(r.text("value"), []).append((sid, r.id))
        self.ruling = self._ruling()

    def _ruling(self) -> frozenset[Node]:
        """What rules already: whoever has one of these has the domain."""
        d = self.domain
        sids = {*d.admins, *d.admin_groups, *d.controllers, *usual(d), d.well_known(KRBTGT)}
        for group in d.admin_groups:
            sids |= set(d.effective_of(group))
        special = {n for n in self._rows if n[0] in ("domain", "holder")}
        return frozenset({("sid", s) for s in sids} | special)

    def search(self) -> dict[Node, _Step]:
        """Node that does not rule -> its first step of a shortest way."""
        found: dict[Node, _Step] = {}
        waiting: deque[Node] = deque(sorted(self.ruling))
        while waiting:
            at = waiting.popleft()
            for source, kind, evidence in self._into(at):
                if source not in found and source not in self.ruling:
                    found[source] = _Step(kind, at, evidence)
                    waiting.append(source)
        return found

    def accounts(self, sid: str) -> int:
        """How many accounts that are not switched off are, or are in, *sid*; one that nothing is known of counts."""
        d, p = self.domain, self.domain.principals.get(sid)
        if p is None and not sid.startswith("S-1-5-32-"):
            # Of this domain, and in no table that was read to its end: there is nobody of that number any more.
            whole = all(d.table(t).whole for t in ("users", "computers", "groups"))
            return int(not (whole and sid.startswith(f"{d.sid}-")))
        if p is not None and p.kind != "group":
            return int(p.enabled is not False)
        inside = [d.principals.get(s) for s in d.effective_of(sid)]
        return sum(m is None or (m.kind != "group" and m.enabled is not False) for m in inside)

    def named(self, node: Node) -> str:
        kind, id_ = node
        if kind == "sid":
            return self.domain.named(id_)
        row = self._rows.get(node)
        if kind == "domain":
            return self.domain.name
        return (row.text("display") or row.text("name") or id_) if row is not None else id_

    def _into(self, node: Node) -> Iterator[tuple[Node, StepKind, str]]:
        """Who comes to *node* in one step."""
        kind, id_ = node
        row = self._rows.get(node)
        p = self.domain.principals.get(id_) if kind == "sid" else None
        if p is not None:
            row = p.row
            yield from self._principal(p)
        if row is not None:
            for sid, step, evidence in self._holders(row, kind == "domain", node):
                if kind == "policy" and step in ("password", "members", "script", "links"):
                    continue
                yield ("sid", sid), step, evidence
        if kind == "sid":
            for sid, evidence in self._history.get(id_, ()):
                yield ("sid", sid), "history", evidence

    def _principal(self, p: Principal) -> Iterator[tuple[Node, StepKind, str]]:
        d = self.domain
        if p.kind == "group":
            for member, _hidden, evidence in d.members_of(p.sid):
                yield ("sid", member), "member", evidence
            return
        dn = p.row.text("dn").lower()
        _, _, above = dn.partition(",")
        while above:
            if ("unit", above) in self._rows:
                yield ("unit", above), "holds", self._rows["unit", above].id
            for policy in self._links.get(above, ()):
                if policy in self._rows:
                    yield policy, "applies", self._rows[policy].id
            _, _, above = above.partition(",")
        if p.sid in d.controllers:
            for group in _OPERATORS:
                yield ("sid", group), "operates", p.row.id

    def _holders(self, row: Row, secrets: bool, node: Node) -> Iterator[tuple[str, StepKind, str]]:
        mark = row.text("sd")
        if not mark or not self.domain.rights_read(row):
            self.unread.add(node)
        if not mark:
            return
        if (mark, secrets) not in self._rights:
            self._rights[mark, secrets] = list(self._worked_out(row, secrets))
        yield from self._rights[mark, secrets]

    def _worked_out(self, row: Row, secrets: bool) -> Iterator[tuple[str, StepKind, str]]:
        """Of one descriptor: who may, by which kind of step."""
        head = self.domain.descriptors.get(row.text("sd"))
        if head is not None and head.text("owner"):
            yield head.text("owner"), "owns", head.id
        if head is not None and head.number("open") == 1:
            yield EVERYONE, "all", head.id
        entries = self.domain.entries.get(row.text("sd"), ())
        kinds: set[StepKind] = {k for ace in entries for k in steps(ace, secrets=secrets)}
        told: list[StepKind] = sorted(kinds)
        for kind in told:

            def bits(ace: Row, kind: StepKind = kind) -> int:
                return steps(ace, secrets=secrets).get(kind, 0)

            for sid, evidence in by_entries(self.domain, row, bits).items():
                yield sid, kind, evidence
