"""What the UDP probes share: whom they ask, in which units, and the loop over the hosts of a unit.

A unit is up to 64 neighbouring hosts, so that a dozen protocols do not make a dozen units for every host. Silence proves nothing here: a
UDP question is weak, whatever comes of it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network
from typing import ClassVar

from agent.contract import Context, Emit, Needs, Transport, UdpAnswers
from agent.model.bodies_udp import UdpPort
from agent.model.ref import Ref, service
from agent.model.run import UnitPlan
from scanners.targets import answered, host_ref, subnet_ref

LIVE = ("arp.entry", "icmp.echo", "tcp.port", "host.answer")
"""Kinds of observation that show a host to be there."""
AFTER = ("arp", "neighbours", "icmp", "ping", "tcp_ports")
NEEDS = Needs(deadline_s=300, after=AFTER)
SIDE_BY_SIDE = 64
FRAME = 42
"""Bytes of Ethernet, IPv4 and UDP around a payload."""
TRIES = 2
TEXT = 256


class AsksHosts:
    """One kind of question to every host that is there: a probe says what it asks one host in `one`.

    `PORT`: where; `PACKETS`: the most that leave for one host, of `SIZE` bytes of payload each.
    """

    PORT: ClassVar[int]
    PACKETS: ClassVar[int] = TRIES
    SIZE: ClassVar[int] = 128
    name: str

    def wants(self, host: str, ctx: Context) -> bool:
        """Leave hosts out that must not, or need not, be asked."""
        return True

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        hosts = [h for h in answered(ctx, *LIVE) if h != ctx.vantage.address and self.wants(h, ctx)]
        return shards(self.name, ctx, hosts)

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        whole = (self.PACKETS, self.PACKETS * (FRAME + self.SIZE))
        return {(host, "udp"): whole for host in unit.targets}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        slots = asyncio.Semaphore(SIDE_BY_SIDE)

        async def held(host: str) -> None:
            async with slots:
                await self.one(host, ctx, emit)

        try:
            async with asyncio.TaskGroup() as group:
                for host in unit.targets:
                    group.create_task(held(host))
        except ExceptionGroup as several:
            raise several.exceptions[0] from None

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        """Ask *host*; every question that was put ends with `emit.ask`."""
        raise NotImplementedError


def shards(probe: str, ctx: Context, hosts: Iterable[str]) -> Iterator[UnitPlan]:
    """Units of neighbouring hosts: an IPv4 /26 each; an IPv6 address stands alone."""
    by_net: dict[str, list[str]] = defaultdict(list)
    for host in hosts:
        net = host if ":" in host else str(IPv4Network(f"{host}/26", strict=False))
        by_net[net].append(host)
    for net, members in by_net.items():
        subject = host_ref(ctx, net) if ":" in net else subnet_ref(ctx.site, IPv4Network(net))
        yield UnitPlan(probe=probe, unit=net, subject=subject, targets=tuple(members))


def udp_ref(ctx: Context, host: str, port: int) -> Ref:
    return service(ctx.site, host, "udp", port)


async def open_port(
    ctx: Context, host: str, port: int, protocol: str, emit: Emit, answers: UdpAnswers
) -> None:
    """Write down that *port* answered, with the first answer as its proof."""
    raw = answers.heard[0].data if answers.heard else None
    body = UdpPort(port=port, protocol=protocol)
    await emit(host_ref(ctx, host), body, channel=protocol, raw=raw)


async def named_elsewhere(
    ctx: Context, host: str, address: str, by: str, text: str, emit: Emit
) -> None:
    """Write down that *host* named an *address* that is not ours to ask. Nothing is sent there."""
    from agent.model.bodies_udp import NamedElsewhere

    body = NamedElsewhere(address=clean(address), by=by, text=clean(text))
    await emit(host_ref(ctx, host), body, channel=by.split("/")[0], standing="reported")


def clean(text: str | bytes, limit: int = TEXT) -> str:
    """*text* of a stranger: at most *limit* characters, UTF-8 where it is, without NUL and blanks at the ends."""
    if isinstance(text, bytes):
        text = text[: limit * 4].decode("utf-8", "replace")
    return text.replace("\0", "").strip()[:limit].strip()
