"""What changed between the newest run of a site and the one before: new, gone, changed devices, and how many cannot be compared.

"Gone" needs the newer run to have asked that very address and finished; a run that did not look there says nothing about it, nor does
one that heard nobody: its cable may have been out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from agent.judgement.looked import address_of
from agent.judgement.world import World
from agent.model.bodies import Banner, Body, HttpPage, TcpPort, TlsCertificate
from agent.model.ref import Ref
from agent.model.run import RunHeader


@dataclass(frozen=True)
class Difference:
    """Asset ids, sorted. `not_compared`: seen in the older run, and the newer did not ask, or did not finish asking."""

    site: str
    older: str
    newer: str
    new: tuple[str, ...]
    gone: tuple[str, ...]
    changed: tuple[str, ...]
    not_compared: tuple[str, ...]


def difference(world: World, older: RunHeader, newer: RunHeader) -> Difference:
    """Compare two runs of one site."""
    before, after = _seen(world, older.run_id), _seen(world, newer.run_id)
    addresses = {a.id: {str(r) for r in a.addrs} for a in world.inventory.assets}
    gone: list[str] = []
    unsure: list[str] = []
    for asset in before.keys() - after.keys():
        known = world.assets[asset].presence == "gone" or _asked(world, newer, addresses[asset])
        (gone if known else unsure).append(asset)
    both = before.keys() & after.keys()
    return Difference(
        site=newer.site,
        older=older.run_id,
        newer=newer.run_id,
        new=tuple(sorted(after.keys() - before.keys())),
        gone=tuple(sorted(gone)),
        changed=tuple(sorted(a for a in both if before[a] != after[a])),
        not_compared=tuple(sorted(unsure)),
    )


def since_last(world: World) -> tuple[Difference, ...]:
    """For each site with two runs or more: the newest against the one before."""
    out: list[Difference] = []
    for site in world.sites:
        runs = world.looked.newest_runs(site)
        if len(runs) > 1:
            out.append(difference(world, runs[1], runs[0]))
    return tuple(out)


def _seen(world: World, run: str) -> dict[str, set[tuple[str, ...]]]:
    """Asset -> what the run saw of it itself, without what changes by the minute."""
    holder = {e: a.id for a in world.inventory.assets for e in a.evidence}
    out: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for r, o in world.material.observations:
        if r == run and o.standing == "direct" and o.id in holder:
            facts = out[holder[o.id]]
            trait = _trait(o.body)
            if trait:
                facts.add((address_of(o.subject) or "", *trait))
    return out


def _trait(body: Body) -> tuple[str, ...]:
    """What of a body counts as a change when it differs."""
    match body:
        case TcpPort():
            return ("port", str(body.port))
        case Banner():
            return ("banner", str(body.port), body.text[:200])
        case HttpPage():
            return ("page", str(body.port), str(body.tls), body.server, body.title, body.realm)
        case TlsCertificate():
            return ("certificate", str(body.port), body.sha256)
        case _:
            return ()


def _asked(world: World, run: RunHeader, addresses: set[str]) -> bool:
    """Was one of *addresses* asked by *run*, strongly, in a unit that finished and heard somebody, and did none answer?"""
    told = [
        a
        for where in addresses
        for a in world.looked.answers("host.alive", Ref.parse(where))
        if a.run == run.run_id
        and a.strength == "strong"
        and (a.run, a.probe, a.unit) in world.looked.heard
    ]
    return bool(told) and all(a.outcome in ("silent", "negative") for a in told)
