"""What an agent says of others, and of the parts of itself: access points of a controller, members of a stack."""

from __future__ import annotations

from agent.model.bodies import DeviceAttribute, DeviceIdentity, HostName
from collectors.snmp.meaning import MOST_TEXT, bounded
from tests.collectors.snmp.agents import SYSTEM, agent
from tests.collectors.snmp.test_probe import run

AP = "1.3.6.1.4.1.14179.2.2.1.1"
RADIO = "0.27.33.1.2.0"
CONTROLLER = (
    SYSTEM
    + f"""{AP}.3.{RADIO}|4|ap-accueil
{AP}.16.{RADIO}|4|AIR-AP1832I
{AP}.17.{RADIO}|4|KWC000000AB
{AP}.19.{RADIO}|64|127.0.0.9
{AP}.33.{RADIO}|4x|001b2101aa01
"""
)
UNIT = "1.3.6.1.2.1.47.1.1.1.1"
STACK = SYSTEM + "".join(
    f"{UNIT}.{column}.{unit}|{value}\n"
    for column, of_unit in (
        (5, "2|3"),
        (11, "4|FOC000000{n}"),
        (13, "4|C9300-48P"),
    )
    for unit, value in ((n, of_unit.format(n=n)) for n in (1, 2))
)


def test_an_access_point_is_reported_with_model_and_serial_at_its_own_card() -> None:
    books, _ = run(agent(CONTROLLER))
    said = [b for where, b in books.bodies if str(where).endswith("00:1b:21:01:aa:01")]
    assert DeviceAttribute(name="class", value="access_point") in said
    assert DeviceAttribute(name="model", value="AIR-AP1832I") in said
    assert HostName(name="ap-accueil", source="controller") in said
    (serial,) = [b for b in said if isinstance(b, DeviceIdentity)]
    assert serial.value == "KWC000000AB"


def test_an_access_point_without_the_address_of_its_card_is_not_made_up() -> None:
    bare = CONTROLLER.replace(f"{AP}.33.{RADIO}|4x|001b2101aa01\n", "")
    books, _ = run(agent(bare))
    assert not [b for _, b in books.bodies if isinstance(b, HostName) and b.source == "controller"]


def test_every_member_of_a_stack_is_named() -> None:
    books, _ = run(agent(STACK))
    units = [
        b.value
        for _, b in books.bodies
        if isinstance(b, DeviceAttribute) and b.name == "stack_units"
    ]
    assert units == ["C9300-48P FOC0000001; C9300-48P FOC0000002"]
    # None of them speaks for the whole.
    assert not [
        b for _, b in books.bodies if isinstance(b, DeviceIdentity) and b.scheme == "serial"
    ]


def test_members_that_find_no_room_are_counted() -> None:
    said = bounded([f"WS-C3850-48P FOC{n:08d}" for n in range(200)])
    shown, _, more = said.rpartition("; +")
    assert len(said) <= MOST_TEXT and len(shown.split("; ")) + int(more) == 200
    assert bounded(["a 1", "b 2"]) == "a 1; b 2"


def test_one_chassis_is_no_stack() -> None:
    one = "\n".join(line for line in STACK.splitlines() if not line.split("|")[0].endswith(".2"))
    books, _ = run(agent(SYSTEM + one.removeprefix(SYSTEM) + "\n"))
    assert not [
        b for _, b in books.bodies if isinstance(b, DeviceAttribute) and b.name == "stack_units"
    ]
