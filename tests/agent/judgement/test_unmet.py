"""Cards in MAC tables and subnets in routes that no sweep met are unknowns with their step."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import fixtures.lab
from agent.catalogs.unknowns import load_unknowns
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.model.bodies import ArpEntry, Body
from agent.model.bodies_snmp import SnmpTable
from agent.model.bodies_udp import DhcpServer
from agent.model.judged import Unknown
from agent.model.ref import addr
from fixtures.networks.around import START, facts, material
from fixtures.networks.switched.bridges import simulate
from fixtures.networks.switched.tables import seen, told
from fixtures.networks.switched.truth import load

LAB = Path(fixtures.lab.__file__).parent / "topology.toml"


def unknowns(*more: Body) -> tuple[Unknown, ...]:
    net = load(LAB.read_text("utf-8"))
    here = [o for some in told(net, simulate(net)).values() for o in some]
    here += [
        seen(addr("a", d.ip), ArpEntry(mac=d.mac), "arp")
        for d in net.devices.values()
        if d.ip and d.kind != "dumb"
    ]
    here += [seen(addr("a", "192.168.1.2"), body) for body in more]
    stuff = material([facts("r", "a", START)], [("r", o) for o in here])
    return judge(stuff, build(stuff)).unknowns


def routes(*to: tuple[str, str], via: str = "192.168.1.9") -> SnmpTable:
    rows = tuple((net, 1, via, 4, 3, mask) for net, mask in to)
    columns = ("to", "interface", "via", "type", "protocol", "mask")
    return SnmpTable(table="routes", columns=columns, rows=rows)


def test_cards_nobody_met_are_counted() -> None:
    (one,) = [u for u in unknowns() if u.cause == "mac_unseen"]
    net = load(LAB.read_text("utf-8"))
    assert one.count == sum(not d.ip and d.kind != "dumb" for d in net.devices.values())
    assert load_unknowns().step(one.step).who == "technician"


def test_subnets_out_of_scope_are_named_and_those_in_scope_are_not() -> None:
    told_ = routes(
        ("0.0.0.0", "0.0.0.0"),
        ("192.168.1.0", "255.255.255.0"),
        ("192.168.2.64", "255.255.255.192"),
        ("10.50.0.0", "255.255.0.0"),
        ("172.16.9.0", "255.255.255.0"),
        ("172.16.9.7", "255.255.255.255"),
        ("8.8.8.0", "255.255.255.0"),
        ("224.0.0.0", "240.0.0.0"),
        ("127.0.0.0", "255.0.0.0"),
    )
    new = [u.label for u in unknowns(told_) if u.cause == "subnet_unseen"]
    assert sorted(new) == ["10.50.0.0/16", "172.16.9.0/24"]


def test_junk_in_routes_is_passed_over() -> None:
    junk = routes(("10.9.0.0", "255.0.255.0"), ("nowhere", "255.255.255.0"))
    assert not [u for u in unknowns(junk) if u.cause == "subnet_unseen"]


def test_agents_that_let_us_in_are_counted_and_nobody_knows_of_how_many() -> None:
    net = load(LAB.read_text("utf-8"))
    there = told(net, simulate(net))
    here = [o for some in there.values() for o in some]
    stuff = material([facts("r", "a", START)], [("r", o) for o in here])
    (snmp,) = [c for c in judge(stuff, build(stuff)).coverage if c.subject == "snmp"]
    assert (snmp.looked, snmp.total) == (len(there), None)


def targets(*addresses: str) -> SnmpTable:
    rows = tuple(
        (f"t{n}", "1.3.6.1.6.1.1", IPv4Address(a).packed.hex() + "00a2", "", "")
        for n, a in enumerate(addresses)
    )
    return SnmpTable(
        table="targets", columns=("name", "domain", "address", "tags", "params"), rows=rows
    )


def test_a_receiver_of_alarms_that_nobody_met_is_named_and_one_in_the_inventory_is_not() -> None:
    told_ = targets("10.20.30.40", "192.168.1.2", "9.9.9.9")
    (one,) = [u for u in unknowns(told_) if u.cause == "receiver_unseen"]
    assert one.label == "10.20.30.40"
    assert load_unknowns().step(one.step).who == "technician"


def test_what_dhcp_hands_out_is_named_where_nobody_met_it() -> None:
    offer = DhcpServer(
        message="offer",
        routers=("192.168.1.1",),
        dns=("192.168.1.2", "10.9.9.9", "9.9.9.9"),
        ntp=("10.9.9.9",),
        boot_server="junk",
    )
    found = {(u.cause, u.label) for u in unknowns(offer) if u.label == "10.9.9.9"}
    assert found == {("name_server_unseen", "10.9.9.9"), ("time_server_unseen", "10.9.9.9")}
    assert not [u for u in unknowns(offer) if u.cause == "boot_server_unseen"]


def test_the_next_router_counts_the_devices_that_name_it() -> None:
    told_ = routes(("10.50.0.0", "255.255.0.0"), ("10.51.0.0", "255.255.0.0"), via="192.168.1.99")
    (one,) = [u for u in unknowns(told_) if u.cause == "router_unseen"]
    assert (one.label, one.params["count"]) == ("192.168.1.99", 1)
