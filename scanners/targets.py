"""What probes plan from: shards of the scope, hosts that answered, ports found open. Pure; shared by all scanners."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from ipaddress import IPv4Network, ip_address

from agent.contract import Context, Transport
from agent.model.bodies import TcpPort
from agent.model.ref import Ref, addr, service
from agent.model.run import UnitPlan
from agent.model.scope import ScopeRule, parse_range

SIDE_BY_SIDE = 4
"""Services of one host asked at the same time: one that stalls must not hold up the others."""


def subnets(scope: ScopeRule) -> Iterator[tuple[IPv4Network, tuple[str, ...]]]:
    """IPv4 pieces of the scope of at most a /24, each with its addresses that may be asked. One in several networks counts to the first."""
    seen: dict[IPv4Network, list[IPv4Network]] = {}
    for text in scope.allowed:
        for net in parse_range(text):
            if not isinstance(net, IPv4Network):
                continue
            pieces = [net] if net.prefixlen >= 24 else net.subnets(new_prefix=24)
            for piece in pieces:
                earlier = seen.setdefault(piece.supernet(new_prefix=24), [])
                # Not `piece.hosts()`: within a wider network, x.0 and x.255 are hosts like others; the scope knows its edges.
                hosts = tuple(
                    str(h)
                    for h in piece
                    if scope.judge(str(h)) == "allowed" and not any(h in e for e in earlier)
                )
                earlier.append(piece)
                if hosts:
                    yield piece, hosts


def within(host: str, nets: tuple[IPv4Network, ...]) -> bool:
    return any(ip_address(host) in net for net in nets)


def subnet_ref(site: str, net: IPv4Network) -> Ref:
    return Ref(kind="subnet", ns=f"site/{site}", value=str(net))


def answered(ctx: Context, *kinds: str) -> list[str]:
    """Addresses of this run with an observation of *kinds*, in order, in scope.

    A probe names kinds of the probes before it only: what it saw itself must not change its plan when a killed run is resumed.
    """
    found = {
        o.subject.value
        for kind in kinds
        for o in ctx.seen(kind)
        if o.subject.kind == "addr" and ctx.scope.judge(o.subject.value) == "allowed"
    }
    return sorted(found, key=_order)


def open_ports(ctx: Context) -> dict[str, list[int]]:
    """Open TCP ports of this run by address."""
    out: dict[str, set[int]] = {}
    for o in ctx.seen("tcp.port"):
        if isinstance(o.body, TcpPort):
            out.setdefault(o.subject.value, set()).add(o.body.port)
    inside = sorted((h for h in out if ctx.scope.judge(h) == "allowed"), key=_order)
    return {h: sorted(out[h]) for h in inside}


def service_units(probe: str, ctx: Context, wanted: Callable[[int], bool]) -> Iterator[UnitPlan]:
    """One unit a host for its open ports that are *wanted*; they stand in `params["ports"]`."""
    for host, ports in open_ports(ctx).items():
        if mine := [p for p in ports if wanted(p)]:
            yield UnitPlan(
                probe=probe,
                unit=host,
                subject=host_ref(ctx, host),
                targets=(host,),
                params={"ports": " ".join(map(str, mine))},
            )


def ports_of(unit: UnitPlan) -> list[int]:
    """The ports of a unit made by `service_units`."""
    return [int(p) for p in unit.params["ports"].split()]


async def each_port(unit: UnitPlan, ctx: Context, one: Callable[[int], Awaitable[None]]) -> None:
    """Run *one* for every port of the unit, a few side by side; one at a time where care was asked for."""
    await together(ports_of(unit), one, 1 if ctx.slow(unit.targets[0]) else SIDE_BY_SIDE)


async def together(
    ports: Iterable[int], one: Callable[[int], Awaitable[None]], parallel: int
) -> None:
    """Run *one* for every port, at most *parallel* at a time. The first error ends the others and is raised as it is."""
    slots = asyncio.Semaphore(parallel)

    async def held(port: int) -> None:
        async with slots:
            await one(port)

    try:
        async with asyncio.TaskGroup() as group:
            for port in ports:
                group.create_task(held(port))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


def tcp_cost(
    unit: UnitPlan, packets: int, size: int
) -> Mapping[tuple[str, Transport], tuple[int, int]]:
    """*packets* and *size* bytes for each port of the unit."""
    count = len(ports_of(unit))
    return {(unit.targets[0], "tcp"): (packets * count, size * count)}


def host_ref(ctx: Context, host: str) -> Ref:
    return addr(ctx.site, host)


def service_ref(ctx: Context, host: str, port: int) -> Ref:
    return service(ctx.site, host, "tcp", port)


def _order(host: str) -> tuple[int, int]:
    address = ip_address(host)
    return address.version, int(address)
