"""What the link said of its own accord while the run went on: ARP, LLDP, CDP, DHCP, EAPOL, and announcements of mDNS, LLMNR and SSDP.

Nothing is sent. Listening starts before the first packet of the run (see `agent.net.ears`) and ends with its last unit; each sight is
stored as it comes, so that a kill loses none. Who is out of scope is left out, but for a DHCP server: one that nobody knows of matters
wherever it claims to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from agent.contract import Context, Datagram, Ears, Emit, Heard, Needs, RawError, Transport
from agent.model.base import canonical
from agent.model.bodies import ArpEntry, Body, HostName
from agent.model.bodies_udp import LinkNeighbour
from agent.model.observation import Standing
from agent.model.ref import Ref, mac
from agent.model.run import UnitPlan
from agent.model.status import Strength
from scanners.redaction import redact
from scanners.targets import host_ref, subnet_ref
from scanners.udp import frames, mdns, wire
from scanners.udp.asking import named_elsewhere
from scanners.udp.frames import Frame, NotFrame, Udp
from scanners.udp.mdns_records import plain
from scanners.udp.neighbour_frames import cdp, lldp
from scanners.udp.ssdp_text import NotSsdp, answer, location_of
from scanners.udp.wire import NotDns

_ARP, _IP, _LLDP, _EAPOL = 0x0806, 0x0800, 0x88CC, 0x888E
_LENGTH = 1500
_MDNS, _LLMNR, _SSDP = 5353, 5355, 1900


@dataclass(frozen=True)
class HeardProbe:
    name: str = "heard"
    rev: int = 1
    needs: Needs = Needs(
        raw=True,
        loopback=False,
        alongside=True,
    )
    emits: frozenset[str] = frozenset(
        {
            *("arp.entry", "link.neighbour", "dhcp.server", "dhcp.client", "eapol.seen"),
            *("host.name", "ssdp.answer", *mdns.KINDS),
        }
    )
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"link.heard": "weak"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        own = ctx.vantage.address
        for net in map(IPv4Network, ctx.vantage.on_link):
            if own and IPv4Address(own) in net:
                yield UnitPlan(probe=self.name, unit=str(net), subject=subnet_ref(ctx.site, net))
                # One link, one ear: what is handed out is handed out once.
                return

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        if ctx.ears is None:
            raise RawError("nobody listened: the listening helper did not start")
        once, heard = _Once(emit), 0
        while new := await _more(ctx.ears, emit):
            heard += len(new)
            for one in new:
                try:
                    await _one(one, ctx, once)
                except (NotFrame, NotDns, NotSsdp):
                    # Not what it seemed: a stranger's frame, and no question of ours.
                    continue
        if ctx.ears.trouble:
            emit.cap(ctx.ears.trouble)
        emit.ask("link.heard", unit.subject, "answered" if heard else "silent")


async def _more(ears: Ears, emit: Emit) -> tuple[Heard, ...]:
    # Waiting is all there is to do: it costs the unit no time.
    with emit.queued():
        return await ears.more()


class _Once:
    """`contract.Emit` that stores each sight once: frames that say the same differ in their counters."""

    def __init__(self, emit: Emit) -> None:
        self._emit, self._told = emit, set[bytes]()
        self.ask, self.cap, self.sent = emit.ask, emit.cap, emit.sent
        self.tally, self.queued = emit.tally, emit.queued

    async def __call__(
        self,
        subject: Ref,
        body: Body,
        *,
        channel: str,
        via: Ref | None = None,
        standing: Standing = "direct",
        account: str | None = None,
        raw: bytes | None = None,
        redactions: tuple[str, ...] = (),
    ) -> None:
        key = canonical([str(subject), str(via), body.kind, body.stable()])
        if key not in self._told:
            self._told.add(key)
            await self._emit(
                subject,
                body,
                channel=channel,
                via=via,
                standing=standing,
                account=account,
                raw=raw,
                redactions=redactions,
            )


async def _one(heard: Heard, ctx: Context, emit: Emit) -> None:
    """Raises `NotFrame`, `NotDns`, `NotSsdp` for what is not read."""
    frame = frames.frame(heard.frame)
    sender = mac(ctx.site, frame.source)
    if frame.kind == _ARP:
        address, card = frames.arp(frame.body)
        if _inside(address, ctx):
            await emit(host_ref(ctx, address), ArpEntry(mac=card), channel="heard")
    elif frame.kind == _LLDP:
        await _neighbour(lldp(frame.body), sender, ctx, emit)
    elif frame.kind <= _LENGTH:
        await _neighbour(cdp(frame.body), sender, ctx, emit)
    elif frame.kind == _EAPOL:
        await emit(sender, frames.eapol(frame.body), channel="heard")
    elif frame.kind == _IP:
        datagram = frames.udp(frame.body)
        if {datagram.source_port, datagram.target_port} <= {67, 68}:
            await _dhcp(datagram, frame, ctx, emit)
        elif _inside(datagram.source, ctx):
            await _said(datagram, ctx, emit)


def _inside(address: str, ctx: Context) -> bool:
    return address != ctx.vantage.address and ctx.scope.judge(address) == "allowed"


async def _neighbour(body: LinkNeighbour, sender: Ref, ctx: Context, emit: Emit) -> None:
    """The sender's port has a MAC of its own: the device is named by its management address, else by its chassis."""
    managed = next((a for a in body.addresses if _inside(a, ctx)), "")
    subject = host_ref(ctx, managed) if managed else sender
    if not managed and body.chassis_kind == "mac":
        subject = mac(ctx.site, body.chassis)
    await emit(subject, body, channel=body.protocol)


