"""The collector with SNMPv3 users against a real agent, and with what only Cisco has: bridge tables in communities of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.context import RunContext
from agent.model.bodies import TcpPort
from agent.model.bodies_snmp import SnmpAccess, SnmpSystem
from collectors.snmp.probe import Snmp
from collectors.snmp.usm_keys import User
from fixtures.lab.snmp.agent import Agent
from fixtures.lab.snmp.mib import Mib, read
from tests.agent.net.peers import Books
from tests.collectors.snmp.agents import HOST, PORT, SYSTEM, Accounts, asking
from tests.collectors.snmp.snmpd import snmpd
from tests.collectors.snmp.test_probe import run, table

USER = User(b"audit", "SHA-256", b"the auth phrase", "AES", b"the privacy phrase")
SECRET = "SHA-256 'the auth phrase' AES 'the privacy phrase'"
VLAN, ETHERNET, FDDI = "1.3.6.1.4.1.9.9.46.1.3.1.1", 1, 2
FDB, PORTS = "1.3.6.1.2.1.17.4.3.1", "1.3.6.1.2.1.17.1.4.1.2"


def asked(accounts: Accounts) -> Books:
    async def act(ctx: RunContext, books: Books) -> None:
        (unit,) = Snmp().plan(ctx)
        await Snmp().run(unit, ctx, books)

    return asking({}, act, accounts, ((HOST, TcpPort(port=22)),))[1]


@pytest.mark.needs("snmpd")
def test_a_user_reads_a_real_agent(tmp_path: Path) -> None:
    accounts = Accounts({"v3": ("audit", SECRET)})
    with snmpd(tmp_path, HOST, PORT, [USER]):
        books = asked(accounts)
    bodies = [b for _, b in books.bodies]
    assert SnmpAccess(version="v3", security="authPriv SHA-256 AES") in bodies
    assert next(b for b in bodies if isinstance(b, SnmpSystem)).name == "real"
    assert any(r["descr"] == "lo" for r in table(books, "interfaces"))
    assert accounts.ends == [f"accepted {HOST}"]
    said = " ".join(b.model_dump_json() for b in bodies) + " ".join(books.caps)
    assert "phrase" not in said


@pytest.mark.needs("snmpd")
def test_a_refused_user_is_refused_and_the_community_is_tried_after_him(tmp_path: Path) -> None:
    wrong = SECRET.replace("the auth", "another")
    accounts = Accounts(
        {"odd": ("audit", "rot13 x"), "v3": ("audit", wrong), "v2": ("", "lab-read")}
    )
    with snmpd(tmp_path, HOST, PORT, [USER]):
        books = asked(accounts)
    assert accounts.ends == [f"refused {HOST}", f"accepted {HOST}"]
    assert SnmpAccess(version="v2c") in [b for _, b in books.bodies]
    (cap,) = [c for c in books.caps if "odd" in c]
    assert "rot13" not in cap


def cisco(*vlans: tuple[int, int], own_fdb: str = "") -> Agent:
    """VLAN -> one host on bridge port VLAN, in the community of that VLAN alone; *vlans* are (number, type)."""
    text = SYSTEM + own_fdb
    for number, kind in vlans:
        text += f"{VLAN}.2.1.{number}|2|1\n{VLAN}.3.1.{number}|2|{kind}\n"
    contexts = {
        f"lab-read@{number}".encode(): Mib.of(
            read(
                SYSTEM
                + f"{FDB}.2.0.27.33.0.0.{number % 256}|2|{number}\n"
                + f"{FDB}.3.0.27.33.0.0.{number % 256}|2|3\n{PORTS}.{number}|2|{number + 10000}\n"
            )
        )
        for number, _ in vlans
    }
    return Agent(Mib.of(read(text)), (b"lab-read",), contexts=contexts)


def test_bridge_tables_of_each_vlan_become_one() -> None:
    one = cisco((10, ETHERNET), (20, ETHERNET), (1002, FDDI))
    books, _ = run(one)
    told = [(r["fdb"], r["mac"], r["port"], r["status"]) for r in table(books, "vlan_fdb")]
    assert told == [(10, "00:1b:21:00:00:0a", 10, 3), (20, "00:1b:21:00:00:14", 20, 3)]
    ports = {(r["port"], r["interface"]) for r in table(books, "bridge_ports")}
    assert ports == {(10, 10010), (20, 10020)}
    assert one.refused == 0
    assert not books.caps


def test_a_vlan_without_a_table_is_a_limit() -> None:
    one = cisco((10, ETHERNET), (20, ETHERNET))
    one.contexts = {k: m for k, m in one.contexts.items() if k.endswith(b"@10")}
    books, _ = run(one)
    assert [r["fdb"] for r in table(books, "vlan_fdb")] == [10]
    assert any(c.startswith("vlan_fdb: ") and "silent" in c for c in books.caps)
    assert dict((k, o) for k, _, o in books.asks)["snmp.bridge"] == "silent"


def test_no_vlan_is_asked_where_the_switch_has_them_in_one_table() -> None:
    own = "1.3.6.1.2.1.17.7.1.2.2.1.2.1.0.27.33.0.0.9|2|9\n"
    one = cisco((10, ETHERNET), own_fdb=own)
    books, _ = run(one)
    assert [r["mac"] for r in table(books, "vlan_fdb")] == ["00:1b:21:00:00:09"]
    assert not table(books, "bridge_ports")
