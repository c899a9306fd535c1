"""The onboarding checklist filled: what evidence shows, what people answered, what is still to ask or to do.

`clear` is hard to get and easy to lose: every member known, every question answered, no finding, no evidence missing. A person's tick
counts whatever a device says, and a device says nothing that a person's tick would need: so losing evidence never closes an item.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from agent.catalogs.checklist import Checklist, ChecklistEntry
from agent.judgement.lines import Member, denominator, members
from agent.judgement.world import World
from agent.model.answers import ItemAnswer
from agent.model.base import Us
from agent.model.checklist import ChecklistItem, ItemState, Line
from agent.model.finding import Finding
from agent.model.known import Known
from agent.model.scope import parse_range

CLOSED: frozenset[ItemState] = frozenset({"clear", "done", "cannot_be_had", "not_applicable"})
DECIDED: frozenset[str] = frozenset({"cannot_be_had", "not_applicable"})
CLIENT_FILE = "client.toml"
UNSEEN = "device-gone"
"""Rule of the risk catalogue that says since when a device was not seen."""


class About:
    """Findings by what they are about."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self._order: dict[str, int] = {}
        self._by: dict[tuple[str, str], list[Finding]] = defaultdict(list)
        for n, f in enumerate(findings):
            self._order[f.key] = n
            for name in (*(str(s) for s in f.subjects), *f.assets):
                self._by[f.rule, name].append(f)

    def about(self, member: Member, rules: Iterable[str]) -> list[Finding]:
        """Those of *rules* that name *member*; of a service only what names it, of a place what names a device in it."""
        names = (str(member.subject), *(() if member.subject.kind == "service" else member.assets))
        found = {f.key: f for r in rules for n in names for f in self._by.get((r, n), ())}
        return sorted(found.values(), key=lambda f: self._order[f.key])


def closes(checklist: Checklist) -> dict[str, tuple[str, ...]]:
    """Rule -> items that a finding of it keeps open."""
    out: dict[str, list[str]] = {}
    for entry in checklist.items:
        for rule in entry.rules:
            out.setdefault(rule, []).append(entry.id)
    return {k: tuple(v) for k, v in out.items()}


def fill(checklist: Checklist, world: World, findings: Iterable[Finding]) -> list[ChecklistItem]:
    """Every item of the catalogue, in its order."""
    found = About(f for f in findings if not f.accepted)
    start = start_of(world)
    return [_item(entry, world, found, start) for entry in checklist.items]


def sla_blockers(checklist: Checklist, items: Iterable[ChecklistItem]) -> int:
    """Required items of step 1 that are neither answered nor accepted as not to be had."""
    gate = {e.id for e in checklist.sla_gate}
    return sum(i.id in gate and i.state not in CLOSED for i in items)


def start_of(world: World) -> Us | None:
    """Day zero of the onboarding, from which `due_days` count: start of the mandate, else of the first run."""
    try:
        first = date.fromisoformat(world.material.engagement.mandate_from)
    except ValueError:
        return min((r.header.started for r in world.material.runs), default=None)
    return int(datetime(first.year, first.month, first.day, tzinfo=UTC).timestamp()) * 1_000_000


def _item(entry: ChecklistEntry, world: World, findings: About, start: Us | None) -> ChecklistItem:
    answer = world.material.answers.items.get(entry.id)
    if entry.mode == "evidence":
        return _evidence(entry, answer, world, findings)
    due = answer.due if answer else None
    if entry.mode == "action":
        state: ItemState = "done" if answer else "to_do"
        if due is None and start is not None and entry.due_days is not None:
            due = start + int(timedelta(days=entry.due_days).total_seconds()) * 1_000_000
    else:
        state = "done" if answer else "to_ask"
    if answer is not None and answer.state in DECIDED:
        state = _decided(answer)
    text = answer.answer if answer else None
    by = answer.by if answer else None
    if answer is None and entry.prefill:
        text = prefill(entry.prefill, world) or None
        state, by = ("done", CLIENT_FILE) if text else (state, None)
    return ChecklistItem(
        id=entry.id,
        step=entry.step,
        mode=entry.mode,
        state=state,
        denominator=Known[int].not_asked(),
        answer=text,
        by=by,
        at=answer.at if answer else None,
        due=due,
    )


def _decided(answer: ItemAnswer) -> ItemState:
    return "cannot_be_had" if answer.state == "cannot_be_had" else "not_applicable"


