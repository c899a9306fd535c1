"""WS-Discovery: Windows computers, printers and scanners, and ONVIF cameras answer a probe with their types and scopes.

SOAP over UDP, port 3702 (OASIS WS-Discovery 1.1, and the draft of April 2005 that devices speak); ONVIF Core, 7.3 (scopes `name`,
`hardware`, `location`). The first probe names no type; who is silent is asked for a device, then for a video transmitter: some insist.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from ipaddress import ip_address
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from agent.contract import Context, Datagram, Emit, Needs, UdpAnswers
from agent.model.bodies import DeviceAttribute
from agent.model.bodies_udp import WsdDevice
from agent.model.status import Strength
from scanners.redaction import redact
from scanners.targets import host_ref
from scanners.udp.asking import (
    AFTER,
    NEEDS,
    AsksHosts,
    clean,
    named_elsewhere,
    open_port,
    udp_ref,
)
from scanners.udp.whole_link import AsksLink

GROUP, PORT = "239.255.255.250", 3702
MOST = 32
KINDS = frozenset({"udp.port", "wsd.device", "device.attribute", "named.elsewhere"})
TYPES = (
    "",
    '<d:Types xmlns:wsdp="http://schemas.xmlsoap.org/ws/2006/02/devprof">wsdp:Device</d:Types>',
    '<d:Types xmlns:n="http://www.onvif.org/ver10/network/wsdl">n:NetworkVideoTransmitter</d:Types>',
)
"""No type at all first; then what computers and printers (DPWS), and what cameras insist on."""
_PROBE = (
    '<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"'
    ' xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"'
    ' xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>"
    "<a:MessageID>{ident}</a:MessageID>"
    "<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
    "</s:Header><s:Body><d:Probe>{types}</d:Probe></s:Body></s:Envelope>"
)
_SCOPE = "onvif://www.onvif.org/"


class NotWsd(ValueError):
    """No probe match; carries no byte of it."""


@dataclass(frozen=True)
class Wsd(AsksHosts):
    PORT: ClassVar[int] = PORT
    PACKETS: ClassVar[int] = len(TYPES)
    SIZE: ClassVar[int] = 760
    name: str = "wsd"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = KINDS
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"wsd.device": "weak"})

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        answers = UdpAnswers()
        for types in TYPES:
            ident = f"urn:uuid:{uuid.uuid4()}"
            answers = await ctx.udp.ask(
                host,
                self.PORT,
                request(ident, types),
                partial(_mine, ident),
                emit=emit,
                timeout_s=1.5,
                tries=1,
                any_port=True,
                limit=4,
                more_s=0.3,
            )
            if answers.heard or answers.closed:
                break
        if answers.heard:
            await open_port(ctx, host, self.PORT, "wsd", emit, answers)
        await tell(host, answers.heard, ctx, emit)
        emit.ask("wsd.device", udp_ref(ctx, host, self.PORT), answers.outcome)


@dataclass(frozen=True)
class WsdSearch(AsksLink):
    """Some listen to the group only (wsdd, and gear that follows the draft to the letter)."""

    GROUP: ClassVar[str] = GROUP
    PACKETS: ClassVar[int] = len(TYPES)
    SIZE: ClassVar[int] = Wsd.SIZE
    QUESTION: ClassVar[str] = "wsd.device"
    name: str = "wsd_search"
    rev: int = 1
    needs: Needs = Needs(deadline_s=60, loopback=False, after=AFTER)
    emits: frozenset[str] = KINDS
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"wsd.device": "weak"})

    async def shout(self, ctx: Context, emit: Emit) -> Sequence[Datagram]:
        heard: list[Datagram] = []
        for types in TYPES:
            ident = f"urn:uuid:{uuid.uuid4()}"
            # An answer may be held back for half a second (APP_MAX_DELAY), some wait longer.
            heard += await ctx.udp.shout(
                GROUP,
                PORT,
                request(ident, types),
                partial(_mine, ident),
                emit=emit,
                window_s=2.0,
                tries=1,
            )
        return heard

    async def tell(self, host: str, said: Sequence[Datagram], ctx: Context, emit: Emit) -> None:
        await tell(host, said, ctx, emit)


async def tell(host: str, heard: Sequence[Datagram], ctx: Context, emit: Emit) -> None:
    """Emit each device of the answers once; addresses that are not the answering one are named, no more."""
    me = host_ref(ctx, host)
    seen: list[WsdDevice] = []
    for datagram in heard:
        for body in parse(datagram.data)[1]:
            if body in seen:
                continue
            seen.append(body)
            raw, redactions = redact(datagram.data)
            await emit(me, body, channel="wsd", raw=raw, redactions=redactions)
            if body.hardware:
                model = DeviceAttribute(name="model", value=body.hardware)
                await emit(me, model, channel="wsd")
            for other in strangers(body, host):
                await named_elsewhere(ctx, host, other, "wsd/xaddrs", body.endpoint, emit)


def request(ident: str, types: str = "") -> bytes:
    return _PROBE.format(ident=ident, types=types).encode("ascii")


def _mine(ident: str, data: bytes) -> bool:
    try:
        return parse(data)[0] == ident
    except NotWsd:
        return False


def parse(data: bytes) -> tuple[str, tuple[WsdDevice, ...]]:
    """(id of the probe it answers, devices). Raises `NotWsd`."""
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(redact(data[:65535])[0], forbid_dtd=True)
    except (ParseError, ValueError, LookupError, RecursionError):
        raise NotWsd("no XML we would read") from None
    relates = ""
    found: list[WsdDevice] = []
    for element in root.iter():
        tag = _local(element.tag)
        if tag == "RelatesTo":
            relates = clean(element.text or "")
        elif tag in ("ProbeMatch", "ResolveMatch", "Hello") and len(found) < MOST:
            found.append(_device(element))
    if not found:
        raise NotWsd("no probe match")
    return relates, tuple(found)


def _device(element: Any) -> WsdDevice:
    told = {_local(e.tag): clean(e.text or "", 4096) for e in element.iter() if e.text}
    scopes = told.get("Scopes", "").split()[:MOST]
    return WsdDevice(
        endpoint=clean(told.get("Address", "")),
        types=tuple(sorted({t.rpartition(":")[2] for t in told.get("Types", "").split()[:MOST]})),
        scopes=tuple(clean(s) for s in scopes),
        xaddrs=tuple(clean(x) for x in told.get("XAddrs", "").split()[:MOST]),
        name=_scope(scopes, "name"),
        hardware=_scope(scopes, "hardware"),
        location=_scope(scopes, "location"),
        mac=_scope(scopes, "mac") or _scope(scopes, "MAC"),
    )


def _scope(scopes: list[str], kind: str) -> str:
    start = f"{_SCOPE}{kind}/"
    return next((clean(unquote(s[len(start) :])) for s in scopes if s.startswith(start)), "")


def strangers(body: WsdDevice, host: str) -> list[str]:
    """Addresses the device gives for itself that are not the one which answered; other addresses of its own among them."""
    found: dict[str, None] = {}
    for text in body.xaddrs:
        try:
            name = urlsplit(text).hostname or ""
            # A link-local IPv6 address beside the IPv4 one is what every Windows computer names.
            if (
                str(ip_address(name)) != host
                and ip_address(name).version == ip_address(host).version
            ):
                found.setdefault(name)
        except ValueError:
            continue
    return list(found)


def _local(tag: object) -> str:
    return str(tag).rpartition("}")[2]
