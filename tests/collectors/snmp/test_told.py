"""The round of identity: which objects an agent is asked for, that no other of its maker's tree is, and who it then is in the inventory."""

from __future__ import annotations

import pytest

from agent.catalogs.snmp_families import asked
from agent.inventory.snmp.identify import identify
from agent.inventory.snmp.live import VALUES, walked_of
from agent.inventory.snmp.snmprec import parse_snmprec
from agent.model.bodies_snmp import SnmpTable
from collectors.snmp.told import TABLE
from tests.collectors.snmp.agents import agent
from tests.collectors.snmp.test_probe import run, table

NAS = """1.3.6.1.2.1.1.1.0|4|Linux nas 4.4.302+ #64570 SMP x86_64
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.8072.3.2.10
1.3.6.1.2.1.1.3.0|67|123456
1.3.6.1.2.1.1.5.0|4|nas
1.3.6.1.4.1.6574.1.5.1.0|4|DS920+
1.3.6.1.4.1.6574.1.5.2.0|4|20B0SQTEST01
1.3.6.1.4.1.6574.1.5.3.0|4|DSM 7.2-64570
1.3.6.1.4.1.6574.9.1.0|4|hunter2-of-the-former
"""
UPS = """1.3.6.1.2.1.1.1.0|4|APC Web/SNMP Management Card (MB:v4 PF:v7.0.8 AF1:v7.0.8 MN:AP9640 SN: ZA0000000001)
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.318.1.3.27
1.3.6.1.2.1.1.3.0|67|1
1.3.6.1.4.1.318.1.1.1.1.1.1.0|4|Smart-UPS 1500
1.3.6.1.4.1.318.1.1.1.1.2.3.0|4|AS0000000001
"""
AP = """1.3.6.1.2.1.1.1.0|4|ArubaOS (MODEL: 315), Version 8.6.0.4
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.14823.1.2.96
1.3.6.1.2.1.1.3.0|67|1
1.3.6.1.4.1.14823.2.3.3.1.2.1.1.4.1.2.3.4.5.6|4|CNTESTK001
"""
PLAIN = """1.3.6.1.2.1.1.1.0|4|Something else
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.65432.1
1.3.6.1.2.1.1.3.0|67|1
1.3.6.1.4.1.65432.1.1.0|4|hunter2-of-the-former
"""


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("text", [NAS, UPS, AP, PLAIN], ids=["nas", "ups", "ap", "plain"])
def test_a_live_agent_is_who_its_recording_is(text: str, version: int) -> None:
    books, _ = run(agent(text, versions=(version,)))
    live = identify(walked_of(b for _, b in books.bodies))
    recorded = identify(parse_snmprec(text.encode()).values)
    assert (live.vendor, live.type, live.os) == (recorded.vendor, recorded.type, recorded.os)
    assert (live.model, live.version, live.serial) == (
        recorded.model,
        recorded.version,
        recorded.serial,
    )
    # Whatever else the maker keeps in its tree is not read, let alone stored.
    assert not [b for _, b in books.bodies if "hunter2" in b.model_dump_json()]


def test_only_what_the_catalogue_names_is_stored() -> None:
    books, _ = run(agent(NAS))
    told = [r for r in table(books, TABLE) if r["value"]]
    assert [r["object"] for r in told] == [f"1.3.6.1.4.1.6574.1.5.{n}.0" for n in (1, 2, 3)]
    assert {r["tag"] for r in told} == {4}
    assert TABLE == VALUES


def test_an_agent_nobody_described_is_asked_for_no_more_than_signs() -> None:
    want = asked((1, 3, 6, 1, 4, 1, 65432, 1), "Something else")
    assert not want.objects
    assert not want.columns
    assert all(o[:6] != (1, 3, 6, 1, 4, 1) for o in want.subtrees)
    books, _ = run(agent(PLAIN))
    assert not [b for _, b in books.bodies if isinstance(b, SnmpTable) and b.table == TABLE]


def test_a_maker_is_not_asked_for_another_makers_objects() -> None:
    want = asked((1, 3, 6, 1, 4, 1, 318, 1, 3, 27), "APC Web/SNMP Management Card")
    private = {
        o[6] for o in (*want.objects, *want.columns, *want.subtrees) if o[:6] == (1, 3, 6, 1, 4, 1)
    }
    assert private == {318}
    assert len(want.objects) < 20


def test_of_a_sign_only_that_it_is_there_is_kept() -> None:
    """A maker whose mere subtree is the sign may keep anything first in it."""
    first = PLAIN.replace("1.3.6.1.4.1.65432", "1.3.6.1.4.1.6894").replace(
        "6|1.3.6.1.4.1.6894.1", "6|1.3.6.1.4.1.8072.3.2.10"
    )
    books, _ = run(agent(first))
    assert not [b for _, b in books.bodies if "hunter2" in b.model_dump_json()]
    assert [(r["object"], r["value"]) for r in table(books, TABLE)] == [("1.3.6.1.4.1.6894", "")]
    assert identify(walked_of(b for _, b in books.bodies)).type == "san"


def test_what_could_not_be_read_is_said() -> None:
    """An agent that breaks off in the maker's tree: the values are partial, and so is the unit."""
    books, _ = run(agent(UPS, fault="gen_err", fault_at=(1, 3, 6, 1, 4, 1, 318)))
    (told,) = [b for _, b in books.bodies if isinstance(b, SnmpTable) and b.table == TABLE]
    assert told.ends
    assert [c for c in books.caps if c.startswith(TABLE + ".")]
