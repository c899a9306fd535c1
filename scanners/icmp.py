"""ICMP echo (RFC 792): hosts on the link and beyond the router, and how far away. Who does not answer may still be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address

from agent.contract import (
    Context,
    Emit,
    Needs,
    RawError,
    SweepJob,
    Swept,
    SweptEcho,
    SweptOver,
    SweptSent,
    Transport,
)
from agent.model.bodies import ArpEntry, IcmpEcho
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from scanners.booking import Booking
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
        sent = dict.fromkeys(unit.targets, 0)
        booking = Booking(emit, [((t, "icmp"), FRAME) for t in unit.targets])
        found: set[str] = set()

        async def heard(news: Swept) -> None:
            if isinstance(news, SweptSent):
                sent[news.host] += news.icmp
                booking.take(news)
            elif isinstance(news, SweptOver):
                booking.take(news)
            elif isinstance(news, SweptEcho):
                found.add(news.host)
                body = IcmpEcho(ttl=news.ttl, rtt_us=news.rtt_us)
                await emit(host_ref(ctx, news.host), body, channel="icmp")

        rate = QUIET_RATE if ctx.quiet else RATE
        to = {t: hops[t] for t in unit.targets}
        cut_short: RawError | None = None
        try:
            await ctx.raw.sweep(SweepJob(to, ports=(), first=0, rate=rate, echo=True), heard)
        except RawError as error:
            cut_short = error
            for target, packets in sent.items():
                # What it sent and had no time to tell is not known: all that was reserved counts.
                emit.sent(target, "icmp", TRIES - packets, (TRIES - packets) * FRAME)
        booking.close()
        silence: AskOutcome = "error" if cut_short else "silent"
        for target in unit.targets:
            told: AskOutcome = "answered" if target in found else silence
            emit.ask("icmp.echo", host_ref(ctx, target), told)
        if cut_short is not None:
            raise cut_short


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
