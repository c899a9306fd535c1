"""Which of the run's TCP ports accept a connection: by the raw engine's single SYNs where there is one, by plain connects else.

Connects need no privilege and are the contract: both say the same of the same network. One question a host: "which of the set are open?"
It can open an item and never clears one: a filter may hide what is open to others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Literal

from agent.catalogs.fragile import by_mac
from agent.catalogs.port_sets import asks_industrial, in_front, port_set
from agent.catalogs.ports import OT_QUESTION
from agent.contract import (
    Context,
    Emit,
    Knock,
    Needs,
    RawError,
    RawPort,
    SweepJob,
    Swept,
    SweptHost,
    SweptOver,
    SweptPort,
    SweptSent,
    Transport,
)
from agent.model.bodies import ArpEntry, HostAnswer, TcpPort
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from scanners.booking import Booking
from scanners.link import on_link
from scanners.lost import MOST_TRIES, TRIES, Lost
from scanners.targets import answered, host_ref, together, within

TIMEOUT_S = 0.8
"""Well below the second after which the kernel would send its SYN again."""
PER_KNOCK = 6
"""Segments of one connection that is opened and ended at once, as the dialer counts them; a SYN goes out three times on Windows.
Two of them are reserved for each port: four tries of the raw engine with a reset each, or three connects in vain and one that is
opened, are less."""
ARP_LIVE, ARP_UNKNOWN = 6, 200
"""Three broadcasts and three confirmations (ip-sysctl, *_solicit); two rounds of one port after the other at the worst."""
ARP_FRAME = 60
FRAME = 74
PARALLEL = 48
"""Connections under way to one host: as many as the cap of 50 a second lets begin within the time-out."""
OPEN_LIMIT = 512
"""Open ports after which a host is a joker: it is asked no further, and that is said. The raw engine has the same limit."""
EVERY = 50
"""So many ports, and all of them open: no real host. What was seen is kept, and that is said."""
CROWD = 64
"""Addresses one MAC may answer for before the rest is left alone: a liar, or a router that answers for what is behind it."""
Said = Knock | Literal["failed"]


@dataclass(frozen=True)
class TcpPorts:
    name: str = "tcp_ports"
    rev: int = 1
    needs: Needs = Needs(deadline_s=7200, after=("arp", "neighbours", "icmp", "ping"))
    emits: frozenset[str] = frozenset({"tcp.port", "host.answer"})
    asks: Mapping[str, Strength] = field(
        default_factory=lambda: {"tcp.ports": "weak", OT_QUESTION: "weak"}
    )
    _lost: Lost = field(default_factory=Lost, repr=False, compare=False)

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        self._lost.recovered = 0
        live = set(answered(ctx, "arp.entry", "icmp.echo"))
        # Who answers no ARP is not there, on a link where somebody did; elsewhere every address is asked.
        heard = {_piece(h) for h in live}
        link = on_link(ctx)
        macs = _macs(ctx)
        crowd: Counter[str] = Counter()
        for host in ctx.scope.hosts():
            near = within(host, link)
            if host == ctx.vantage.address or (near and host not in live and _piece(host) in heard):
                continue
            params = {"live": "yes" if host in live else "unknown"}
            if near:
                params["arp"] = "yes"
            hop = macs.get(host) if near else ctx.vantage.gateway_mac
            if hop and ":" not in host:
                params["hop"] = hop
            if near and hop:
                crowd[hop] += 1
                if crowd[hop] > CROWD:
                    params["crowd"] = hop
                if (entry := by_mac(hop)) is not None:
                    params["care"] = entry.id
            if ctx.ports != "msp":
                params["ports"] = ctx.ports
            if ctx.ot(host):
                params["ot"] = "yes"
            yield UnitPlan(
                probe=self.name,
                unit=host,
                subject=host_ref(ctx, host),
                targets=(host,),
                params=params,
            )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        packets = most(unit)
        host = unit.targets[0]
        frames = arp_frames(unit)
        link: dict[tuple[str, Transport], tuple[int, int]] = {}
        if frames:
            link[host, "arp"] = (frames, frames * ARP_FRAME)
            link[host, "udp"] = (1, ARP_FRAME)
        return {(host, "tcp"): (packets, packets * FRAME), **link}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]
        if "crowd" in unit.params:
            emit.cap("addresses-of-one-mac")
            emit.ask("tcp.ports", host_ref(ctx, host), "error")
            return
        if frames := arp_frames(unit):
            emit.sent(host, "arp", frames, frames * ARP_FRAME)
        ports = ports_of_set(unit)
        said: set[Said] = set()
        opened = 0
        for part in parts(unit):
            more, count = await _some(unit, ctx, emit, part, self._lost, known=bool(said))
            said, opened = said | more, opened + count
            if not said & {"open", "closed"} or opened >= OPEN_LIMIT:
                break
        if opened >= EVERY and opened == len(ports):
            emit.cap("every-port-open")
        if opened >= OPEN_LIMIT:
            emit.cap("open-ports")
        loopback = ctx.vantage.mode == "lab-loopback"
        if "closed" in said and "open" not in said and not loopback:
            # On the loopback lab the kernel answers for every address: a refusal proves nothing there.
            await emit(host_ref(ctx, host), HostAnswer(method="tcp-reset"), channel="tcp")
        emit.ask("tcp.ports", host_ref(ctx, host), outcome(said))
        if "ot" in unit.params and asks_industrial(ports) and opened < OPEN_LIMIT:
            # They are in front: asked also where the rest was left out.
            emit.ask(OT_QUESTION, host_ref(ctx, host), outcome(said))


def parts(unit: UnitPlan) -> list[tuple[int, ...]]:
    """The ports in the order they are asked, cut where silence ends it.

    Behind a router nothing tells which addresses are empty, and every SYN takes a place in its session table (a Linux router keeps it
    for 120 s: nf_conntrack_tcp_timeout_syn_sent): the ports that speak for most devices decide whether the rest is asked.
    """
    ports = ports_of_set(unit)
    front = in_front(ports)
    stranger = "arp" not in unit.params and unit.params.get("live") != "yes"
    return [ports[:front], ports[front:]] if stranger and 0 < front < len(ports) else [ports]


async def _some(
    unit: UnitPlan, ctx: Context, emit: Emit, ports: tuple[int, ...], lost: Lost, *, known: bool
) -> tuple[set[Said], int]:
    host = unit.targets[0]
    hop = unit.params.get("hop")
    # With care means connections only, one at a time.
    if ctx.raw is not None and hop and not ctx.slow(host) and ctx.vantage.interface:
        return await _by_syn(unit, ctx, emit, ctx.raw, ports, hop, known=known)
    said, opened, error = await _by_connect(unit, ctx, emit, ports, lost, known=known)
    if said == {"failed"} and error is not None:
        # Not one port could be asked about: the report tells why.
        emit.ask("tcp.ports", host_ref(ctx, host), "error")
        raise error
    return said, opened


async def _by_connect(
    unit: UnitPlan, ctx: Context, emit: Emit, ports: tuple[int, ...], lost: Lost, *, known: bool
) -> tuple[set[Said], int, OSError | None]:
    host = unit.targets[0]
    parallel = 1 if ctx.slow(host) else PARALLEL
    answers: dict[int, Said] = {}
    errors: list[OSError] = []
    opened = 0

    async def one(port: int) -> None:
        nonlocal opened
        if opened >= OPEN_LIMIT:
            return
        try:
            answers[port] = await ctx.dial.knock(host, port, timeout_s=TIMEOUT_S, emit=emit)
        except OSError as error:
            # No route, no descriptor, forbidden here: this port could not be asked about.
            answers[port] = "failed"
            errors.append(error)
        if answers[port] == "open":
            opened += 1
            await emit(host_ref(ctx, host), TcpPort(port=port), channel="tcp")

    await together(ports, one, parallel)
    for tries in range(1, MOST_TRIES):
        left = again(answers, unit, known=known)
        if tries >= TRIES:
            # What this machine could not ask about is no loss on the way.
            left = [p for p in left if answers.get(p) == "silent"]
        spoke = known or bool(set(answers.values()) & {"open", "closed"})
        if opened >= OPEN_LIMIT or not lost.again(tries, len(left), len(ports), spoke):
            break
        await together(left, one, parallel)
        lost.spoke_late(sum(answers[p] in ("open", "closed") for p in left))
    return set(answers.values()), opened, errors[-1] if errors else None


async def _by_syn(
    unit: UnitPlan,
    ctx: Context,
    emit: Emit,
    raw: RawPort,
    ports: tuple[int, ...],
    hop: str,
    *,
    known: bool,
) -> tuple[set[Said], int]:
    host = unit.targets[0]
    said: set[Said] = set()
    opened = sent = poked = 0
    left = len(ports) * TRIES * PER_KNOCK
    sizes: dict[tuple[str, Transport], int] = {(host, "tcp"): FRAME}
    if "arp" in unit.params:
        sizes[host, "udp"] = ARP_FRAME
    # Its ARP requests are within those counted before.
    booking = Booking(emit, sizes.items(), elsewhere=frozenset({"arp"}))

    async def heard(news: Swept) -> None:
        nonlocal opened, sent, poked
        if isinstance(news, SweptSent):
            poked, sent = poked + news.udp, sent + news.tcp
            booking.take(news)
        elif isinstance(news, SweptOver):
            booking.take(news)
        elif isinstance(news, SweptPort):
            opened += 1
            await emit(host_ref(ctx, host), TcpPort(port=news.port), channel="tcp")
        elif isinstance(news, SweptHost):
            said.update(_said(news))

    job = SweepJob(
        targets={host: hop},
        ports=ports,
        first=in_front(ports),
        sure=known or unit.params.get("live") == "yes",
        routed="arp" not in unit.params,
    )
    try:
        await raw.sweep(job, heard)
    except RawError:
        # What it sent and had no time to tell is not known: all that was reserved counts.
        emit.sent(host, "tcp", left - sent, (left - sent) * FRAME)
        if "arp" in unit.params and not poked:
            emit.sent(host, "udp", 1, ARP_FRAME)
        booking.close()
        emit.ask("tcp.ports", host_ref(ctx, host), "error")
        raise
    booking.close()
    return said, opened


def _said(news: SweptHost) -> set[Said]:
    counts: tuple[tuple[Said, int], ...] = (
        ("open", news.open),
        ("closed", news.closed),
        ("silent", news.silent),
        ("unreachable", news.unreachable),
        # Of a joker the rest was left out on purpose, which is said by its cap.
        ("failed", 0 if news.capped else news.unasked),
    )
    return {said for said, count in counts if count}


def again(answers: Mapping[int, Said], unit: UnitPlan, *, known: bool = False) -> list[int]:
    """Ports to ask a second time. Where nobody is known to be and nothing spoke, those that speak for most devices are enough."""
    ports = ports_of_set(unit)
    left = [p for p in ports if answers.get(p) in ("silent", "failed")]
    nobody = not known and unit.params.get("live") != "yes" and set(answers.values()) == {"silent"}
    first = set(ports[: in_front(ports)])
    return [p for p in left if p in first] if nobody else left


def arp_frames(unit: UnitPlan) -> int:
    """Requests the kernel may send for the host itself: none beyond a router, one a second where nobody answers."""
    if unit.params.get("arp") != "yes":
        return 0
    return ARP_LIVE if unit.params.get("live") == "yes" else ARP_UNKNOWN


def ports_of_set(unit: UnitPlan) -> tuple[int, ...]:
    """The ports that are asked of the unit's host."""
    return port_set(unit.params.get("ports", "msp"), ot="ot" in unit.params)


def most(unit: UnitPlan) -> int:
    """TCP segments the unit sends at most, by either way."""
    return 0 if "crowd" in unit.params else len(ports_of_set(unit)) * TRIES * PER_KNOCK


def outcome(said: set[Said]) -> AskOutcome:
    """One answer a host, from those of its ports. A port that could not be asked about spoils it: what is open may be missing."""
    if "failed" in said:
        return "error"
    if "open" in said:
        return "answered"
    # A router that calls the host unreachable, or nothing at all, is no answer of the host.
    return "negative" if "closed" in said else "silent"


def _macs(ctx: Context) -> dict[str, str]:
    """Address -> the first MAC that answered for it."""
    found: dict[str, str] = {}
    for o in ctx.seen("arp.entry"):
        if isinstance(o.body, ArpEntry):
            found.setdefault(o.subject.value, o.body.mac)
    return found


def _piece(host: str) -> str:
    """The /24 an IPv4 address lies in, as the ARP sweep is cut; an IPv6 address stands for itself."""
    return host if ":" in host else str(IPv4Network(f"{host}/24", strict=False))
