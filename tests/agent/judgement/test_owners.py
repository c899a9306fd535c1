"""A port that answers is whoever's the agent behind it is, where the machine told of exactly one and its owner is known."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from agent.inventory.software.find import software
from agent.judgement.owners import by_agent
from agent.model.attribution import Provider
from agent.model.software import SoftwareItem
from tests.agent.inventory.software.disguises import HOST, trace

HIS, ANOTHER = "ab12cd34ef56ab78", "1111111111111111"
FORMER = Provider(id="former", role="former", name="InfoSud", ids={"screenconnect": (HIS,)})


def agents(*ids: str, host: str = HOST) -> tuple[SoftwareItem, ...]:
    some = [trace("service", f"ScreenConnect Client ({i})", host, state="running") for i in ids]
    return software(some, (FORMER,), b"k" * 32)


@pytest.mark.parametrize(
    ("items", "product", "provider"),
    [
        (agents(HIS), "ConnectWise ScreenConnect", "former"),
        (agents(HIS), "screenconnect", "former"),
        (agents(HIS), "TeamViewer", None),
        (agents(ANOTHER), "ScreenConnect", None),
        (agents(HIS, ANOTHER), "ScreenConnect", None),
        (agents(HIS, host="b" * 32), "ScreenConnect", None),
        ((), "ScreenConnect", None),
    ],
    ids=["his", "by id", "another tool", "nobody's", "two", "another machine", "nothing told"],
)
def test_whose_the_agent_behind_a_port_is(
    items: tuple[SoftwareItem, ...], product: str, provider: str | None
) -> None:
    world = SimpleNamespace(inventory=SimpleNamespace(software=items))
    found = by_agent(product, [HOST], world)  # type: ignore[arg-type]
    assert (found.provider if found else None) == provider
