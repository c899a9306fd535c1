"""Page one: the counts and short lists a person reads first. What was not examined is `None`, never zero by default."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from agent.catalogs.checklist import Checklist
from agent.catalogs.doors import load_doors
from agent.catalogs.risks import Risks
from agent.catalogs.unknowns import load_unknowns
from agent.judgement.checklist import CLOSED, sla_blockers
from agent.judgement.conditions import DAY
from agent.judgement.coverage import not_looked, systems
from agent.judgement.difference import since_last
from agent.judgement.findings import RANK
from agent.judgement.unknowns import passive
from agent.judgement.world import World, body, class_of, personal
from agent.model.base import Id, Us
from agent.model.bodies import TlsCertificate
from agent.model.bodies_console import ConsoleKind
from agent.model.checklist import ChecklistItem
from agent.model.finding import Finding
from agent.model.judged import (
    Coverage,
    Door,
    LedgerLine,
    PageOne,
    StepProgress,
    Todo,
    Unknown,
)
from agent.model.software import SoftwareItem

TODAY = 5
TOP_UNKNOWNS = 5
EXPIRING_DAYS = 60
_BACKUP = ("last_good", "restore_file", "restore_machine", "key_held", "key_place")
_COMMON_NAME = re.compile(r"(?:^|,)\s*CN=([^,]{1,253})", re.IGNORECASE)


def page_one(
    world: World,
    checklist: Checklist,
    risks: Risks,
    findings: tuple[Finding, ...],
    items: tuple[ChecklistItem, ...],
    doors: tuple[Door, ...],
    unknowns: tuple[Unknown, ...],
    coverage: tuple[Coverage, ...],
    ledger: tuple[LedgerLine, ...],
) -> PageOne:
    """Built from what the other parts of the judgement concluded; nothing is judged here anew."""
    backup = backup_facts(world)
    his = tuple(d for d in doors if d.party.owner in ("former", "unknown", "contested"))
    return PageOne(
        ways_in=ways_in(doors),
        ways_in_suspected=sum(_suspected(d) for d in his),
        ways_to_admin=None,
        systems=len(systems(world)),
        systems_not_looked=not_looked(world),
        today=today(world, risks, findings, unknowns),
        doors=his,
        what_stops=None,
        backup="answered" if backup else "not_examined",
        backup_facts=backup,
        unknowns=unknowns[:TOP_UNKNOWNS],
        unknown_total=sum(u.count for u in unknowns),
        unknown_by_cause=_by_cause(unknowns),
        coverage=coverage,
        estate=dict(sorted(Counter(class_of(a) for a in systems(world)).items())),
        left_alone=left_alone(world),
        personal_devices=personal_devices(world),
        no_rmm=_without(world, {i.asset for i in world.inventory.software if _ours(i)}, "rmm"),
        no_antivirus=_without(
            world, _protected(world, ("antivirus", "edr")), "antivirus", "protection"
        ),
        no_backup=_without(world, None, "backup"),
        second_factor_foreign=None,
        leavers=None,
        ownerless_accounts=None,
        administrators=administrators(world),
        expiring=expiring(world),
        steps=tuple(_progress(step.number, items) for step in checklist.steps),
        sla_blockers=sla_blockers(checklist, items),
        letter=letter(world),
        since_last=_since_last(world),
        packets_sent=sum(line.packets for line in ledger),
        bytes_sent=sum(line.bytes for line in ledger),
        accepted_risks=tuple(f.key for f in findings if f.accepted),
    )


def ways_in(doors: Iterable[Door]) -> int | None:
    """Doors observed for a former provider. Zero only where every one of his doors was looked at and not seen."""
    his = [d for d in doors if d.party.owner == "former"]
    observed = sum(d.state == "observed" for d in his)
    if observed:
        return observed
    return 0 if his and all(d.state == "not_seen" for d in his) else None


def _suspected(door: Door) -> bool:
    """A door of his by its words only, or an open one of which nobody knows whose it is."""
    if door.state == "suspected":
        return True
    foreign = door.state == "observed" and door.party.owner in ("unknown", "contested")
    return foreign and not load_doors().door(door.door).local


def today(
    world: World, risks: Risks, findings: Iterable[Finding], unknowns: Iterable[Unknown]
) -> tuple[Todo, ...]:
    """At most five: the worst findings, one for each rule, then the unknowns that hide most."""
    open_ = [f for f in findings if not f.accepted and risks.rule(f.rule).today]
    open_ = [f for f in open_ if RANK[f.severity] >= RANK["medium"]]
    by_rule: dict[str, list[Finding]] = {}
    for f in sorted(open_, key=lambda f: (-RANK[f.severity] * f.conf, f.rule, f.key)):
        by_rule.setdefault(f.rule, []).append(f)
    ordered = in_order(risks, by_rule)
    todos = [_todo(world, risks, rule, by_rule[rule]) for rule in ordered][:TODAY]
    for u in unknowns:
        if len(todos) >= TODAY:
            break
        if all(t.action != u.step for t in todos):
            step = load_unknowns().step(u.step)
            todos.append(
                Todo(
                    action=u.step,
                    kind="unknown",
                    severity="unknown",
                    who=step.who,
                    subjects=(u.subject,) if u.subject else (),
                    labels=(u.label,),
                    params=u.params,
                )
            )
    return tuple(todos)


def in_order(risks: Risks, groups: dict[str, list[Finding]]) -> list[str]:
    """The rules of *groups* as they are, but what has to be closed first on a device stands before what waits for it."""
    order = list(groups)
    for rule in groups:
        mine = {a for f in groups[rule] for a in f.assets}
        waits = [
            later
            for later in risks.rule(rule).before
            if any(mine.intersection(f.assets) for f in groups.get(later, ()))
        ]
        at = min((order.index(w) for w in waits), default=len(order))
        if at < order.index(rule):
            order.remove(rule)
            order.insert(at, rule)
    return order


def _todo(world: World, risks: Risks, rule: str, group: list[Finding]) -> Todo:
    first = group[0]
    subjects = {s: None for f in group for s in f.subjects}
    assets = {a: None for f in group for a in f.assets}
    evidence = {e: None for f in group for e in f.evidence}
    return Todo(
        action=rule,
        kind="finding",
        severity=first.severity,
        who=risks.rule(rule).who,
        subjects=tuple(subjects),
        labels=tuple(world.label(a) for a in assets),
        params=first.params,
        evidence=tuple(evidence),
    )


def expiring(world: World) -> tuple[tuple[str, Us, tuple[Id, ...]], ...]:
    """Certificates that end within 60 days, soonest first; one line a certificate, wherever it is used."""
    found: dict[str, tuple[str, Us, set[str]]] = {}
    for p in world.points:
        c = body(p.certificate, TlsCertificate)
        if c is None or p.certificate is None:
            continue
        if 0 <= c.not_after - world.now <= EXPIRING_DAYS * DAY:
            name = _COMMON_NAME.search(c.subject)
            words = name.group(1).strip() if name else f"{p.ip}:{p.service.port}"
            found.setdefault(c.sha256, (words, c.not_after, set()))[2].add(p.certificate.id)
    rows = [(label, end, tuple(sorted(ids))) for label, end, ids in found.values()]
    return tuple(sorted(rows, key=lambda r: (r[1], r[0], r[2])))


def left_alone(world: World) -> int:
    """Ranges and devices left alone on purpose: never asked, read from tables only, owned by somebody else."""
    owned = {o for p in world.material.providers for o in p.owns}
    never = sum(len(s.never) for s in world.sites.values())
    return never + sum(len(passive(world, s)) for s in world.sites.values()) + len(owned)


def personal_devices(world: World) -> int | None:
    """Telephones with a random MAC address; None where no MAC address was ever seen."""
    macs = any(p.mac is not None for a in world.inventory.assets for p in a.ports)
    return sum(personal(a) for a in systems(world)) if macs else None


def _ours(item: SoftwareItem) -> bool:
    return item.category == "rmm" and item.owner.owner == "ours" and item.form != "residue"


def _protected(world: World, kinds: tuple[str, ...]) -> set[Id]:
    return {i.asset for i in world.inventory.protection if i.kind in kinds and i.engine != "no"}


def _without(
    world: World, having: set[Id | None] | set[Id] | None, console: ConsoleKind, area: str = ""
) -> int | None:
    """Machines read to their end that have it not, and those that no list of a console that stays has and on which nobody saw it.

    Zero is said only when every machine was read, or is in a list; before, nobody knows. *having* None: no machine tells.
    """
    told = [c for c in world.inventory.console_coverage if c.kind == console]
    listed = {a for c in told for a in set(c.needs) - {*c.missing, *c.unsure}}
    if having is None:
        missing = {a for c in told for a in c.missing}
        sure = bool(told) and not any(c.unsure for c in told) and world.looked.all_whole
        return len(missing) or (0 if sure else None)
    read = [
        i
        for i in world.inventory.inspections
        if i.whole and (not area or any(a.area == area and a.state == "done" for a in i.areas))
    ]
    bare = {i.asset for i in read if i.asset not in having}
    bare |= {a for c in told for a in c.missing if a not in having}
    if bare:
        return len(bare)
    every = world.inventory.inspections
    left = {i.asset for i in every} - {i.asset for i in read} - listed
    unsure = any(c.unsure for c in told)
    return 0 if every and not left and not unsure and world.looked.all_whole else None


def administrators(world: World) -> int | None:
    """Accounts that rule a domain and are not switched off; told only where every domain was read to its end."""
    told = world.inventory.directory
    if not told or any(d.unread for d in told):
        return None
    return sum(a.enabled is not False for d in told for a in d.admins)


def backup_facts(world: World) -> dict[str, str]:
    """What people answered about backup, by the last part of the item's id."""
    answers = world.material.answers.items
    out: dict[str, str] = {}
    for name in _BACKUP:
        answer = answers.get(f"7.backup.{name}")
        if answer is not None and (answer.answer or answer.state != "answered"):
            out[name] = answer.answer or answer.state
    return out


