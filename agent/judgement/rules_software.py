"""Rules about remote-access software that was found on machines, one instance at a time: whose it is decides how bad it is.

What is ours or an approved vendor's is no finding. A tool whose owner nobody knows is one: somebody can sit down at this machine with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from agent.catalogs.remote_access import tools
from agent.judgement.hits import Hit
from agent.judgement.world import World, asset_ref
from agent.model.finding import Severity
from agent.model.software import SoftwareItem

KNOWN_GOOD = ("ours", "approved")
FULL = frozenset({"rmm"})
"""Runs programs as the system, unattended; the others show a screen or open a network."""


def rmm_agent(world: World) -> Iterator[Hit]:
    """An RMM agent that runs, or is installed, and is not ours."""
    for item in _left(world):
        if item.form != "residue" and item.category in FULL:
            yield _hit(item, "critical" if item.owner.owner == "former" else "high")


def remote_access_agent(world: World) -> Iterator[Hit]:
    """Remote access, tunnels and agents of other kinds, likewise."""
    for item in _left(world):
        if item.form != "residue" and item.category not in FULL:
            # A screen, or a tunnel into the network; agents that only report are less.
            usual: Severity = "medium" if item.category == "psa_agent" else "high"
            yield _hit(item, "critical" if item.owner.owner == "former" else usual)


def _left(world: World) -> Iterator[SoftwareItem]:
    for item in world.inventory.software:
        if item.asset in world.assets and item.owner.owner not in KNOWN_GOOD:
            yield item


def _hit(item: SoftwareItem, severity: Severity) -> Hit:
    assert item.asset is not None
    names = {t.id: t.name for t in tools()}
    instance = item.instance.get("instance") or item.instance.get("relay") or ""
    shown = sorted({a.name or a.value for a in item.artefacts})
    words = ", ".join(shown)[:300]
    return Hit(
        asset_ref(item.asset),
        (item.asset,),
        tuple(sorted({e for a in item.artefacts for e in a.evidence})),
        {
            "product": f"{names[item.product or '']} {instance}".strip()[:120],
            "words": words,
        },
        severity=severity,
        owner=item.owner,
    )


RULES = (rmm_agent, remote_access_agent)
