"""Remote Desktop: which protection the server chooses and insists on, its certificate, and its names.

The X.224 negotiation ([MS-RDPBCGR] 2.2.1.1 to 2.2.1.2.2) is put twice: once with all we know, once without network level authentication
(NLA) to see whether that is required. Where NLA is chosen, the first message of CredSSP ([MS-CSSP] 2.2.1) brings NTLM's challenge.
Nobody logs in.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

from agent.model.bodies_services import RdpHello
from scanners.not_spoken import NotSpoken
from scanners.services import ber, ntlm
from scanners.services.conversation import Conversation

STANDARD, TLS, NLA = 0, 1, 2
_NLA_REQUIRED = 5
_SECURITY: dict[int, Literal["standard", "tls", "nla"]] = {
    0: "standard",
    1: "tls",
    2: "nla",
    8: "nla",
}


@dataclass(frozen=True)
class Answer:
    """`selected`: the protocol taken; `failure`: the code of a refusal. Both None: an old server that does not negotiate."""

    selected: int | None = None
    failure: int | None = None


async def talk(c: Conversation) -> None:
    raw = await c.ask(request(TLS | NLA), whole, limit=1024)
    first = parse(raw)
    nla = first.selected in (NLA, 8)
    if first.selected in (TLS, NLA, 8):
        await c.put("tls.certificate", c.start_tls())
        if nla and c.tls:
            await c.put("ntlm.challenge", _credssp(c))
    required: bool | None = None if nla else False
    if nla and not c.impatient:
        await c.close()
        try:
            await c.open()
            second = parse(await c.ask(request(TLS), whole, limit=1024))
            required = second.failure == _NLA_REQUIRED or (None if second.failure else False)
        except (OSError, NotSpoken):
            required = None
    selected = STANDARD if first.selected is None else first.selected
    known = first.failure is None
    body = RdpHello(
        port=c.port,
        security=_SECURITY.get(selected, "") if known else "",
        nla=nla if known else None,
        nla_required=required if known else None,
    )
    await c.report(body, "rdp", raw, public=True)


async def _credssp(c: Conversation) -> None:
    raw = await c.ask(credssp(), lambda d: 0 < ber.whole(d) <= len(d))
    await ntlm.report(c, ntlm.find(raw), "rdp", raw)


def request(protocols: int) -> bytes:
    """TPKT (RFC 1006), X.224 connection request, and the protocols we say we know."""
    negotiation = struct.pack("<BBHI", 1, 0, 8, protocols)
    x224 = struct.pack(">BBHHB", 6 + len(negotiation), 0xE0, 0, 0, 0) + negotiation
    return struct.pack(">BBH", 3, 0, 4 + len(x224)) + x224


def credssp() -> bytes:
    """TSRequest, version 6, with NTLM's first message as its only token."""
    token = ber.element(ber.SEQUENCE, ber.element(0xA0, ber.element(ber.OCTETS, ntlm.negotiate())))
    tokens = ber.element(0xA1, ber.element(ber.SEQUENCE, token))
    return ber.element(ber.SEQUENCE, ber.element(0xA0, ber.integer(6)), tokens)


def whole(data: bytes) -> bool:
    return len(data) >= 4 and (data[0] != 3 or len(data) >= int.from_bytes(data[2:4], "big"))


def parse(data: bytes) -> Answer:
    """The X.224 connection confirm and what it negotiates. Raises `NotSpoken`."""
    if len(data) < 11 or data[0] != 3 or data[5] != 0xD0:
        raise NotSpoken("no X.224 connection confirm")
    if not 11 <= int.from_bytes(data[2:4], "big") <= len(data):
        raise NotSpoken("a confirm that is cut")
    if len(data) < 19:
        return Answer()
    kind, _, size, value = struct.unpack_from("<BBHI", data, 11)
    if size != 8 or kind not in (2, 3):
        raise NotSpoken("no RDP negotiation")
    return Answer(selected=value) if kind == 2 else Answer(failure=value)
