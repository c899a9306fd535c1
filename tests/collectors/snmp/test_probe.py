"""The collector against the lab's agents: what it stores, what it says of what it could not have, and how it handles accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent.context import RunContext
from agent.contract import Refused
from agent.model.bodies import ArpEntry, Body, DeviceAttribute, DeviceIdentity, HostName, TcpPort
from agent.model.bodies_snmp import SnmpAccess, SnmpSystem, SnmpTable
from agent.model.bodies_udp import SnmpEngine
from agent.model.run import UnitPlan
from collectors.snmp.client import Budget, knock
from collectors.snmp.probe import Snmp
from collectors.snmp.rounds import present
from collectors.snmp.tables import tables
from fixtures.lab.snmp.agent import Agent
from fixtures.lab.snmp.mib import Mib, fdb, read
from tests.agent.net.peers import NET, Books
from tests.collectors.snmp.agents import HOST, SYSTEM, Accounts, agent, asking, interfaces

LAB = {"snmp": ("", "lab-read")}
SWITCH = (
    SYSTEM
    + interfaces(300)
    + f"""1.3.6.1.2.1.17.1.1.0|4x|001b21aabbcc
1.3.6.1.2.1.47.1.1.1.1.5.1|2|3
1.3.6.1.2.1.47.1.1.1.1.10.1|4|15.2(7)E
1.3.6.1.2.1.47.1.1.1.1.11.1|4|FOC0000LAB1
1.3.6.1.2.1.47.1.1.1.1.13.1|4|WS-LAB-24
1.3.6.1.2.1.4.22.1.2.3.{NET}.77|4x|001b21000077
1.3.6.1.2.1.4.22.1.4.3.{NET}.77|2|3
1.3.6.1.2.1.4.22.1.2.3.224.0.0.5|4x|01005e000005
1.3.6.1.2.1.4.22.1.4.3.224.0.0.5|2|3
1.0.8802.1.1.2.1.4.1.1.4.0.7.1|2|4
1.0.8802.1.1.2.1.4.1.1.5.0.7.1|4x|001b21ddeeff
1.0.8802.1.1.2.1.4.1.1.9.0.7.1|4|sw2
1.0.8802.1.1.2.1.4.2.1.4.0.7.1.1.4.192.0.2.9|2|1
1.3.6.1.6.3.18.1.1.1.2.3.97.98.99|4|s3cr3t-of-the-former
1.3.6.1.6.3.18.1.1.1.8.3.97.98.99|2|1
1.3.6.1.6.3.16.1.2.1.3.1.6.112.117.98.108.105.99|4|ro
1.3.6.1.4.1.8072.1.3.2.2.1.2.5.98.97.99.107.117|4|/opt/x --password=hunter22
"""
)


def run(
    one: Agent | None,
    accounts: Accounts | None = None,
    *,
    alive: bool = False,
) -> tuple[Books, Accounts]:
    held = accounts or Accounts(LAB)
    seen: list[tuple[str, Body]] = [(HOST, TcpPort(port=22))]
    if alive:
        seen.append((HOST, SnmpEngine(engine_id="80", enterprise=9, form="text")))

    async def act(ctx: RunContext, books: Books) -> None:
        (unit,) = Snmp().plan(ctx)
        await Snmp().run(unit, ctx, books)

    return asking({HOST: one} if one else {}, act, held, tuple(seen))[1], held


def table(books: Books, name: str) -> list[dict[str, object]]:
    return [
        dict(r)
        for _, b in books.bodies
        if isinstance(b, SnmpTable) and b.table == name
        for r in b.records()
    ]


@pytest.mark.parametrize("version", [0, 1])
def test_a_switch_is_told_whole(version: int) -> None:
    books, accounts = run(agent(SWITCH, versions=(version,)))
    bodies = [b for _, b in books.bodies]
    assert SnmpAccess(version="v2c" if version else "v1") in bodies
    system = next(b for b in bodies if isinstance(b, SnmpSystem))
    assert (system.name, system.enterprise, system.bridge) == ("sw1", 9, "00:1b:21:aa:bb:cc")
    assert not system.unknown
    assert len(table(books, "interfaces")) == 300
    assert table(books, "interfaces")[6] == {
        "index": 7,
        "descr": "port 7",
        "type": 6,
        "mac": "00:1b:21:00:00:07",
        "admin": None,
        "oper": None,
    }
    assert DeviceIdentity(scheme="serial", value="FOC0000LAB1", ns="pen/9") in bodies
    assert DeviceIdentity(scheme="chassis", value="00:1b:21:aa:bb:cc") in bodies
    assert DeviceAttribute(name="model", value="WS-LAB-24") in bodies
    assert HostName(name="sw1", source="snmp") in bodies
    assert [(r.value, b) for r, b in books.bodies if isinstance(b, ArpEntry)] == [
        (f"{NET}.77", ArpEntry(mac="00:1b:21:00:00:77"))
    ]
    (neighbour,) = table(books, "lldp")
    assert (neighbour["port"], neighbour["name"], neighbour["chassis"]) == (
        7,
        "sw2",
        "001b21ddeeff",
    )
    assert table(books, "lldp_addresses")[0]["address"] == "192.0.2.9"
    assert not books.caps
    asked = {k: o for k, _, o in books.asks}
    assert asked["snmp.interfaces"] == asked["snmp.access"] == "answered"
    assert asked["snmp.printer"] == "negative"
    assert accounts.ends == [f"accepted {HOST}"]


def test_no_secret_is_kept() -> None:
    books, _ = run(agent(SWITCH))
    said = " ".join(b.model_dump_json() for _, b in books.bodies)
    for secret in ("s3cr3t", "lab-read", "hunter22", "public"):
        assert secret not in said
    assert str(table(books, "communities")[0]["community"]).startswith("own:")
    assert str(table(books, "groups")[0]["user"]).startswith("well_known:")


def test_nothing_is_ever_set_and_no_other_community_tried() -> None:
    one = agent(SWITCH, b"elsewhere")
    run(one, alive=True)
    assert one.sets == 0
    assert one.refused == one.heard == 2
    good = agent(SWITCH)
    run(good)
    assert (good.sets, good.refused) == (0, 0)


def test_twenty_thousand_rows_come_whole_and_one_more_is_a_cap() -> None:
    for rows, caps in ((20_000, 0), (20_001, 1)):
        objects = {**read(SYSTEM), **fdb(rows)}
        books, _ = run(Agent(Mib.of(objects), (b"lab-read",)))
        assert len(table(books, "fdb")) == 20_000
        assert len(books.caps) == caps
        parts = [b for _, b in books.bodies if isinstance(b, SnmpTable) and b.table == "fdb"]
        assert [b.last for b in parts] == [False] * (len(parts) - 1) + [True]


@pytest.mark.parametrize(
    ("fault", "end", "outcome"), [("loop", "order", "error"), ("gen_err", "error", "error")]
)
def test_what_ended_early_says_so(fault: str, end: str, outcome: str) -> None:
    at = (1, 3, 6, 1, 2, 1, 2, 2, 1, 6, 100)
    books, _ = run(agent(SYSTEM + interfaces(300), fault=fault, fault_at=at))
    assert any(c.startswith("interfaces: ") and end in c for c in books.caps)
    assert dict((k, o) for k, _, o in books.asks)["snmp.interfaces"] == outcome
    whole = [b for _, b in books.bodies if isinstance(b, SnmpTable) and b.table == "interfaces"]
    assert whole[0].ends["mac"] == end
    assert whole[0].rows


def test_silence_is_no_refusal_where_nobody_is_known_to_be() -> None:
    books, accounts = run(agent(fault="dead"))
    assert [(k, o) for k, _, o in books.asks] == [("snmp.access", "silent")]
    assert accounts.ends == [f"withdrawn {HOST}"]
    assert not books.bodies


def test_an_agent_that_is_there_and_says_nothing_refused() -> None:
    books, accounts = run(agent(SWITCH, b"elsewhere"), alive=True)
    assert [(k, o) for k, _, o in books.asks] == [("snmp.access", "refused")]
    assert accounts.ends == [f"refused {HOST}"]


def test_a_closed_port_is_an_answer_and_ends_the_trying() -> None:
    two = Accounts({"a": ("", "one"), "b": ("", "two")})
    books, _ = run(None, two)
    assert [(k, o) for k, _, o in books.asks] == [("snmp.access", "negative")]
    assert two.ends == [f"withdrawn {HOST}"]


def test_the_second_community_is_tried_where_the_first_was_refused_before() -> None:
    two = Accounts({"a": ("", "old"), "b": ("", "lab-read")}, barred=frozenset({("a", HOST)}))
    one = agent(SYSTEM)
    books, _ = run(one, two)
    assert one.refused == 0
    assert two.ends == [f"accepted {HOST}"]
    assert any(isinstance(b, SnmpSystem) for _, b in books.bodies)


def test_without_usable_accounts_the_unit_is_refused() -> None:
    async def act(ctx: RunContext, books: Books) -> None:
        unit = UnitPlan(probe="snmp", unit=HOST, subject=None, targets=(HOST,))
        with pytest.raises(Refused):
            await Snmp().run(unit, replace(ctx), books)

    asking({}, act)


def test_tables_have_names_of_their_own_and_known_groups() -> None:
    names = [t.name for t in tables()]
    assert len(set(names)) == len(names)
    assert {f"snmp.{t.group}" for t in tables()} <= set(Snmp().asks)
    for t in tables():
        assert len(set(t.names)) == len(t.names)


@pytest.mark.parametrize("version", [0, 1])
def test_an_agent_of_small_answers_is_looked_through_in_smaller_parts(version: int) -> None:
    """Thirty names at once are too much for it; what it has not is not walked all the same."""
    usual, small = (
        agent(SWITCH, versions=(version,)),
        agent(SWITCH, versions=(version,), largest=484),
    )
    whole, books = run(usual)[0], run(small)[0]
    assert table(books, "entity") == table(whole, "entity") != []
    assert table(books, "interfaces") == table(whole, "interfaces") != []
    assert not books.caps
    assert small.heard < 3 * usual.heard
    first = round_one(small)
    assert first == round_one(usual) and first < {t.name for t in tables()}


def round_one(one: Agent) -> set[str]:
    async def act(ctx: RunContext, books: Books) -> set[str]:
        session = await knock(ctx, books, HOST, b"lab-read", Budget())
        assert not isinstance(session, str)
        return await present(session, tables())

    return asking({HOST: one}, act)[0]
