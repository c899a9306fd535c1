"""Rules about machines that our consoles do not know, or no longer hear: only the lists of consoles that stay count.

A machine a line may mean, and one of no known class, make no finding: they stand in the chapter as not sure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agent.judgement.hits import Hit
from agent.judgement.world import World, asset_ref
from agent.model.base import Id
from agent.model.bodies_console import ConsoleKind
from agent.model.console import ConsoleCoverage

SHORT: dict[ConsoleKind, str] = {"rmm": "RMM", "antivirus": "AV", "backup": "BDR", "mdm": "MDM"}
"""Stands for the product where nobody named it; the same word in both languages."""


def _of(world: World, kind: ConsoleKind) -> Iterator[ConsoleCoverage]:
    return (c for c in world.inventory.console_coverage if c.kind == kind)


def _products(world: World, covered: ConsoleCoverage) -> str:
    names = {c.product for c in world.inventory.consoles if c.id in covered.lists and c.product}
    return ", ".join(sorted(names))[:200] or SHORT[covered.kind]


def _agents(world: World) -> dict[Id, tuple[Id, ...]]:
    """Machines on which an RMM agent of ours was seen, with what shows it."""
    found: dict[Id, tuple[Id, ...]] = {}
    for item in world.inventory.software:
        ours = item.category == "rmm" and item.owner.owner == "ours" and item.form != "residue"
        if ours and item.asset is not None:
            found[item.asset] = tuple(sorted({e for a in item.artefacts for e in a.evidence}))
    return found


def missing(kind: ConsoleKind, name: str) -> Callable[[World], Iterator[Hit]]:
    """The rule called *name*: machines that want one of *kind*, and no list has them."""

    def rule(world: World) -> Iterator[Hit]:
        agents = _agents(world) if kind == "rmm" else {}
        for covered in _of(world, kind):
            for asset in covered.missing:
                if asset not in agents:
                    evidence = world.assets[asset].evidence
                    yield Hit(
                        asset_ref(asset), (asset,), evidence, {"product": _products(world, covered)}
                    )

    rule.__name__ = name
    return rule


def stale(kind: ConsoleKind, name: str) -> Callable[[World], Iterator[Hit]]:
    """The rule called *name*: a list has the machine, but it has not reported for a month; of an RMM also an agent of ours no list has."""

    def rule(world: World) -> Iterator[Hit]:
        agents = _agents(world) if kind == "rmm" else {}
        for covered in _of(world, kind):
            product = _products(world, covered)
            entries = [
                e for c in world.inventory.consoles if c.id in covered.lists for e in c.entries
            ]
            for asset in covered.quiet:
                mine = [e for e in entries if e.assets == (asset,)]
                evidence = tuple(sorted({i for e in mine for i in e.evidence}))
                seen = max(e.seen for e in mine)
                yield Hit(asset_ref(asset), (asset,), evidence, {"product": product, "seen": seen})
            for asset in set(covered.missing) & set(agents):
                yield Hit(
                    asset_ref(asset), (asset,), agents[asset], {"product": product, "seen": "–"}
                )

    rule.__name__ = name
    return rule


RULES = (
    missing("rmm", "rmm_missing"),
    stale("rmm", "rmm_silent"),
    missing("antivirus", "antivirus_missing"),
    stale("antivirus", "antivirus_stale"),
    missing("backup", "backup_missing"),
    stale("backup", "backup_stale"),
    missing("mdm", "mdm_missing"),
)
