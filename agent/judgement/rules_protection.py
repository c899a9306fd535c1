"""Rules about what protects machines: engines in each other's way, consoles of the former provider, machines without any.

A conflict of which something is not known is no finding: it stands in the chapter with what would have to be read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agent.catalogs.protection import by_id
from agent.judgement.hits import Hit
from agent.judgement.world import World, asset_ref
from agent.model.attribution import Attribution
from agent.model.protection import Conflict, ConflictKind


def of(kind: ConflictKind, name: str) -> Callable[[World], Iterator[Hit]]:
    """The rule called *name*, for certain conflicts of *kind*."""

    def rule(world: World) -> Iterator[Hit]:
        owners = {i.id: i.owner for i in world.inventory.protection}
        for clash in world.inventory.clashes:
            if clash.kind == kind and clash.verdict == "yes":
                yield _hit(clash, [owners[i] for i in clash.items if i in owners])

    rule.__name__ = name
    return rule


def _hit(clash: Conflict, owners: list[Attribution]) -> Hit:
    shown = [by_id()[p].name if p in by_id() else p for p in clash.products]
    named = [o for o in owners if o.provider is not None]
    return Hit(
        asset_ref(clash.asset),
        (clash.asset,),
        clash.evidence,
        {"product": ", ".join(shown)[:200]},
        owner=max(named, key=lambda o: o.conf, default=None),
    )


def no_antivirus(world: World) -> Iterator[Hit]:
    """A machine that told all about its protection, and none of it watches its files."""
    watched = {
        i.asset
        for i in world.inventory.protection
        if i.kind in ("antivirus", "edr") and i.engine != "no"
    }
    for one in world.inventory.inspections:
        told = {a.area: a.state for a in one.areas}
        if one.whole and told.get("protection") == "done" and one.asset not in watched:
            yield Hit(asset_ref(one.asset), (one.asset,), one.evidence, {})


RULES = (
    of("two_engines", "two_engines"),
    of("defender_server", "defender_server"),
    of("goes_with_rmm", "goes_with_rmm"),
    of("tamper_locked", "tamper_locked"),
    of("tenant_former", "antivirus_former"),
    of("backup_former", "backup_former"),
    no_antivirus,
)
