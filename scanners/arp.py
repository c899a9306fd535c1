"""ARP sweep (RFC 826) by the raw helper: who is on this link, and with which MAC. The strongest question a sweep can put.

A host on the link must answer ARP to speak IPv4 at all; silence after all tries is still silence, not absence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from agent.contract import (
    Context,
    Emit,
    Needs,
    RawError,
    SweepJob,
    Swept,
    SweptMac,
    SweptOver,
    SweptSent,
    Transport,
)
from agent.model.bodies import ArpEntry
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from scanners.booking import Booking
from scanners.link import LinkChanged, changed, mark, on_link
from scanners.targets import host_ref, subnet_ref, subnets, within

TRIES = 4
"""Two as a rule; more where packets get lost."""
FRAME = 60
RATE, QUIET_RATE = 500, 10
"""Requests a second that our kernel may be made to send; of the raw engine the run says the rate. Dynamic ARP inspection shuts a port at
15 by default (Cisco), hence the quiet rate."""


@dataclass(frozen=True)
class Arp:
    """The deadline is for all pieces that wait for the one helper in turn; each request to it has its own time-out."""

    name: str = "arp"
    rev: int = 1
    needs: Needs = Needs(raw=True, loopback=False, deadline_s=5400)
    emits: frozenset[str] = frozenset({"arp.entry"})
    asks: Mapping[str, Strength] = field(
        default_factory=lambda: {"host.alive": "strong", "arp.entry": "strong"}
    )

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        return link_units(self.name, ctx)

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {(t, "arp"): (TRIES, TRIES * FRAME) for t in unit.targets}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        if ctx.raw is None or ctx.vantage.interface is None or ctx.vantage.address is None:
            raise RawError("no interface with an address in this network")
        before = await mark(ctx)
        macs: dict[str, list[str]] = {}
        sent = dict.fromkeys(unit.targets, 0)
        booking = Booking(emit, [((t, "arp"), FRAME) for t in unit.targets])

        async def heard(news: Swept) -> None:
            if isinstance(news, SweptSent):
                sent[news.host] += news.arp
                booking.take(news)
            elif isinstance(news, SweptOver):
                booking.take(news)
            elif isinstance(news, SweptMac):
                macs.setdefault(news.host, []).append(news.mac)
                await emit(host_ref(ctx, news.host), ArpEntry(mac=news.mac), channel="arp")

        rate = QUIET_RATE if ctx.quiet else ctx.arp_pps
        job = SweepJob(dict.fromkeys(unit.targets), ports=(), first=0, rate=rate)
        cut_short: RawError | None = None
        try:
            await ctx.raw.sweep(job, heard)
        except RawError as error:
            cut_short = error
            for target, packets in sent.items():
                # What it sent and had no time to tell is not known: all that was reserved counts.
                emit.sent(target, "arp", TRIES - packets, (TRIES - packets) * FRAME)
        booking.close()
        lost = str(cut_short) if cut_short else await changed(ctx, before)
        for target in unit.targets:
            emit.ask("host.alive", host_ref(ctx, target), told(target in macs, lost))
        # The question "who is on this subnet?" was put to every address of the piece.
        whole: AskOutcome = "error" if cut_short else told(bool(macs), lost)
        emit.ask("arp.entry", unit.subject, whole)
        if cut_short is not None:
            raise cut_short
        if lost:
            raise LinkChanged(lost)


def told(heard: bool, lost: str) -> AskOutcome:
    """Who was not heard on a link that was lost meanwhile was not asked."""
    return "answered" if heard else "error" if lost else "silent"


def link_units(probe: str, ctx: Context) -> Iterator[UnitPlan]:
    """One unit for each piece of the scope that lies on our own link: beyond it ARP asks nobody, and silence would mean nothing."""
    link = on_link(ctx)
    for net, hosts in subnets(ctx.scope):
        targets = tuple(h for h in hosts if within(h, link) and h != ctx.vantage.address)
        if targets:
            yield UnitPlan(
                probe=probe, unit=str(net), subject=subnet_ref(ctx.site, net), targets=targets
            )