def prefill(path: str, world: World) -> str:
    """What client.toml already says: the value at *path*, or everything below it, a line each."""
    flat = world.material.client
    if flat.get(path):
        return flat[path]
    below = {k.removeprefix(f"{path}."): v for k, v in flat.items() if k.startswith(f"{path}.")}
    return "\n".join(f"{k}: {v}" for k, v in sorted(below.items()) if v and "\n" not in v)


def _evidence(
    entry: ChecklistEntry, answer: ItemAnswer | None, world: World, findings: About
) -> ChecklistItem:
    selector = entry.selector
    if selector is None:
        raise ValueError(f"{entry.id}: an evidence item without subjects")
    found = members(selector, world)
    lines = tuple(_line(entry, m, answer, world, findings) for m in found)
    known = denominator(selector, found, world)
    state = _state(entry, lines, known)
    if answer is not None and answer.state in DECIDED:
        state = _decided(answer)
    return ChecklistItem(
        id=entry.id,
        step=entry.step,
        mode=entry.mode,
        state=state,
        denominator=known,
        lines=lines,
        answer=answer.answer if answer else None,
        by=answer.by if answer else None,
        at=answer.at if answer else None,
        due=answer.due if answer else None,
    )


def _state(entry: ChecklistEntry, lines: tuple[Line, ...], known: Known[int]) -> ItemState:
    states = {line.state for line in lines}
    if "open" in states:
        return "open"
    if "unknown" in states or not lines or known.state != "known" or known.value != len(lines):
        return "unknown"
    return "done" if entry.confirm else "clear"


def _line(
    entry: ChecklistEntry,
    member: Member,
    answer: ItemAnswer | None,
    world: World,
    findings: About,
) -> Line:
    mine = findings.about(member, entry.rules)
    statuses, proved = _proof(entry, member, world)
    tick = _tick(member, answer)
    if tick == "open":
        state = "open"
    elif entry.confirm:
        # Not closed by any machine's answer, nor reopened by one: what was found is listed beside the tick.
        state = "done" if tick == "done" else "open"
    elif mine:
        state = "open"
    else:
        state = "clear" if proved else "unknown"
    # That it was not seen any more opens nothing by itself, but the reader of an open line wants to know.
    beside = [f for f in findings.about(member, [UNSEEN]) if f not in mine]
    return Line.model_validate(
        {
            "subject": member.subject,
            "label": member.label,
            "state": state,
            "findings": tuple(f.key for f in (*mine, *beside)),
            "statuses": statuses,
            "evidence": member.evidence,
        }
    )


def _tick(member: Member, answer: ItemAnswer | None) -> str | None:
    """What a person said of this line; said of the whole item, it holds for what was known then."""
    if answer is None:
        return None
    for name in member.names:
        if name in answer.lines:
            return answer.lines[name]
    if answer.state == "done" and not answer.lines and member.first_seen <= answer.at:
        return "done"
    return None


def _proof(entry: ChecklistEntry, member: Member, world: World) -> tuple[tuple[str, ...], bool]:
    """The statuses that bear on the line, and whether they answer every question of the item."""
    if not entry.asks:
        return (), False
    statuses: list[str] = []
    proved = not world.looked.damaged
    for kind in entry.asks:
        if member.subject.kind == "subnet" and kind == "arp.entry":
            proved = proved and _subnet_asked(member, world)
            continue
        # Any address of the asset may carry the answer, but none may be left without one.
        only = member.subject if member.subject.kind == "service" else None
        keys = world.looked.proved(kind, member.addresses, only)
        keys = keys or world.told(kind, member.assets)
        statuses += keys
        proved = proved and bool(keys)
    if not statuses:
        asked = ((k, r) for k in entry.asks for r in member.addresses)
        statuses = [a.status for k, r in asked for a in world.looked.answers(k, r)]
    return tuple(dict.fromkeys(statuses)), proved


def _subnet_asked(member: Member, world: World) -> bool:
    """Every address of the network that may be asked was asked strongly, somebody answered, and no evidence was lost."""
    site = world.sites[member.subject.ns.removeprefix("site/")]
    if not world.looked.whole(site):
        return False
    rule = world.looked.rule(site)
    nets = parse_range(member.subject.value)
    return any(rule.judge(str(h)) == "allowed" for n in nets for h in n.hosts())
