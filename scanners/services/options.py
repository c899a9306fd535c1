"""OPTIONS of RTSP (RFC 2326, 10.1) and of SIP over TCP (RFC 3261, 11): the server's name and methods. No call, no stream, no account."""

from __future__ import annotations

import re
import secrets
from typing import Literal

from agent.model.bodies import Banner
from agent.model.bodies_services import OptionsAnswer
from scanners.http_answer import realm_of
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

Protocol = Literal["rtsp", "sip"]
_STATUS = re.compile(rb"(RTSP/1\.\d|SIP/2\.0) (\d{3})(?: |\r?$)")


async def rtsp(c: Conversation) -> None:
    host = f"[{c.host}]" if ":" in c.host else c.host
    request = f"OPTIONS rtsp://{host}/ RTSP/1.0\r\nCSeq: 1\r\nUser-Agent: handover\r\n\r\n"
    await _report(c, await c.ask(request.encode("ascii"), whole), "rtsp")


async def sip(c: Conversation) -> None:
    await _report(c, await c.ask(sip_options(c.host, c.port, c.tls), whole), "sip")


async def _report(c: Conversation, raw: bytes, protocol: Protocol) -> None:
    body = parse(c.port, raw, protocol, tls=c.tls)
    await c.report(body, protocol, raw)
    text = raw.partition(b"\r\n\r\n")[0][:2048].decode("utf-8", "replace")
    await c.report(Banner(port=c.port, protocol=protocol, text=text), protocol)


def sip_options(host: str, port: int, tls: bool) -> bytes:
    """Answered to us on the connection it came by (RFC 3581); the names are of RFC 2606."""
    named = f"[{host}]" if ":" in host else host
    scheme, carrier = ("sips", "TLS") if tls else ("sip", "TCP")
    mark = secrets.token_hex(8)
    lines = (
        f"OPTIONS {scheme}:{named}:{port} SIP/2.0",
        f"Via: SIP/2.0/{carrier} handover.invalid;branch=z9hG4bK{mark};rport",
        "Max-Forwards: 1",
        f"To: <{scheme}:{named}:{port}>",
        f"From: <{scheme}:handover@handover.invalid>;tag={mark[:8]}",
        f"Call-ID: {mark}@handover.invalid",
        "CSeq: 1 OPTIONS",
        "Accept: application/sdp",
        "User-Agent: handover",
        "Content-Length: 0",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def whole(data: bytes) -> bool:
    """The head is enough."""
    return b"\r\n\r\n" in data


def parse(port: int, data: bytes, protocol: Protocol, *, tls: bool = False) -> OptionsAnswer:
    """Raises `NotSpoken`."""
    head = data.partition(b"\r\n\r\n")[0]
    found = _STATUS.match(head)
    if found is None or not found[1].lower().startswith(protocol.encode("ascii")):
        raise NotSpoken("no answer to OPTIONS")
    headers: dict[str, str] = {}
    for line in head.split(b"\n", 100)[1:100]:
        name, colon, value = line.partition(b":")
        if colon:
            key = name.strip().lower()[:40].decode("ascii", "replace")
            headers.setdefault(key, value.strip()[:300].decode("utf-8", "replace"))
    methods = headers.get("public") or headers.get("allow") or ""
    return OptionsAnswer.model_validate(
        {
            "port": port,
            "protocol": protocol,
            "tls": tls,
            "status": int(found[2]),
            "server": headers.get("server") or headers.get("user-agent") or "",
            "methods": tuple(m for m in re.split(r"[,\s]+", methods) if m)[:40],
            "realm": realm_of(headers.get("www-authenticate", "")),
        }
    )
