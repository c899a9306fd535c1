"""Who is on this link, without privileges: one UDP datagram an address makes the kernel ask by ARP; then its table is read.

Port 9 (discard, RFC 863): nothing answers there, nothing prints. Traps measured on Linux: a socket's buffer holds about 277 unresolved
peers, so a fresh socket for every 128 addresses; the kernel repeats an ARP request after 1 s, twice: one datagram is enough. An entry
that was there before proves nothing until the kernel has confirmed it (states of a neighbour: linux/neighbour.h, RFC 4861 section 7.3.2).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies import ArpEntry
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from agent.net.interfaces import Neighbour, neighbours
from scanners.arp import FRAME, QUIET_RATE, RATE, link_units, told
from scanners.link import LinkChanged, changed, mark
from scanners.targets import host_ref

EVERYBODY = "255.255.255.255"
"""The pacer's name for the link itself (RFC 919): a broadcast reaches everybody on it."""
PER_SOCKET = 128
WAIT_S = 3.3
"""After the last datagram: the kernel has then asked three times, a second apart."""
ARP_TRIES = 3
"""Requests the kernel sends for one unresolved address, a second apart (ip-sysctl, mcast_solicit)."""
SLOTS = ARP_TRIES + 1
"""Of the link's rate for one address: the kernel repeats by a coarse timer, so that its requests come in little heaps."""
CONFIRM = 4
"""More of them where an old entry is checked first: three to the old MAC (ucast_solicit), and one that overlaps."""
CONFIRM_S = 9.0
"""A doubtful entry is checked after 5 s (delay_first_probe_time) by up to three requests."""
DATAGRAM = 60
FULL = frozenset({errno.ENOBUFS, errno.EAGAIN, errno.EWOULDBLOCK})
PROVEN = frozenset({"REACHABLE"})
DOUBTFUL = frozenset({"STALE", "DELAY", "PROBE"})
FIXED = frozenset({"PERMANENT", "NOARP"})


@dataclass(frozen=True)
class Neighbours:
    name: str = "neighbours"
    rev: int = 1
    needs: Needs = Needs(loopback=False, deadline_s=7200, platforms=("linux",))
    emits: frozenset[str] = frozenset({"arp.entry"})
    asks: Mapping[str, Strength] = field(
        default_factory=lambda: {"host.alive": "strong", "arp.entry": "strong"}
    )

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        if ctx.raw is not None:
            return ()  # the raw ARP sweep puts the same question with fewer packets
        return link_units(self.name, ctx)

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        arp = ARP_TRIES + CONFIRM
        out: dict[tuple[str, Transport], tuple[int, int]] = {}
        for t in unit.targets:
            out[t, "udp"] = (1, DATAGRAM)
            out[t, "arp"] = (arp, arp * FRAME)
        return out

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        before = await mark(ctx)
        left, unasked = unit.targets, set[str]()
        # The link is taken for the whole piece: pieces that took turns would find the table full (gc_thresh3).
        await ctx.pace.turn(EVERYBODY, len(left) * SLOTS, slow=ctx.quiet)
        gap = SLOTS / (QUIET_RATE if ctx.quiet else RATE)
        for start in range(0, len(left), PER_SOCKET):
            unasked |= await _poke(left[start : start + PER_SOCKET], gap, emit)
        await asyncio.sleep(WAIT_S)
        table = await _confirmed(left)
        found = {n.address: n.mac for n in table if n.mac and PROVEN & set(n.state.split())}
        unproven = FIXED | DOUBTFUL
        unasked |= {n.address for n in table if unproven & set(n.state.split())}
        lost = await changed(ctx, before)
        for target in unit.targets:
            outcome: AskOutcome = "error" if target in unasked else told(target in found, lost)
            if target in found:
                outcome = "answered"
                await emit(host_ref(ctx, target), ArpEntry(mac=found[target]), channel="arp")
            emit.ask("host.alive", host_ref(ctx, target), outcome)
        emit.ask("arp.entry", unit.subject, told(bool(found), lost))
        if lost:
            raise LinkChanged(lost)


async def _confirmed(targets: Sequence[str]) -> list[Neighbour]:
    """The kernel's entries for *targets*, once it has made up its mind on each. Raises `CannotLook`."""
    wanted = set(targets)
    until = time.monotonic() + CONFIRM_S
    while True:
        table = [n for n in await asyncio.to_thread(neighbours) if n.address in wanted]
        doubtful = any(DOUBTFUL & set(n.state.split()) for n in table)
        if not doubtful or time.monotonic() > until:
            return table
        await asyncio.sleep(0.5)


async def _poke(targets: Sequence[str], gap: float, emit: Emit) -> set[str]:
    """One datagram to each, *gap* seconds apart; returns those to whom none could be sent."""
    unasked: set[str] = set()
    arp = ARP_TRIES + CONFIRM
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        for target in targets:
            emit.sent(target, "udp", 1, DATAGRAM)
            emit.sent(target, "arp", arp, arp * FRAME)
            if not await _sent(sock, target):
                unasked.add(target)
            await asyncio.sleep(gap)
    return unasked


async def _sent(sock: socket.socket, target: str) -> bool:
    for _ in range(20):
        try:
            sock.sendto(b"\0", (target, 9))
        except OSError as error:
            if error.errno in FULL:
                await asyncio.sleep(0.25)
                continue
            if error.errno in (errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EHOSTDOWN):
                # The fate of an earlier datagram, told late.
                continue
            return False
        return True
    return False
