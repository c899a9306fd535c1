"""Multicast DNS and service discovery: each host is asked directly what it offers, and the link as a whole by multicast.

RFC 6762 (5.5: a direct question to port 5353; 6.7: who asks from another port gets its answer alone), RFC 6763 (9: enumeration of service
types). Names, models (`ty`, `usb_MDL`, `md`, `model` of `_device-info._tcp`) and what runs. Two probes: the direct one crosses no
router either, as responders answer their own link only; the multicast one hears those who ignore direct questions.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from agent.contract import Context, Datagram, Emit, Needs, UdpAnswers
from agent.model.bodies import DeviceAttribute, HostName
from agent.model.bodies_udp import MdnsService
from agent.model.ref import Ref
from agent.model.status import Strength
from scanners.redaction import redact
from scanners.targets import host_ref
from scanners.udp import wire
from scanners.udp.asking import (
    AFTER,
    NEEDS,
    TRIES,
    AsksHosts,
    named_elsewhere,
    open_port,
    udp_ref,
)
from scanners.udp.mdns_records import (
    DEVICE_INFO,
    SERVICES,
    Offer,
    host_names,
    incomplete,
    instances,
    offers,
    reverse_name,
    types,
)
from scanners.udp.whole_link import AsksLink
from scanners.udp.wire import PTR, SRV, TXT, Name, NotDns, Record

GROUP, PORT = "224.0.0.251", 5353
AT_ONCE = 8
"""Questions in one datagram."""
MOST_DATAGRAMS = 3
"""For the types of one host, and for its instances."""
SIZE = 800
KINDS = frozenset({"udp.port", "mdns.service", "host.name", "device.attribute", "named.elsewhere"})
COMMON: tuple[Name, ...] = tuple(
    (name, "_tcp", "local")
    for name in ("_googlecast", "_airplay", "_ipp", "_smb", "_workstation", "_hap", "_http")
)
"""Asked for by multicast even where nobody names them: some devices leave the enumeration unanswered."""


@dataclass(frozen=True)
class Mdns(AsksHosts):
    PORT: ClassVar[int] = PORT
    PACKETS: ClassVar[int] = TRIES * (1 + 2 * MOST_DATAGRAMS)
    SIZE: ClassVar[int] = SIZE
    name: str = "mdns"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = KINDS
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"mdns.service": "weak"})

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        first = await _put(host, [(SERVICES, PTR), (reverse_name(host), PTR)], ctx, emit)
        emit.ask("mdns.service", udp_ref(ctx, host, PORT), first.outcome)
        if not first.heard:
            return
        heard = list(first.heard)
        for some in _bunches([(t, PTR) for t in types(records(heard))]):
            heard += (await _put(host, some, ctx, emit)).heard
        for some in _bunches(more_questions(records(heard))):
            heard += (await _put(host, some, ctx, emit)).heard
        await open_port(ctx, host, PORT, self.name, emit, first)
        await tell(host, heard, self.name, ctx, emit)


@dataclass(frozen=True)
class MdnsBrowse(AsksLink):
    GROUP: ClassVar[str] = GROUP
    PACKETS: ClassVar[int] = TRIES * (1 + MOST_DATAGRAMS)
    SIZE: ClassVar[int] = SIZE
    QUESTION: ClassVar[str] = "mdns.service"
    name: str = "mdns_browse"
    rev: int = 1
    needs: Needs = Needs(deadline_s=120, loopback=False, after=AFTER)
    emits: frozenset[str] = KINDS
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"mdns.service": "weak"})

    async def shout(self, ctx: Context, emit: Emit) -> Sequence[Datagram]:
        heard = await _call([(SERVICES, PTR)], ctx, emit)
        found = dict.fromkeys([*types(records(heard)), *COMMON])
        for some in _bunches([(t, PTR) for t in found]):
            heard += await _call(some, ctx, emit)
        return heard

    async def tell(self, host: str, said: Sequence[Datagram], ctx: Context, emit: Emit) -> None:
        await tell(host, said, self.name, ctx, emit)


async def _put(
    host: str, questions: Sequence[tuple[Name, int]], ctx: Context, emit: Emit
) -> UdpAnswers:
    ident = secrets.randbelow(1 << 16)
    return await ctx.udp.ask(
        host,
        PORT,
        wire.ask(ident, questions, unicast=True),
        lambda data: is_answer(data, ident),
        emit=emit,
        limit=16,
        more_s=0.3,
    )


async def _call(questions: Sequence[tuple[Name, int]], ctx: Context, emit: Emit) -> list[Datagram]:
    ident = secrets.randbelow(1 << 16)
    heard = await ctx.udp.shout(
        GROUP,
        PORT,
        wire.ask(ident, questions, unicast=True),
        lambda data: is_answer(data, ident),
        emit=emit,
        window_s=3.0,
        tries=TRIES,
        ttl=255,
    )
    return list(heard)


def is_answer(data: bytes, ident: int | None = None) -> bool:
    """Is *data* an answer, to question *ident* where one is given? Some responders leave the number at 0."""
    try:
        message = wire.parse(data)
    except NotDns:
        return False
    return message.is_answer and not message.code and message.ident in (ident, 0)


def records(heard: Iterable[Datagram]) -> list[Record]:
    return [r for d in heard for r in wire.parse(d.data).records]


def more_questions(found: Sequence[Record]) -> list[tuple[Name, int]]:
    """SRV and TXT of instances not told in full; the model that Apple's and Avahi's hosts publish under the name of any instance."""
    asked: list[tuple[Name, int]] = []
    for name in incomplete(found):
        asked += [(name, SRV), (name, TXT)]
    first = next((n[0] for n in instances(found)), "")
    if first:
        asked.append(((first, *DEVICE_INFO), TXT))
    return asked


def _bunches(questions: Sequence[tuple[Name, int]]) -> Iterable[Sequence[tuple[Name, int]]]:
    """In datagrams of a size every responder takes."""
    for start in range(0, min(len(questions), AT_ONCE * MOST_DATAGRAMS), AT_ONCE):
        bunch = list(questions[start : start + AT_ONCE])
        while len(wire.ask(0, bunch)) > SIZE:
            bunch.pop()
        yield bunch


async def tell(
    host: str, heard: Sequence[Datagram], channel: str, ctx: Context, emit: Emit
) -> None:
    """Emit what the answers of *host* say, of it or of the machine it speaks for."""
    found = records(heard)
    raw, redactions = redact(b"".join(d.data for d in heard))
    names: dict[str, None] = dict.fromkeys(host_names(found, host))
    for offer in offers(found):
        whose = _owner(host, offer)
        if whose == host:
            me = host_ref(ctx, host)
            await emit(me, offer.body, channel=channel, raw=raw, redactions=redactions)
            await _attributes(me, offer.body, channel, emit)
            if offer.addresses and offer.body.host:
                names.setdefault(offer.body.host.removesuffix(".local"))
        elif ctx.scope.judge(whose) == "allowed":
            there = host_ref(ctx, whose)
            me = host_ref(ctx, host)
            await emit(there, offer.body, channel=channel, via=me, standing="reported")
        else:
            said = f"{offer.body.instance} {offer.body.service}"
            await named_elsewhere(ctx, host, whose, "mdns/instance", said, emit)
    for name in list(names)[:8]:
        await emit(host_ref(ctx, host), HostName(name=name, source="mdns"), channel=channel)


def _owner(host: str, offer: Offer) -> str:
    """The address an instance belongs to: the answering one, unless its target has others only."""
    v4 = sorted(a for a in offer.addresses if ":" not in a)
    return v4[0] if v4 and ":" not in host and host not in v4 else host


async def _attributes(me: Ref, body: MdnsService, channel: str, emit: Emit) -> None:
    """What the keys of well-known types say of the device itself. Sources: Bonjour Printing 1.2.1; Cast and Apple by observation."""
    told: dict[str, str] = {}
    if body.service in ("_ipp._tcp", "_ipps._tcp", "_printer._tcp", "_pdl-datastream._tcp"):
        told = {"vendor": body.txt.get("usb_mfg", ""), "model": body.txt.get("usb_mdl", "")}
        told["model"] = told["model"] or body.txt.get("ty", "")
    elif body.service == "_googlecast._tcp":
        told = {"model": body.txt.get("md", "")}
    elif body.service in ("_device-info._tcp", "_airplay._tcp"):
        told = {"model": body.txt.get("model", "")}
    for name, value in told.items():
        if value:
            await emit(me, DeviceAttribute(name=name, value=value), channel=channel)