def letter(world: World) -> dict[str, int] | None:
    """The request list to the former provider: handed, sent, answered as people recorded it; None before anything happened."""
    answers = world.material.answers.items
    names = ("request_handed", "request_sent", "request_answers", "request_chased")
    done = {n: int(f"7.former.{n}" in answers) for n in names}
    return done if any(done.values()) else None


def _since_last(world: World) -> dict[str, int] | None:
    found = since_last(world)
    if not found:
        return None
    return {
        "new": sum(len(d.new) for d in found),
        "gone": sum(len(d.gone) for d in found),
        "changed": sum(len(d.changed) for d in found),
        "not_compared": sum(len(d.not_compared) for d in found),
    }


def _by_cause(unknowns: Iterable[Unknown]) -> dict[str, int]:
    out: Counter[str] = Counter()
    for u in unknowns:
        out[u.cause] += u.count
    return dict(out)


def _progress(step: int, items: Iterable[ChecklistItem]) -> StepProgress:
    mine = [i for i in items if i.step == step]
    closed = sum(i.state in CLOSED for i in mine)
    unknown = sum(i.state == "unknown" for i in mine)
    return StepProgress(
        step=step,
        total=len(mine),
        closed=closed,
        open=len(mine) - closed - unknown,
        unknown=unknown,
    )
