"""What a client approved on one machine is approved there and nowhere else, and only where nothing of the agent itself speaks."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from agent.inventory.software.approved import Place
from agent.inventory.software.find import software
from agent.model.attribution import Attribution, Provider
from tests.agent.inventory.software.disguises import HOST, trace
from tests.agent.inventory.software.test_find import FORMER, KEY, OURS

UNTIL = 1_000_000
ERP = Provider(
    id="approved-erp",
    role="approved",
    name="Sage partner",
    tools=("TeamViewer",),
    on=("SRV-ERP", "192.168.50.0/25", "SRV-PAIE at siege"),
    valid=(None, UNTIL),
)
PLACE = Place("srv-erp", True, True, (ip_address("192.168.1.9"),), ("siege",), UNTIL)


def owner(place: Place | None, *providers: Provider, **values: str) -> Attribution:
    some = [trace("service", "TeamViewer", state="running", path="C:/Program Files/TeamViewer")]
    if values:
        some.append(trace("registry_value", "AccountId", values=values))
    places = {HOST: place} if place else {}
    (item,) = software(some, (OURS, FORMER, *(providers or (ERP,))), KEY, places)
    assert item.product == "teamviewer"
    return item.owner


def place(**fields: object) -> Place:
    told: dict[str, object] = {s: getattr(PLACE, s) for s in Place.__slots__}
    return Place(**{**told, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "where",
    [
        PLACE,
        place(name="other", addresses=(ip_address("192.168.50.7"),)),
        place(name="srv-paie", alone=False),
    ],
)
def test_approved_where_the_client_says(where: Place) -> None:
    found = owner(where)
    assert (found.owner, found.provider) == ("approved", "approved-erp")
    assert found.for_[0].feature == "approved_on"
    assert found.for_[0].evidence


@pytest.mark.parametrize(
    "where",
    [
        None,
        place(name="srv-fic"),
        place(name=""),
        place(alone=False),
        place(name="srv-paie", sites=("agence",)),
        place(name="srv-paie", alone_here=False),
        place(name="other", addresses=(ip_address("192.168.50.129"),)),
        place(last_seen=UNTIL + 1),
    ],
    ids=["nobody", "elsewhere", "no name", "two of it", "site", "two here", "address", "ended"],
)
def test_not_approved_elsewhere(where: Place | None) -> None:
    found = owner(where)
    assert found.owner == "unknown"
    assert found.suspected == ("approved-erp",)


@pytest.mark.parametrize("other", [OURS, FORMER])
def test_a_tool_that_another_provider_uses_too_is_nobodys(other: Provider) -> None:
    uses = other.model_copy(update={"id": "another", "tools": ("TeamViewer",)})
    found = owner(PLACE, ERP, uses)
    assert found.owner == "unknown"
    assert set(found.suspected) == {"approved-erp", "another"}


def test_an_approval_by_identifiers_is_not_stretched_by_the_machines_name() -> None:
    found = owner(PLACE, ERP.model_copy(update={"ids": {"teamviewer": ("1234567",)}}))
    assert found.owner == "unknown"


def test_two_instances_are_not_approved_by_one_word() -> None:
    erp = ERP.model_copy(update={"tools": ("ScreenConnect",)})
    two = [
        trace("service", f"ScreenConnect Client ({i})", state="running", display="x")
        for i in ("1111111111111111", "2222222222222222")
    ]
    found = software(two, (OURS, erp), KEY, {HOST: PLACE})
    assert [i.owner.owner for i in found] == ["unknown", "unknown"]
    (one,) = software(two[:1], (OURS, erp), KEY, {HOST: PLACE})
    assert one.owner.owner == "approved"
    known = ERP.model_copy(update={"id": "former-2", "role": "former", "tools": (), "on": ()})
    his = known.model_copy(update={"ids": {"screenconnect": ("1111111111111111",)}})
    (one,) = software(two[:1], (OURS, erp, his), KEY, {HOST: PLACE})
    assert one.owner.owner == "former", (
        "an identifier of the agent goes before a word about the machine"
    )
