"""Which of the MSP's ports accept a connection: plain connects, so that no privilege is needed.

One question a host: "which of the set are open?" It can open an item and never clears one: a filter may hide what is open to others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import IPv4Network
from typing import Literal

from agent.catalogs.ports import by_number, load_ports
from agent.contract import Context, Emit, Knock, Needs, Transport
from agent.model.bodies import HostAnswer, TcpPort
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from scanners.link import on_link
from scanners.targets import answered, host_ref, together, within

TIMEOUT_S = 0.8
"""Well below the second after which the kernel would send its SYN again."""
TRIES = 2
PER_KNOCK = 6
"""Segments of one connection that is opened and ended at once, as the dialer counts them; a SYN goes out three times on Windows."""
ARP_LIVE, ARP_UNKNOWN = 6, 200
"""Three broadcasts and three confirmations (ip-sysctl, *_solicit); two rounds of one port after the other at the worst."""
ARP_FRAME = 60
FRAME = 74
PARALLEL = 48
"""Connections under way to one host: as many as the cap of 50 a second lets begin within the time-out."""


@dataclass(frozen=True)
class TcpPorts:
    name: str = "tcp_ports"
    rev: int = 1
    needs: Needs = Needs(deadline_s=600, after=("arp", "neighbours", "icmp", "ping"))
    emits: frozenset[str] = frozenset({"tcp.port", "host.answer"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"tcp.ports": "weak"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        live = set(answered(ctx, "arp.entry", "icmp.echo"))
        # Who answers no ARP is not there, on a link where somebody did; elsewhere every address is asked.
        heard = {_piece(h) for h in live}
        link = on_link(ctx)
        for host in ctx.scope.hosts():
            near = within(host, link)
            if host == ctx.vantage.address or (near and host not in live and _piece(host) in heard):
                continue
            yield UnitPlan(
                probe=self.name,
                unit=host,
                subject=host_ref(ctx, host),
                targets=(host,),
                params={"live": "yes" if host in live else "unknown"}
                | ({"arp": "yes"} if near else {}),
            )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        packets = len(port_set()) * TRIES * PER_KNOCK
        host = unit.targets[0]
        frames = arp_frames(unit)
        link: dict[tuple[str, Transport], tuple[int, int]] = {}
        if frames:
            link[host, "arp"] = (frames, frames * ARP_FRAME)
        return {(host, "tcp"): (packets, packets * FRAME), **link}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]
        if frames := arp_frames(unit):
            emit.sent(host, "arp", frames, frames * ARP_FRAME)
        parallel = 1 if ctx.slow(host) else PARALLEL
        answers: dict[int, Knock | Literal["failed"]] = {}
        errors: list[OSError] = []

        async def one(port: int) -> None:
            try:
                answers[port] = await ctx.dial.knock(host, port, timeout_s=TIMEOUT_S, emit=emit)
            except OSError as error:
                # No route, no descriptor, forbidden here: this port could not be asked about.
                answers[port] = "failed"
                errors.append(error)
            if answers[port] == "open":
                await emit(host_ref(ctx, host), TcpPort(port=port), channel="tcp")

        await together(port_set(), one, parallel)
        await together(again(answers, unit), one, parallel)
        said = set(answers.values())
        loopback = ctx.vantage.mode == "lab-loopback"
        if "closed" in said and "open" not in said and not loopback:
            # On the loopback lab the kernel answers for every address: a refusal proves nothing there.
            await emit(host_ref(ctx, host), HostAnswer(method="tcp-reset"), channel="tcp")
        emit.ask("tcp.ports", host_ref(ctx, host), outcome(said))
        if said == {"failed"}:
            # Not one port could be asked about: the report tells why.
            raise errors[-1]


def again(answers: Mapping[int, Knock | Literal["failed"]], unit: UnitPlan) -> list[int]:
    """Ports to ask a second time. Where nobody is known to be and nothing spoke, those that speak for most devices are enough."""
    left = [p for p in port_set() if answers[p] in ("silent", "failed")]
    nobody = unit.params.get("live") != "yes" and set(answers.values()) == {"silent"}
    return [p for p in left if by_number()[p].first] if nobody else left


def arp_frames(unit: UnitPlan) -> int:
    """Requests the kernel may send for the host itself: none beyond a router, one a second where nobody answers."""
    if unit.params.get("arp") != "yes":
        return 0
    return ARP_LIVE if unit.params.get("live") == "yes" else ARP_UNKNOWN


@cache
def port_set() -> tuple[int, ...]:
    """The set `msp` without the industrial ports, which an engagement has to opt into."""
    return tuple(e.port for e in load_ports() if not e.ot)


def outcome(said: set[Knock | Literal["failed"]]) -> AskOutcome:
    """One answer a host, from those of its ports. A port that could not be asked about spoils it: what is open may be missing."""
    if "failed" in said:
        return "error"
    if "open" in said:
        return "answered"
    # A router that calls the host unreachable, or nothing at all, is no answer of the host.
    return "negative" if "closed" in said else "silent"


def _piece(host: str) -> str:
    """The /24 an IPv4 address lies in, as the ARP sweep is cut; an IPv6 address stands for itself."""
    return host if ":" in host else str(IPv4Network(f"{host}/24", strict=False))
