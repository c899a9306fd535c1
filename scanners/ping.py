"""ICMP echo (RFC 792) without privileges, by the kernel's ping sockets (icmp(7)); only where there is no raw helper.

Linux allows them to the groups in `net.ipv4.ping_group_range`; where it does not, nothing is planned, and the probe `icmp` says what lacks.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies import IcmpEcho
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from scanners.link import on_link
from scanners.targets import answered, host_ref, within

TRIES = 2
FRAME = 60
SHARD = 64
WAIT_S = 1.0
QUIET_GAP_S = 0.1
_ECHO, _REPLY = 8, 0
_IP_RECVTTL = 12
"""include/uapi/linux/in.h; the socket module has no name for it."""
_PAYLOAD = b"handover echo"


@dataclass(frozen=True)
class Ping:
    name: str = "ping"
    rev: int = 1
    needs: Needs = Needs(
        loopback=False, platforms=("linux",), deadline_s=120, after=("arp", "neighbours")
    )
    emits: frozenset[str] = frozenset({"icmp.echo"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"icmp.echo": "weak"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        if ctx.raw is not None or not allowed():
            return
        live, link = set(answered(ctx, "arp.entry")), on_link(ctx)
        hosts = [
            h
            for h in ctx.scope.hosts()
            if ":" not in h and h != ctx.vantage.address and (h in live or not within(h, link))
        ]
        for start in range(0, len(hosts), SHARD):
            shard = tuple(hosts[start : start + SHARD])
            yield UnitPlan(probe=self.name, unit=f"{shard[0]}-{shard[-1]}", targets=shard)

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {(t, "icmp"): (TRIES, TRIES * FRAME) for t in unit.targets}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        found: dict[str, IcmpEcho] = {}
        asked: set[str] = set()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP) as sock:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)
            for number in range(TRIES):
                left = [t for t in unit.targets if t not in found]
                asked |= await _round(sock, left, number + 1, found, ctx, emit)
        for target in unit.targets:
            if target in found:
                await emit(host_ref(ctx, target), found[target], channel="icmp")
            # Who was never asked, for want of a route or a right, did not stay silent.
            outcome: AskOutcome = "silent" if target in asked else "error"
            emit.ask("icmp.echo", host_ref(ctx, target), "answered" if target in found else outcome)


def allowed() -> bool:
    """May this user open a ping socket? Nothing is sent to find out."""
    try:
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).close()
    except OSError:
        return False
    return True


async def _round(
    sock: socket.socket,
    targets: list[str],
    number: int,
    found: dict[str, IcmpEcho],
    ctx: Context,
    emit: Emit,
) -> set[str]:
    """One echo request to each; returns those to whom the kernel sent it."""
    sent: dict[str, int] = {}
    left: set[str] = set()
    for target in targets:
        await ctx.pace.turn(target, slow=ctx.slow(target))
        emit.sent(target, "icmp", 1, FRAME)
        sent[target] = time.monotonic_ns()
        # The kernel fills in identifier and checksum; no route costs this address its try.
        try:
            sock.sendto(struct.pack("!BBHHH", _ECHO, 0, 0, 0, number) + _PAYLOAD, (target, 0))
        except OSError:
            pass
        else:
            left.add(target)
        _take(sock, sent, found)
        if ctx.quiet:
            await asyncio.sleep(QUIET_GAP_S)
    until = time.monotonic() + WAIT_S
    while targets and time.monotonic() < until and any(t not in found for t in targets):
        await asyncio.sleep(0.02)
        _take(sock, sent, found)
    return left


def _take(sock: socket.socket, sent: dict[str, int], found: dict[str, IcmpEcho]) -> None:
    while True:
        try:
            data, extra, _, peer = sock.recvmsg(2048, 128)
        except OSError:
            return  # nothing there yet, or an error report about a host: that is silence
        now = time.monotonic_ns()
        host = str(peer[0])
        if host in sent and host not in found and data[:1] == bytes([_REPLY]):
            rtt = max(0, (now - sent[host]) // 1000)
            found[host] = IcmpEcho(ttl=ttl_of(extra), rtt_us=rtt)


def ttl_of(extra: list[tuple[int, int, bytes]]) -> int | None:
    """The TTL in the control messages of a datagram (ip(7), IP_RECVTTL); None when the kernel gave none."""
    for level, kind, data in extra:
        if level == socket.IPPROTO_IP and kind == socket.IP_TTL and data:
            return int.from_bytes(data[:4], sys.byteorder) & 0xFF
    return None
