"""Whose an agent is decides what it is: none of ours or an approved vendor's is a finding, the former provider's is the worst."""

from __future__ import annotations

from typing import Any

import pytest

from agent.catalogs.risks import load_risks
from agent.inventory.inspections import inspections
from agent.inventory.software.gather import gather
from agent.judgement.findings import findings
from agent.judgement.looked import Looked
from agent.judgement.world import World
from agent.model.asset import Asset
from agent.model.attribution import Provider
from agent.model.base import hash_id
from agent.model.inventory import Inventory
from agent.model.judged import SiteFacts
from agent.model.known import Known
from tests.agent.imports.endpoint_sample import screenconnect
from tests.agent.judgement.sample import FORMER, OURS, engagement, material
from tests.agent.judgement.sample_run import DAY, NOW, Run, make_body

ONE = "ab12cd34ef56ab78"
APPROVED = Provider(id="approved-erp", role="approved", name="ERP", ids={"screenconnect": (ONE,)})
HIS = FORMER.model_copy(update={"ids": {"screenconnect": (ONE,)}})
MINE = OURS.model_copy(update={"ids": {"screenconnect": (ONE,)}})


def found(providers: tuple[Provider, ...], rows: list[list[Any]], table: str) -> dict[str, str]:
    """Rule -> severity."""
    site = SiteFacts(id="hq", address="", hours="", networks=("192.0.2.0/24",))
    run = Run(site, NOW - DAY, "run-1")
    body = make_body("endpoint.table", {"table": table, "rows": rows}, "hq/192.0.2.1", 0)
    seen = run.see("endpoint", "192.0.2.1", "192.0.2.1", body)
    m = material(engagement(site), (run,), providers=providers)
    asset = Asset(
        id=hash_id("x"),
        same_as=(),
        identifiers=(),
        ports=(),
        merged=(),
        kept_apart=(),
        presence="live",
        device_class=Known[str].of("server", (seen.id,)),
        class_conf=900,
        attrs={},
        first_seen=NOW,
        last_seen=NOW,
        evidence=(seen.id,),
    )
    left = gather(m.observations, [asset], m.providers, m.key)
    looked = inspections(m.observations, [asset], left)
    inventory = Inventory(assets=(asset,), services=(), software=left, inspections=looked)
    world = World(m, inventory, Looked(m))
    return {f.rule: f.severity for f in findings(world, load_risks(), {})}


@pytest.mark.parametrize(
    ("providers", "severity"),
    [((MINE,), None), ((APPROVED,), None), ((HIS,), "critical"), ((OURS, FORMER), "high")],
)
def test_whose_it_is(providers: tuple[Provider, ...], severity: str | None) -> None:
    told = found(providers, [screenconnect(ONE, "203.0.113.99")], "services")
    assert told.get("remote-access-agent") == severity


def test_what_is_left_of_it_is_little() -> None:
    rows = [[rf"C:\Program Files (x86)\ScreenConnect Client ({ONE})", "unknown"]]
    told = found((HIS,), rows, "paths")
    assert (told.get("agent-residue"), told.get("remote-access-agent")) == ("low", None)
    assert "agent-residue" not in found((MINE,), rows, "paths")
