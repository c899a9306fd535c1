"""Rules about remote-access software that was found on machines, one instance at a time: whose it is decides how bad it is.

What is ours or an approved vendor's is no finding. A tool whose owner nobody knows is one: somebody can sit down at this machine with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from agent.catalogs.remote_access import tools
from agent.inventory.attribution import Clue, Clues, attribute
from agent.inventory.inspections import KNOWN_GOOD
from agent.judgement.hits import Hit
from agent.judgement.world import World, asset_ref
from agent.model.attribution import Provider
from agent.model.finding import Severity
from agent.model.software import SoftwareItem

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


def reinstall_path(world: World) -> Iterator[Hit]:
    """What brings an agent back that is not ours: removing the agent alone is futile."""
    for item in _left(world):
        if item.reinstalled_by:
            hit = _hit(item, "critical" if item.owner.owner == "former" else "high")
            yield replace(hit, evidence=item.reinstalled_by)


def agent_residue(world: World) -> Iterator[Hit]:
    """Files or settings of an agent of which nothing runs and nothing is installed any more."""
    for item in _left(world):
        if item.form == "residue":
            yield _hit(item, "low")


def local_admin_former(world: World) -> Iterator[Hit]:
    """A local administrator whose name is that of a former provider, of his people, or of his domain."""
    former = [p for p in world.material.providers if p.role == "former"]
    for admin in world.inventory.local_admins if former else ():
        area, _, account = admin.name.rpartition("\\")
        clues = Clues(
            names=(Clue(area, admin.evidence),) if "." in area else (),
            texts=tuple(Clue(t, admin.evidence) for t in _said(account, former)),
        )
        found = attribute(clues, former)
        if found.provider is None and not found.suspected:
            continue
        names = [p.name for p in former if p.id in (found.provider, *found.suspected)]
        for host in admin.hosts:
            mine = tuple(e for e in admin.evidence if e in world.assets[host].evidence)
            yield Hit(
                asset_ref(host),
                (host,),
                mine,
                {
                    "words": admin.name[:120],
                    "provider": ", ".join(names)[:200],
                },
                severity="critical" if found.provider else "high",
                owner=found,
            )


def _said(account: str, former: list[Provider]) -> list[str]:
    """The words of an account's name; and a provider's own name where the account has it without blanks (`adm-oldmsp`)."""
    plain = _squeezed(account)
    names = [n for p in former for n in (p.name, *p.aliases, *p.people)]
    return [re.sub(r"[._-]+", " ", account)] + [
        n for n in names if len(_squeezed(n)) >= 4 and _squeezed(n) in plain
    ]


def _squeezed(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.casefold())


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


RULES = (
    rmm_agent,
    remote_access_agent,
    reinstall_path,
    agent_residue,
    local_admin_former,
)