async def _dhcp(datagram: Udp, frame: Frame, ctx: Context, emit: Emit) -> None:
    message = frames.dhcp(datagram.data)
    if message.client is not None:
        mine = message.address if message.address and _inside(message.address, ctx) else ""
        subject = host_ref(ctx, mine) if mine else mac(ctx.site, message.client.mac)
        await emit(subject, message.client, channel="dhcp")
        if message.client.hostname:
            name = HostName(name=message.client.hostname, source="dhcp")
            await emit(subject, name, channel="dhcp")
    if message.server is not None:
        address = message.identifier or datagram.source
        known = "gateway" if frame.source == ctx.vantage.gateway_mac else ""
        body = message.server.model_copy(update={"mac": frame.source, "known": known})
        # Out of scope it is named by its card: the address it claims is not one of ours.
        inside = ctx.scope.judge(address) == "allowed"
        subject = host_ref(ctx, address) if inside else mac(ctx.site, frame.source)
        await emit(subject, body, channel="dhcp")


async def _said(datagram: Udp, ctx: Context, emit: Emit) -> None:
    """Announcements: an answer nobody asked for by us. Questions of others tell nothing but a name that is looked for."""
    if datagram.target_port == _MDNS and mdns.is_answer(datagram.data):
        said = Datagram(datagram.source, datagram.source_port, datagram.data)
        await mdns.tell(datagram.source, [said], "mdns", ctx, emit)
    elif datagram.target_port == _LLMNR:
        message = wire.parse(datagram.data)
        if message.is_answer:
            for record in message.records:
                if record.address == datagram.source:
                    name = HostName(name=plain(record.name), source="llmnr")
                    await emit(host_ref(ctx, datagram.source), name, channel="llmnr")
    elif datagram.target_port == _SSDP:
        body = answer(datagram.data)
        if body.st == "upnp:rootdevice":
            raw, redactions = redact(datagram.data)
            me = host_ref(ctx, datagram.source)
            await emit(me, body, channel="ssdp", raw=raw, redactions=redactions)
            where = location_of(body.location)
            if where is not None and where[0] != datagram.source:
                await named_elsewhere(
                    ctx, datagram.source, where[0], "ssdp/location", body.location, emit
                )
