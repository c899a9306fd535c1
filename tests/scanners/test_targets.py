"""What probes plan from: pieces of the scope, who answered, what is open; and how several ports are asked side by side."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.contract import Refused
from agent.model.bodies import ArpEntry, HostAnswer, IcmpEcho, TcpPort
from agent.model.scope import ScopeRule
from scanners.link import on_link
from scanners.targets import (
    answered,
    each_port,
    open_ports,
    ports_of,
    service_units,
    subnets,
    tcp_cost,
    together,
    within,
)
from tests.agent.net.peers import HOST, NET, NEVER, context


@given(st.integers(16, 32), st.integers(0, 2**16 - 1), st.integers(0, 255))
def test_every_address_of_the_scope_lies_in_one_piece(prefix: int, base: int, never: int) -> None:
    from ipaddress import IPv4Network

    net = IPv4Network(((10 << 24) + (base << 8), prefix), strict=False)
    hole = str(net[min(never, net.num_addresses - 1)])
    scope = ScopeRule(allowed=(str(net), str(net)), never=(hole,))
    if net.num_addresses > 2048:
        return
    pieces = list(subnets(scope))
    hosts = [h for _, some in pieces for h in some]
    assert all(len(some) <= 256 for _, some in pieces)
    assert len(hosts) == len(set(hosts))
    assert hole not in hosts
    assert set(hosts) == set(scope.hosts())


def test_an_address_in_several_networks_is_asked_once() -> None:
    scope = ScopeRule(allowed=("10.1.2.0/24", "10.1.2.128/25", "10.1.2.130/32", "10.1.0.0/22"))
    pieces = list(subnets(scope))
    hosts = [h for _, some in pieces for h in some]
    assert len(hosts) == len(set(hosts))
    assert set(hosts) == set(scope.hosts())


def test_only_what_was_seen_in_scope_counts() -> None:
    mac = ArpEntry(mac="00:11:22:33:44:55")
    ctx = context(
        [
            (f"{NET}.10", mac),
            (f"{NET}.2", IcmpEcho()),
            (f"{NET}.3", HostAnswer(method="tcp-reset")),
            (HOST, TcpPort(port=443)),
            (HOST, TcpPort(port=22)),
            (NEVER, TcpPort(port=22)),
            ("192.0.2.1", mac),
        ]
    )
    assert answered(ctx, "arp.entry", "icmp.echo", "host.answer", "tcp.port") == [
        HOST,
        f"{NET}.2",
        f"{NET}.3",
        f"{NET}.10",
    ]
    assert open_ports(ctx) == {HOST: [22, 443]}
    (unit,) = service_units("p", ctx, lambda port: port > 100)
    assert (unit.targets, ports_of(unit)) == ((HOST,), [443])
    assert tcp_cost(unit, 5, 70) == {(HOST, "tcp"): (5, 70)}
    assert list(service_units("p", ctx, lambda _port: False)) == []


def test_the_link_is_what_the_vantage_says() -> None:
    link = on_link(context(on_link=("10.0.0.0/24", "10.0.2.0/30")))
    assert [within(h, link) for h in ("10.0.0.9", "10.0.1.9", "10.0.2.2", "::1")] == [
        True,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(("slow", "most"), [(True, 1), (False, 4)])
def test_ports_are_asked_a_few_at_a_time(slow: bool, most: int) -> None:
    now = peak = 0

    async def one(_port: int) -> None:
        nonlocal now, peak
        now += 1
        peak = max(peak, now)
        await asyncio.sleep(0)
        now -= 1

    ctx = context([(HOST, TcpPort(port=p)) for p in range(1, 20)], slow=slow)
    (unit,) = service_units("p", ctx, lambda _port: True)
    asyncio.run(each_port(unit, ctx, one))
    assert (peak, now) == (most, 0)


def test_the_first_error_comes_out_as_it_is() -> None:
    """The engine tells refusals and scope faults by their class."""
    done: list[int] = []

    async def one(port: int) -> None:
        if port == 3:
            raise Refused("no")
        await asyncio.sleep(0.05)
        done.append(port)

    with pytest.raises(Refused):
        asyncio.run(together(range(1, 9), one, 4))
    assert done == []
