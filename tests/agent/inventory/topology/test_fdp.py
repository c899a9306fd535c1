"""FDP neighbours (Foundry, Brocade, Ruckus) are read like those of CDP, whatever form their capabilities have."""

from __future__ import annotations

import pytest

from agent.inventory.topology.facts import BRIDGE, ROUTER
from agent.inventory.topology.read import read
from agent.inventory.topology.tables import told
from agent.model.bodies_snmp import SnmpTable
from agent.model.ref import addr
from fixtures.networks.switched.tables import seen

COLUMNS = ("interface", "entry", "address", "version", "device", "port", "platform", "can")


@pytest.mark.parametrize(
    ("can", "expected"),
    [
        ("00000028", {BRIDGE}),
        (b"Router".hex(), {ROUTER}),
        (b"Switch".hex(), {BRIDGE}),
        ("", set[str]()),
        ("zz", set[str]()),
    ],
)
def test_an_fdp_neighbour_is_heard_at_its_port(can: str, expected: set[str]) -> None:
    row = (7, 1, "0a000009", "v8", "icx-2", "ethernet1/1/24", "ICX7150", can)
    o = seen(addr("a", "10.0.0.1"), SnmpTable(table="fdp", columns=COLUMNS, rows=(row,)))
    (heard,) = read("icx-1", told([("r", o)], {o.id: "icx-1"})["icx-1"]).heard
    assert (heard.port, heard.name, heard.addresses) == (7, "icx-2", ("10.0.0.9",))
    assert bytes.fromhex(heard.port_id) == b"ethernet1/1/24"
    assert heard.can == expected
