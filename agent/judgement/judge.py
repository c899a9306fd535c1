"""The judgement: observations and inventory in, the whole judged result out. Pure: no clock, no file, no prose."""

from __future__ import annotations

from agent.catalogs.checklist import load_checklist
from agent.catalogs.doors import load_doors
from agent.catalogs.risks import load_risks
from agent.judgement.checklist import closes, fill
from agent.judgement.coverage import coverage
from agent.judgement.door_matrix import doors
from agent.judgement.findings import findings
from agent.judgement.ledgers import ledger_lines
from agent.judgement.looked import Looked
from agent.judgement.page_one import page_one
from agent.judgement.unknowns import unknowns
from agent.judgement.world import World
from agent.material import Material
from agent.model.inventory import Inventory
from agent.model.judged import Judged


def judge(material: Material, inventory: Inventory) -> Judged:
    """Everything a report shows. *inventory* is `agent.inventory.build` of the same material."""
    checklist, risks = load_checklist(), load_risks()
    world = World(material, inventory, Looked(material))
    found = tuple(findings(world, risks, closes(checklist)))
    items = tuple(fill(checklist, world, found))
    matrix = doors(load_doors(), world, found)
    unknown = unknowns(world)
    covered = coverage(world, unknown)
    ledger = ledger_lines(material, {k: h.site for k, h in world.looked.headers.items()})
    return Judged(
        engagement=material.engagement,
        at=material.now,
        runs=material.runs,
        assets=inventory.assets,
        services=inventory.services,
        accounts=inventory.accounts,
        software=inventory.software,
        protection=inventory.protection,
        clashes=inventory.clashes,
        inspections=inventory.inspections,
        local_admins=inventory.local_admins,
        consoles=inventory.consoles,
        console_coverage=inventory.console_coverage,
        directory=inventory.directory,
        nps=inventory.nps,
        findings=found,
        checklist=items,
        doors=matrix,
        unknowns=unknown,
        coverage=covered,
        conflicts=inventory.conflicts,
        topologies=inventory.topologies,
        page_one=page_one(world, checklist, risks, found, items, matrix, unknown, covered, ledger),
        ledger=ledger,
        statuses=material.statuses,
        observations=material.observations,
        labels=inventory.labels,
        vendors={a.id: a.attrs["vendor"] for a in inventory.assets if "vendor" in a.attrs},
    )
