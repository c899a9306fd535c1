"""Which of the MSP's ports accept a connection: plain connects, so that no privilege is needed.

One question a host: "which of the set are open?" It can open an item and never clears one: a filter may hide what is open to others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from agent.catalogs.ports import load_ports
from agent.contract import Context, Emit, Knock, Needs, Transport
from agent.model.bodies import HostAnswer, TcpPort
from agent.model.run import UnitPlan
from agent.model.status import Strength
from scanners.targets import answered, host_ref, on_link_hosts

TIMEOUT_S = 0.9
"""Below the second after which the kernel would send its SYN again."""
TRIES = 2
PER_CONNECT = 3
"""Segments of one connection that is opened and ended at once: SYN, ACK, RST."""
ARP_FRAMES = 12
FRAME = 74
PARALLEL = 16


@dataclass(frozen=True)
class TcpPorts:
    name: str = "tcp_ports"
    rev: int = 1
    needs: Needs = Needs(deadline_s=300, after=("arp", "neighbours", "icmp"))
    emits: frozenset[str] = frozenset({"tcp.port", "host.answer"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"tcp.ports": "weak"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        live = set(answered(ctx))
        # On the link, who answers no ARP is not there; beyond it, and where no ARP is possible, every address is asked.
        link = on_link_hosts(ctx) if live else set()
        for host in ctx.scope.hosts():
            if (host in live or host not in link) and host != ctx.vantage.address:
                yield UnitPlan(
                    probe=self.name, unit=host, subject=host_ref(ctx, host), targets=(host,)
                )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        packets = len(port_set()) * TRIES * PER_CONNECT
        host = unit.targets[0]
        return {
            (host, "tcp"): (packets, packets * FRAME),
            (host, "arp"): (ARP_FRAMES, ARP_FRAMES * 60),
        }

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]
        if ctx.vantage.mode != "lab-loopback":
            emit.sent(host, "arp", ARP_FRAMES, ARP_FRAMES * 60)
        slots = asyncio.Semaphore(1 if ctx.slow(host) else PARALLEL)
        answers: dict[int, Knock] = {}

        async def one(port: int) -> None:
            async with slots:
                answers[port] = await ctx.dial.knock(host, port, timeout_s=TIMEOUT_S, emit=emit)
            if answers[port] == "open":
                await emit(host_ref(ctx, host), TcpPort(port=port), channel="tcp")

        for attempt in range(TRIES):
            again = [p for p in port_set() if answers.get(p, "silent") == "silent"]
            if attempt and set(answers.values()) <= {"silent", "unreachable"}:
                # Not one answer: most likely nobody is there. Only the ports asked first are tried once more.
                again = [p for p in again if p in first_ports()]
            async with asyncio.TaskGroup() as group:
                for port in again:
                    group.create_task(one(port))
        said = set(answers.values())
        if "closed" in said and "open" not in said and ctx.vantage.mode != "lab-loopback":
            # On the loopback lab the kernel answers for every address: a refusal proves nothing there.
            await emit(host_ref(ctx, host), HostAnswer(method="tcp-reset"), channel="tcp")
        if "open" in said:
            emit.ask("tcp.ports", host_ref(ctx, host), "answered")
        elif "closed" in said:
            emit.ask("tcp.ports", host_ref(ctx, host), "negative")
        elif said == {"unreachable"}:
            emit.ask("tcp.ports", host_ref(ctx, host), "error")
        else:
            emit.ask("tcp.ports", host_ref(ctx, host), "silent")


@cache
def port_set() -> tuple[int, ...]:
    """The set `msp` without the industrial ports, which an engagement has to opt into."""
    return tuple(e.port for e in load_ports() if not e.ot)


@cache
def first_ports() -> frozenset[int]:
    """The few ports of which nearly every host answers one, open or closed."""
    return frozenset(e.port for e in load_ports() if e.first)
