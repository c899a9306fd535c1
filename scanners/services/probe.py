"""The probe that names services: every open port of a host, one after the other, one connection at a time.

It asks what can be asked without an account, writes nothing that prints, controls, logs in or changes anything, and takes few connections:
see `scanners/services/identify.py` for the flow and `ways.py` for who is asked what.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.contract import Context, Emit, Needs, Transport
from agent.model.run import UnitPlan
from agent.model.status import Strength
from scanners.services.conversation import Conversation
from scanners.services.identify import identify
from scanners.services.ways import KINDS_ASKED, KINDS_TOLD, in_order, way
from scanners.targets import ports_of, service_units

WEB_PACKETS, WEB_BYTES = 1700, 150_000
"""A page of 256 KiB and an icon, each acknowledged segment by segment at the worst; TLS, further questions, resets."""
PACKETS, BYTES = 900, 80_000
MUTE_PORTS = 6
"""Ports in a row that say nothing, or never end: a tarpit, or a firewall that answers for others. From there on waits are short."""
MUTE_MOST = 40
"""So many in a row, and the rest is left, and said so."""
MAX_PORTS = 250
"""A host with more open ports than this answers for what is not there; the rest is left, and said so."""


@dataclass(frozen=True)
class Services:
    name: str = "services"
    rev: int = 1
    needs: Needs = Needs(deadline_s=1800, after=("tcp_ports",))
    emits: frozenset[str] = KINDS_TOLD
    asks: Mapping[str, Strength] = field(
        default_factory=lambda: dict.fromkeys(sorted(KINDS_ASKED), "strong")
    )

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        return service_units(self.name, ctx, lambda port: way(port).first != "never")

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        packets = size = 0
        for port in in_order(ports_of(unit), MAX_PORTS):
            web = way(port).first in ("http", "https")
            packets += WEB_PACKETS if web else PACKETS
            size += WEB_BYTES if web else BYTES
        return {(unit.targets[0], "tcp"): (packets, size)}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        ports = ports_of(unit)
        if len(ports) > MAX_PORTS:
            emit.cap(f"{len(ports)} open ports; only {MAX_PORTS} were asked what they are")
        mute = 0
        chosen = in_order(ports, MAX_PORTS)
        for port in chosen:
            c = Conversation(unit.targets[0], port, ctx, emit, impatient=mute >= MUTE_PORTS)
            await identify(c)
            c.settle()
            mute = 0 if c.named and not c.dragged else mute + 1
            if mute == MUTE_MOST and port != chosen[-1]:
                left = len(chosen) - chosen.index(port) - 1
                emit.cap(
                    f"{MUTE_MOST} ports in a row said nothing or did not end; {left} more were left"
                )
                return
