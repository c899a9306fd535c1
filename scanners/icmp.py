"""ICMP echo (RFC 792): hosts on the link and beyond the router, and how far away. Who does not answer may still be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from agent.contract import Context, Emit, Needs, RawError, Transport
from agent.model.bodies import ArpEntry, IcmpEcho
from agent.model.run import UnitPlan
from agent.model.status import Strength
from scanners.link import on_link
from scanners.targets import host_ref, within

TRIES = 2
FRAME = 60
SHARD = 64
RATE, QUIET_RATE = 200, 10
DEADLINE_S = 3600.0
"""One helper serves all shards in turn; each request has its own, tighter time-out there."""


@dataclass(frozen=True)
class Icmp:
    name: str = "icmp"
    rev: int = 1
    needs: Needs = Needs(raw=True, loopback=False, deadline_s=DEADLINE_S, after=("arp",))
    emits: frozenset[str] = frozenset({"icmp.echo"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"icmp.echo": "weak"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        hosts = list(next_hops(ctx))
        for start in range(0, len(hosts), SHARD):
            shard = tuple(hosts[start : start + SHARD])
            yield UnitPlan(probe=self.name, unit=f"{shard[0]}-{shard[-1]}", targets=shard)

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {(t, "icmp"): (TRIES, TRIES * FRAME) for t in unit.targets}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        if ctx.raw is None or ctx.vantage.interface is None or ctx.vantage.address is None:
            raise RawError("no interface with an address in this network")
        hops = next_hops(ctx)
        for target in unit.targets:
            emit.sent(target, "icmp", TRIES, TRIES * FRAME)
        found = await ctx.raw.icmp(
            ctx.vantage.interface,
            ctx.vantage.address,
            {t: hops[t] for t in unit.targets},
            QUIET_RATE if ctx.quiet else RATE,
        )
        for target in unit.targets:
            if target in found:
                ttl, rtt = found[target]
                await emit(host_ref(ctx, target), IcmpEcho(ttl=ttl, rtt_us=rtt), channel="icmp")
            emit.ask(
                "icmp.echo", host_ref(ctx, target), "answered" if target in found else "silent"
            )


def next_hops(ctx: Context) -> dict[str, str]:
    """Address -> MAC to send to, in order: those that answered ARP by their own, those beyond the link by the gateway's."""
    macs = {
        o.subject.value: o.body.mac
        for o in ctx.seen("arp.entry")
        if isinstance(o.body, ArpEntry) and ctx.scope.judge(o.subject.value) == "allowed"
    }
    link, gateway = on_link(ctx), ctx.vantage.gateway_mac
    if link and gateway:
        for host in ctx.scope.hosts():
            if ":" not in host and host not in macs and not within(host, link):
                macs[host] = gateway
    return dict(sorted(macs.items(), key=lambda item: int(ip_address(item[0]))))
