"""What the probes share that ask the link as a whole, by multicast: one unit, and each answer judged against the scope.

Only where all of the vantage's own network is in scope. Who answers without being in scope (a host in `never`) is named and left alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from agent.contract import Context, Datagram, Emit, Transport
from agent.model.bodies_udp import NamedElsewhere
from agent.model.run import UnitPlan
from scanners.targets import subnet_ref
from scanners.udp.asking import FRAME


class AsksLink:
    """A probe says what it sends in `shout`, and what the answers of one host mean in `tell`."""

    GROUP: ClassVar[str]
    PACKETS: ClassVar[int]
    SIZE: ClassVar[int]
    QUESTION: ClassVar[str]
    name: str

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        own = ctx.vantage.address
        for net in map(IPv4Network, ctx.vantage.on_link):
            if own and IPv4Address(own) in net and ctx.scope.covers(str(net)):
                yield UnitPlan(probe=self.name, unit=str(net), subject=subnet_ref(ctx.site, net))

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {(self.GROUP, "udp"): (self.PACKETS, self.PACKETS * (FRAME + self.SIZE))}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        heard = await self.shout(ctx, emit)
        by_host: dict[str, list[Datagram]] = defaultdict(list)
        for datagram in heard:
            by_host[datagram.host].append(datagram)
        for host, said in sorted(by_host.items()):
            if ctx.scope.judge(host) == "allowed":
                await self.tell(host, said, ctx, emit)
            elif unit.subject is not None:
                body = NamedElsewhere(address=host, by=f"{self.name}/answer")
                await emit(unit.subject, body, channel=self.name, standing="reported")
        emit.ask(self.QUESTION, unit.subject, "answered" if heard else "silent")

    async def shout(self, ctx: Context, emit: Emit) -> Sequence[Datagram]:
        """Put the questions; all answers that are ones."""
        raise NotImplementedError

    async def tell(self, host: str, said: Sequence[Datagram], ctx: Context, emit: Emit) -> None:
        """Emit what *host* said."""
        raise NotImplementedError
