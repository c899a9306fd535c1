"""Who is on this link, without privileges: one UDP datagram an address makes the kernel ask by ARP; then its table is read.

Port 9 (discard, RFC 863): nothing answers there, nothing prints. Traps measured on Linux: a socket's buffer holds about 277 unresolved
peers, so a fresh socket for every 128 addresses; the kernel repeats an ARP request after 1 s, so 1.3 s of waiting.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies import ArpEntry
from agent.model.run import UnitPlan
from agent.model.status import Strength
from agent.net.interfaces import neighbours
from scanners.targets import host_ref, on_link_hosts, subnet_ref, subnets

PER_SOCKET = 128
ROUNDS = 2
WAIT_S = 1.3
ARP_TRIES = 6
"""Frames the kernel may send to one address in a round: three broadcasts, three unicast confirmations (ip-sysctl, *_solicit)."""


@dataclass(frozen=True)
class Neighbours:
    name: str = "neighbours"
    rev: int = 1
    needs: Needs = Needs(loopback=False, deadline_s=180, platforms=("linux",))
    emits: frozenset[str] = frozenset({"arp.entry"})
    asks: Mapping[str, Strength] = field(
        default_factory=lambda: {"host.alive": "strong", "arp.entry": "strong"}
    )

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        if ctx.raw is not None:
            return  # the raw ARP sweep puts the same question with fewer packets
        link = on_link_hosts(ctx)
        for net, hosts in subnets(ctx.scope):
            targets = tuple(h for h in hosts if h in link and h != ctx.vantage.address)
            if targets:
                yield UnitPlan(
                    probe=self.name,
                    unit=str(net),
                    subject=subnet_ref(ctx.site, net),
                    targets=targets,
                )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        out: dict[tuple[str, Transport], tuple[int, int]] = {}
        for t in unit.targets:
            out[t, "udp"] = (ROUNDS, ROUNDS * 60)
            out[t, "arp"] = (ROUNDS * ARP_TRIES, ROUNDS * ARP_TRIES * 60)
        return out

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        found: dict[str, str] = {}
        for _ in range(ROUNDS):
            left = [t for t in unit.targets if t not in found]
            for start in range(0, len(left), PER_SOCKET):
                await _poke(left[start : start + PER_SOCKET], ctx, emit)
            await asyncio.sleep(WAIT_S)
            table = await asyncio.to_thread(neighbours)
            wanted = set(unit.targets)
            found |= {
                n.address: n.mac
                for n in table
                if n.address in wanted and n.mac and "FAILED" not in n.state
            }
        for target in unit.targets:
            if target in found:
                await emit(host_ref(ctx, target), ArpEntry(mac=found[target]), channel="arp")
            emit.ask(
                "host.alive", host_ref(ctx, target), "answered" if target in found else "silent"
            )
        emit.ask("arp.entry", unit.subject, "answered" if found else "silent")


async def _poke(targets: list[str], ctx: Context, emit: Emit) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        for target in targets:
            await ctx.pace.turn(target)
            emit.sent(target, "udp", 1, 60)
            emit.sent(target, "arp", ARP_TRIES, ARP_TRIES * 60)
            # A full buffer or a refused datagram costs this address one of its rounds.
            with suppress(OSError):
                sock.sendto(b"\0", (target, 9))
