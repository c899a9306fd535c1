"""ICMP echo (RFC 792): hosts beyond a router, and how far away they are. A host that does not answer may still be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.contract import Context, Emit, Needs, RawError, Transport
from agent.model.bodies import ArpEntry, IcmpEcho
from agent.model.run import UnitPlan
from agent.model.status import Strength
from scanners.targets import host_ref

TRIES = 2
FRAME = 60
SHARD = 64


@dataclass(frozen=True)
class Icmp:
    name: str = "icmp"
    rev: int = 1
    needs: Needs = Needs(raw=True, loopback=False, deadline_s=60, after=("arp",))
    emits: frozenset[str] = frozenset({"icmp.echo"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"icmp.echo": "weak"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        hosts = sorted(_macs(ctx))
        for start in range(0, len(hosts), SHARD):
            shard = tuple(hosts[start : start + SHARD])
            yield UnitPlan(probe=self.name, unit=f"{shard[0]}-{shard[-1]}", targets=shard)

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {(t, "icmp"): (TRIES, TRIES * FRAME) for t in unit.targets}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        if ctx.raw is None or ctx.vantage.interface is None or ctx.vantage.address is None:
            raise RawError("no interface with an address in this network")
        macs = _macs(ctx)
        for target in unit.targets:
            emit.sent(target, "icmp", TRIES, TRIES * FRAME)
        found = await ctx.raw.icmp(
            ctx.vantage.interface,
            ctx.vantage.address,
            {t: macs[t] for t in unit.targets},
            10 if ctx.quiet else 200,
        )
        for target in unit.targets:
            if target in found:
                ttl, rtt = found[target]
                await emit(host_ref(ctx, target), IcmpEcho(ttl=ttl, rtt_us=rtt), channel="icmp")
            emit.ask(
                "icmp.echo", host_ref(ctx, target), "answered" if target in found else "silent"
            )


def _macs(ctx: Context) -> dict[str, str]:
    """The MAC by which each address that answered ARP is reached."""
    return {
        o.subject.value: o.body.mac
        for o in ctx.seen("arp.entry")
        if isinstance(o.body, ArpEntry) and ctx.scope.judge(o.subject.value) == "allowed"
    }
