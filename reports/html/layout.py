"""Groups and orders the judged result for the templates. Pure functions; they judge nothing and drop nothing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from agent.model.asset import Asset
from agent.model.finding import SEVERITIES, Finding
from agent.model.judged import Door
from agent.model.observation import Observation
from agent.model.ref import Ref
from agent.model.service import Service
from agent.model.status import ProbeStatus
from reports.prose import RuleProse

_DOOR_RANK = {"observed": 0, "suspected": 1, "not_seen": 2, "not_examined": 3}
_PRESENCE_RANK = {"live": 0, "known_unseen": 1, "claimed": 2, "unseen": 3}
_PARTY_RANK = {"former": 0, "contested": 1, "unknown": 2, "approved": 3, "ours": 4, "client": 5}


@dataclass(frozen=True)
class FindingGroup:
    """Findings that say the same words about several devices; read once. `first` of its rule carries the rule's anchor."""

    rule: str
    severity: str
    told: RuleProse
    findings: tuple[Finding, ...]
    first: bool


@dataclass(frozen=True)
class DoorCell:
    """A door and a party: the worst state seen and what shows it."""

    state: str
    doors: tuple[Door, ...]


@dataclass(frozen=True)
class DoorMatrix:
    """Rows are doors of which at least one cell was looked at; `dark` doors nobody examined."""

    parties: tuple[str, ...]
    rows: tuple[tuple[str, tuple[DoorCell | None, ...]], ...]
    dark: tuple[str, ...]


def finding_groups(
    findings: Iterable[Finding], told: Callable[[Finding], RuleProse]
) -> list[FindingGroup]:
    """Worst first; within a severity in the order of the judge; accepted risks last in their group."""
    groups: dict[tuple[str, str, RuleProse], list[Finding]] = defaultdict(list)
    for f in findings:
        groups[f.rule, f.severity, told(f)].append(f)
    order = sorted(groups, key=lambda k: -SEVERITIES.index(k[1]))  # pyright: ignore[reportArgumentType]
    seen: set[str] = set()
    out: list[FindingGroup] = []
    for rule, severity, text in order:
        members = sorted(groups[rule, severity, text], key=lambda f: f.accepted is not None)
        out.append(FindingGroup(rule, severity, text, tuple(members), rule not in seen))
        seen.add(rule)
    return out


def door_matrix(doors: Sequence[Door]) -> DoorMatrix:
    """The who-can-get-in matrix: the doors observed open first, the former provider's column first."""
    rows: dict[str, dict[str, list[Door]]] = defaultdict(lambda: defaultdict(list))
    owner: dict[str, int] = {}
    for d in doors:
        rows[d.door][d.party_label].append(d)
        owner[d.party_label] = min(owner.get(d.party_label, 9), _PARTY_RANK.get(d.party.owner, 6))
    cells = {
        door: {
            p: DoorCell(min((d.state for d in ds), key=_DOOR_RANK.__getitem__), tuple(ds))
            for p, ds in by.items()
        }
        for door, by in rows.items()
    }
    looked = {k: v for k, v in cells.items() if any(c.state != "not_examined" for c in v.values())}
    # A party of which nothing was seen anywhere would be an empty column; a former provider stays, as that is the question.
    parties = sorted(
        (
            p
            for p in owner
            if owner[p] == 0
            or any(p in by and by[p].state != "not_examined" for by in looked.values())
        ),
        key=lambda p: (owner[p], p),
    )
    order = sorted(looked, key=lambda d: min(_DOOR_RANK[c.state] for c in looked[d].values()))
    return DoorMatrix(
        tuple(parties),
        tuple((d, tuple(looked[d].get(p) for p in parties)) for d in order),
        tuple(d for d in cells if d not in looked),
    )


def device_order(assets: Iterable[Asset]) -> list[Asset]:
    """Present ones first, by site and address."""
    return sorted(
        assets,
        key=lambda a: (
            _PRESENCE_RANK[a.presence],
            a.sites,
            [address_key(r) for r in a.addrs],
            a.id,
        ),
    )


def services_of(services: Iterable[Service]) -> dict[str, list[Service]]:
    """Open services by asset, in order of their ports."""
    out: dict[str, list[Service]] = defaultdict(list)
    for s in sorted(services, key=lambda s: (s.transport, s.port, str(s.at))):
        if s.state == "open":
            out[s.asset].append(s)
    return out


def status_sums(
    statuses: Iterable[tuple[str, ProbeStatus]],
) -> list[tuple[str, str, Counter[str], Counter[str]]]:
    """(run, probe, questions by answer, units by outcome): what each probe asked and how it went."""
    asked: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    units: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for run, s in statuses:
        row = asked[run, s.probe]
        row["units"] += 1
        for name in ("asked", "answered", "negative", "silent", "refused", "errors"):
            row[name] += getattr(s, name)
        units[run, s.probe][s.outcome] += 1
    return [(run, probe, asked[run, probe], units[run, probe]) for run, probe in asked]


def evidence_rows(
    observations: Sequence[tuple[str, Observation]], claimed: set[str], most: int
) -> tuple[list[tuple[str, Observation, bool]], int]:
    """(run, observation, first of its id) rows and how many are left out; what carries a claim is left out last."""
    chosen = list(observations)
    if len(chosen) > most:
        chosen = sorted(chosen, key=lambda pair: pair[1].id not in claimed)[:most]
    chosen.sort(key=lambda pair: (pair[1].at, pair[1].id))
    seen: set[str] = set()
    rows: list[tuple[str, Observation, bool]] = []
    for run, o in chosen:
        rows.append((run, o, o.id not in seen))
        seen.add(o.id)
    return rows, len(observations) - len(rows)


def address_key(ref: Ref) -> tuple[int, tuple[int, ...], str]:
    """Sorts 10.0.0.9 before 10.0.0.10, IPv4 before IPv6."""
    parts = ref.value.split(".")
    if len(parts) == 4 and all(p.isdigit() for p in parts):
        return (4, tuple(int(p) for p in parts), "")
    return (6, (), ref.value)
