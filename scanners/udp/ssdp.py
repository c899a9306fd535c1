"""SSDP: what UPnP devices say of themselves, asked one by one and as a link; the description is read from the answering address only.

UPnP Device Architecture 2.0, 1.3.2 (search, by multicast and to one address) and 2.3 (description). A LOCATION that names another host is
written down and never fetched. Devices of version 1.0 ignore a search without MX, so it is there in both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from agent.contract import Context, Datagram, Emit, Needs, Transport
from agent.model.bodies import DeviceAttribute, DeviceIdentity
from agent.model.bodies_udp import SsdpAnswer, UpnpDevice
from agent.model.run import UnitPlan
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from agent.model.status import Strength
from scanners.http_answer import NotHttp
from scanners.redaction import redact
from scanners.services.conversation import Conversation
from scanners.services.http import Http
from scanners.targets import host_ref
from scanners.udp.asking import AFTER, TRIES, AsksHosts, named_elsewhere, open_port, udp_ref
from scanners.udp.ssdp_text import NotSsdp, answer, description, location_of
from scanners.udp.whole_link import AsksLink

GROUP, PORT = "239.255.255.250", 1900
SIZE = 160
MOST_DESCRIPTIONS = 2
"""Of one host: each is a TCP connection."""
TCP_PACKETS, TCP_BYTES = 700, 60_000
"""Of one description: 256 KiB at the worst, acknowledged segment by segment, and the resets for what was under way."""
KINDS = frozenset(
    {
        "udp.port",
        "ssdp.answer",
        "upnp.device",
        "named.elsewhere",
        "device.attribute",
        "device.identity",
    }
)


@dataclass(frozen=True)
class Ssdp(AsksHosts):
    PORT: ClassVar[int] = PORT
    SIZE: ClassVar[int] = SIZE
    name: str = "ssdp"
    rev: int = 1
    needs: Needs = Needs(deadline_s=300, after=(*AFTER, "ssdp_search"))
    emits: frozenset[str] = KINDS
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"ssdp.answer": "weak"})

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        tcp = (MOST_DESCRIPTIONS * TCP_PACKETS, MOST_DESCRIPTIONS * TCP_BYTES)
        return {**super().cost(unit), **{(host, "tcp"): tcp for host in unit.targets}}

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        asked = await ctx.udp.ask(
            host,
            PORT,
            search(f"{host}:{PORT}", "ssdp:all", 1),
            is_answer,
            emit=emit,
            timeout_s=1.5,
            any_port=True,
            limit=64,
            more_s=1.0,
        )
        said = [answer(d.data) for d in asked.heard]
        # Who answers the link, but no direct question, is read all the same.
        for o in ctx.seen("ssdp.answer"):
            if o.subject.value == host and isinstance(o.body, SsdpAnswer):
                said.append(o.body)
        if asked.heard:
            await open_port(ctx, host, PORT, self.name, emit, asked)
        await tell(host, said, self.name, ctx, emit)
        for location in places(said)[:MOST_DESCRIPTIONS]:
            await _describe(host, location, ctx, emit)
        outcome = "answered" if said else asked.outcome
        emit.ask("ssdp.answer", udp_ref(ctx, host, PORT), outcome)


@dataclass(frozen=True)
class SsdpSearch(AsksLink):
    """Descriptions are read by `Ssdp`, which asks each host."""

    GROUP: ClassVar[str] = GROUP
    PACKETS: ClassVar[int] = TRIES
    SIZE: ClassVar[int] = SIZE
    QUESTION: ClassVar[str] = "ssdp.answer"
    name: str = "ssdp_search"
    rev: int = 1
    needs: Needs = Needs(deadline_s=60, loopback=False, after=AFTER)
    emits: frozenset[str] = frozenset({"ssdp.answer", "named.elsewhere"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"ssdp.answer": "weak"})

    async def shout(self, ctx: Context, emit: Emit) -> Sequence[Datagram]:
        question = search(f"{GROUP}:{PORT}", "upnp:rootdevice", 2)
        return await ctx.udp.shout(
            GROUP, PORT, question, is_answer, emit=emit, window_s=7.0, tries=TRIES, ttl=2
        )

    async def tell(self, host: str, said: Sequence[Datagram], ctx: Context, emit: Emit) -> None:
        await tell(host, [answer(d.data) for d in said], self.name, ctx, emit)


def search(where: str, target: str, wait: int) -> bytes:
    lines = ["M-SEARCH * HTTP/1.1", f"HOST: {where}", 'MAN: "ssdp:discover"', f"MX: {wait}"]
    return "\r\n".join([*lines, f"ST: {target}", "", ""]).encode("ascii")


def is_answer(data: bytes) -> bool:
    try:
        answer(data)
    except NotSsdp:
        return False
    return data.startswith(b"HTTP/")


async def tell(
    host: str, said: Sequence[SsdpAnswer], channel: str, ctx: Context, emit: Emit
) -> None:
    """One observation for each description or server that is named; hosts that are not the answering one are named, no more."""
    best: dict[tuple[str, str], SsdpAnswer] = {}
    for one in said:
        key = (one.location, one.server)
        best[key] = min(best.get(key, one), one, key=_order)
    for one in best.values():
        await emit(host_ref(ctx, host), one, channel=channel)
        where = location_of(one.location)
        if where is not None and where[0] != host:
            await named_elsewhere(ctx, host, where[0], "ssdp/location", one.location, emit)


def _order(one: SsdpAnswer) -> tuple[bool, str, str]:
    """The word for the device as a whole comes first."""
    return one.st != "upnp:rootdevice", one.st, one.usn


def places(said: Iterable[SsdpAnswer]) -> list[str]:
    """Descriptions, those of root devices first, each once."""
    ranked = sorted((s for s in said if s.location), key=lambda s: (_order(s), s.location))
    return list(dict.fromkeys(s.location for s in ranked))


async def _describe(host: str, location: str, ctx: Context, emit: Emit) -> None:
    """Read one description, where *host* itself holds it."""
    where = location_of(location)
    if where is None or where[0] != host or where[1] in RAW_PRINT_PORTS | OT_PORTS:
        return
    conversation = Conversation(host, where[1], ctx, emit)
    try:
        _, page = await Http(conversation, tls=False).ask(where[2], last=True)
        devices = description(page.body, location, page.headers.get("server", "")[:256])
    except (OSError, NotHttp, NotSsdp):
        return
    finally:
        await conversation.close()
    kept, redactions = redact(page.body)
    me = host_ref(ctx, host)
    for device in devices:
        await emit(me, device, channel="upnp", raw=kept, redactions=redactions)
    root = devices[0]
    if _is_program(root):
        return
    for name, value in (("vendor", root.manufacturer), ("model", _model(root))):
        if value:
            await emit(me, DeviceAttribute(name=name, value=value), channel="upnp")
    if root.serial:
        identity = DeviceIdentity(scheme="serial", value=root.serial, ns=root.manufacturer.lower())
        await emit(me, identity, channel="upnp")


def _is_program(device: UpnpDevice) -> bool:
    """Media servers and players are programs as often as devices, and speak of themselves: the catalogue reads them with care."""
    return any(
        f":device:{kind}:" in device.device_type for kind in ("MediaServer", "MediaRenderer")
    )


def _model(device: UpnpDevice) -> str:
    """Name and number, where the number adds something."""
    number = device.model_number
    short = len(number) <= 24 and number.lower() not in device.model_name.lower()
    adds = bool(device.model_name) and short and any(c.isalpha() for c in number)
    return f"{device.model_name} {number}" if adds else device.model_name or number
