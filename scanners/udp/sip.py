"""SIP over UDP: OPTIONS (RFC 3261, 11) asks a phone or an exchange what it is and can do. Nothing rings, nobody registers."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from agent.contract import Context, Emit, Needs
from agent.model.bodies_udp import SipPeer
from agent.model.status import Strength
from scanners.http_answer import realm_of
from scanners.redaction import redact
from scanners.targets import host_ref
from scanners.udp.asking import NEEDS, AsksHosts, clean, open_port, udp_ref

_SHORT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "l": "content-length"}
"""RFC 3261, 7.3.3."""
MOST_LINES = 64


class NotSip(ValueError):
    """No SIP response; carries no byte of it."""


@dataclass(frozen=True)
class Sip(AsksHosts):
    PORT: ClassVar[int] = 5060
    SIZE: ClassVar[int] = 420
    name: str = "sip"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = frozenset({"udp.port", "sip.peer"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"sip.peer": "weak"})

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        ident = secrets.token_hex(8)
        answers = await ctx.udp.ask(
            host,
            self.PORT,
            request(host, ctx.vantage.address or "0.0.0.0", ident),
            lambda data: _mine(data, ident),
            emit=emit,
            any_port=True,
        )
        if answers.heard:
            raw, redactions = redact(answers.heard[0].data)
            body = parse(answers.heard[0].data)[1]
            await open_port(ctx, host, self.PORT, "sip", emit, answers)
            me = host_ref(ctx, host)
            await emit(me, body, channel="sip", raw=raw, redactions=redactions)
        emit.ask("sip.peer", udp_ref(ctx, host, self.PORT), answers.outcome)


def request(host: str, own: str, ident: str) -> bytes:
    """`rport` (RFC 3581): the answer comes back to the port we ask from, whatever the Via says."""
    lines = (
        f"OPTIONS sip:{host} SIP/2.0",
        f"Via: SIP/2.0/UDP {own}:5060;branch=z9hG4bK{ident};rport",
        "Max-Forwards: 70",
        f"From: <sip:handover@{own}>;tag={ident}",
        f"To: <sip:{host}>",
        f"Call-ID: {ident}",
        "CSeq: 1 OPTIONS",
        "Accept: application/sdp",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode("ascii")


def _mine(data: bytes, ident: str) -> bool:
    try:
        return parse(data)[0] == ident
    except NotSip:
        return False


def parse(data: bytes, transport: Literal["udp", "tcp"] = "udp") -> tuple[str, SipPeer]:
    """(Call-ID it answers, peer). Raises `NotSip`."""
    head = redact(data[:8192])[0].partition(b"\r\n\r\n")[0]
    first, *lines = head.split(b"\r\n")[:MOST_LINES]
    status = re.match(rb"SIP/2\.0 ([1-6]\d\d)(?: |$)", first)
    if status is None:
        raise NotSip("no status line")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        key = clean(name, 64).lower()
        if colon:
            headers.setdefault(_SHORT.get(key, key), clean(value))
    challenge = headers.get("www-authenticate") or headers.get("proxy-authenticate", "")
    methods = sorted({m.strip().upper() for m in headers.get("allow", "").split(",")} - {""})
    return headers.get("call-id", ""), SipPeer(
        transport=transport,
        status=int(status[1]),
        server=headers.get("server", ""),
        user_agent=headers.get("user-agent", ""),
        allow=tuple(methods),
        realm=realm_of(challenge),
    )
