"""Who can get in, first version: a cell for each door of the catalogue and each party.

`observed` and `suspected` come from findings and their owners; `not_seen` needs every device known and every one of the door's strong
questions answered by each; everything else is `not_examined`. Taking evidence away never leads to `not_seen`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from agent.catalogs.doors import DoorEntry, Doors
from agent.judgement.world import World
from agent.model.attribution import Attribution, Provider
from agent.model.finding import Finding
from agent.model.judged import Door, DoorState
from agent.model.known import Why

NOBODY = Attribution(owner="unknown", provider=None, conf=0)
_ORDER = {"former": 0, "unknown": 1, "contested": 2, "approved": 3, "ours": 4, "client": 5}


@dataclass
class _Cell:
    state: DoorState
    party: Attribution
    findings: list[Finding] = field(default_factory=list[Finding])
    suspicions: list[Finding] = field(default_factory=list[Finding])
    """Findings that only suspect the party: never counted to what was observed of it."""
    evidence: set[str] = field(default_factory=set[str])
    """Of accounts to which the door stands open."""


def doors(catalogue: Doors, world: World, findings: Iterable[Finding]) -> tuple[Door, ...]:
    """Former providers first, then what has no known owner, then the others; doors in catalogue order within a party."""
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for f in findings:
        by_rule[f.rule].append(f)
    rows: list[tuple[int, str, int, Door]] = []
    for n, entry in enumerate(catalogue.doors):
        unseen, statuses = _unseen(entry, world)
        empty: DoorState = "not_seen" if unseen else "not_examined"
        cells: dict[str, _Cell] = {
            p.id: _Cell(empty, declared(p)) for p in world.material.providers if p.role != "ours"
        }
        cells["unknown"] = _Cell(empty, NOBODY)
        for f in (f for r in entry.rules for f in by_rule[r]):
            _enter(cells, f, world)
        _granted(cells, entry, world)
        for key, cell in cells.items():
            rank = _ORDER[cell.party.owner]
            rows.append((rank, key, n, _door(entry, key, cell, world, statuses)))
    return tuple(d for *_, d in sorted(rows, key=lambda r: r[:3]))


def declared(provider: Provider) -> Attribution:
    """The party as client.toml or msp.toml declares it: it names a row, and claims no door."""
    why = Why(feature="declared", matched=provider.name, weight=1000, strong=True)
    return Attribution(owner=provider.role, provider=provider.id, conf=1000, for_=(why,))


def _enter(cells: dict[str, _Cell], f: Finding, world: World) -> None:
    owner = f.owner or NOBODY
    if owner.provider is not None:
        key, party = owner.provider, owner
    elif owner.owner == "unknown":
        key, party = "unknown", NOBODY
    else:
        key, party = owner.owner, owner
    cell = cells.setdefault(key, _Cell("observed", party))
    cell.state, cell.party = "observed", party
    cell.findings.append(f)
    for id_ in owner.suspected:
        suspect = cells.get(id_)
        if suspect is not None:
            if suspect.state != "observed":
                suspect.state = "suspected"
            suspect.suspicions.append(f)


def _granted(cells: dict[str, _Cell], entry: DoorEntry, world: World) -> None:
    """Accounts that pass this door and are somebody's other than the client's: by their own fields observed, by words suspected.

    What a policy may still refuse (`conditional`) is suspected at most.
    """
    for account in world.inventory.accounts:
        if account.enabled.value is False:
            continue
        for grant in (g for g in account.grants if g.door == entry.id):
            owner = account.owner
            named = [owner.provider] if owner.provider else owner.suspected
            for cell in (cells[p] for p in named if p in cells):
                if grant.verdict == "yes" and owner.provider is not None:
                    cell.state, cell.party = "observed", owner
                elif grant.verdict not in ("yes", "conditional") or cell.state == "observed":
                    continue
                else:
                    cell.state = "suspected"
                cell.evidence.update(grant.evidence)
                # The account's own row, which tells whose it is.
                cell.evidence.update(e for why in owner.for_ for e in why.evidence)


def _door(entry: DoorEntry, key: str, cell: _Cell, world: World, statuses: tuple[str, ...]) -> Door:
    names = {p.id: p.name for p in world.material.providers}
    shown = cell.findings if cell.state == "observed" else cell.suspicions
    return Door(
        door=entry.id,
        party=cell.party,
        party_label=names.get(key, key),
        state=cell.state,
        assets=tuple(sorted({a for f in shown for a in f.assets})),
        evidence=tuple(sorted({e for f in shown for e in f.evidence} | cell.evidence)),
        statuses=() if shown or cell.evidence else statuses,
    )


def _unseen(entry: DoorEntry, world: World) -> tuple[bool, tuple[str, ...]]:
    """Did every device answer each of the door's questions, all devices being known?"""
    if not world.looked.all_whole or not world.inventory.assets:
        return False, ()
    statuses: list[str] = []
    for asset in world.inventory.assets:
        for kind in entry.asks:
            keys = world.looked.proved(kind, asset.addrs) or world.told(kind, (asset.id,))
            if not keys:
                return False, ()
            statuses += keys
    return True, tuple(dict.fromkeys(statuses))
