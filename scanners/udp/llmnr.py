"""LLMNR: a host is asked for the name of its own address (RFC 4795).

The document wants a direct question to come by TCP (2.4) and lets responders ignore one by UDP; some answer it, and one datagram costs
less than a connection. What a group hears would be answered by the one it names only, so nothing is multicast here.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies import HostName
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from scanners.targets import host_ref
from scanners.udp import wire
from scanners.udp.asking import NEEDS, AsksHosts, open_port, udp_ref
from scanners.udp.mdns_records import host_names, reverse_name
from scanners.udp.wire import PTR, NotDns

LIMIT = 2048
TCP_PACKETS, TCP_BYTES = 24, 2400
WAIT_S = 1.5


@dataclass(frozen=True)
class Llmnr(AsksHosts):
    PORT: ClassVar[int] = 5355
    PACKETS: ClassVar[int] = 1
    SIZE: ClassVar[int] = 100
    name: str = "llmnr"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = frozenset({"udp.port", "tcp.port", "host.name"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"host.name": "weak"})

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {
            **super().cost(unit),
            **{(host, "tcp"): (TCP_PACKETS, TCP_BYTES) for host in unit.targets},
        }

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        ident = secrets.randbelow(1 << 16)
        query = wire.ask(ident, [(reverse_name(host), PTR)])
        answers = await ctx.udp.ask(
            host, self.PORT, query, lambda data: is_answer(data, ident), emit=emit, tries=1
        )
        data, outcome = b"", answers.outcome
        if answers.heard:
            await open_port(ctx, host, self.PORT, "llmnr", emit, answers)
            data = answers.heard[0].data
        else:
            data, outcome = await self._by_tcp(host, query, ident, ctx, emit)
        for name in host_names(wire.parse(data).records, host) if data else ():
            body = HostName(name=name, source="llmnr")
            await emit(host_ref(ctx, host), body, channel="llmnr", raw=data)
        emit.ask("host.name", udp_ref(ctx, host, self.PORT), outcome)

    async def _by_tcp(
        self, host: str, query: bytes, ident: int, ctx: Context, emit: Emit
    ) -> tuple[bytes, AskOutcome]:
        """The answer with its two bytes of length taken off (RFC 1035, 4.2.2); empty where there is none."""
        data = b""
        try:
            stream = await ctx.dial.connect(host, self.PORT, timeout_s=0.8, emit=emit)
        except TimeoutError:
            return b"", "silent"
        except ConnectionRefusedError:
            return b"", "negative"
        except OSError:
            # No route, or called unreachable by a router: of this host we know nothing.
            return b"", "silent"
        try:
            await stream.write(len(query).to_bytes(2, "big") + query)
            while len(data) < 2 or len(data) < 2 + int.from_bytes(data[:2], "big"):
                chunk = await stream.read(LIMIT, WAIT_S)
                if not chunk or len(data) > LIMIT:
                    break
                data += chunk
        except (TimeoutError, OSError):
            pass
        finally:
            await stream.close()
        return (data[2:], "answered") if is_answer(data[2:], ident) else (b"", "negative")


def is_answer(data: bytes, ident: int) -> bool:
    try:
        message = wire.parse(data)
    except NotDns:
        return False
    return message.is_answer and message.ident == ident
