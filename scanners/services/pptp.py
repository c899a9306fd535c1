"""PPTP (RFC 2637, 2.1 and 2.2): the start of a control connection, answered with host, vendor and firmware. No call, no account."""

from __future__ import annotations

import struct

from agent.model.bodies_services import ServiceNamed
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

MAGIC = 0x1A2B3C4D
SIZE = 156
_REQUEST, _REPLY = 1, 2


async def talk(c: Conversation) -> None:
    raw = await c.ask(request(), lambda d: len(d) >= SIZE, limit=SIZE)
    await c.report(parse(c.port, raw), "pptp", raw)


def request() -> bytes:
    """Start-Control-Connection-Request, version 1.0, framing and bearer of any kind, no channels; vendor names us."""
    head = struct.pack(">HHIHH", SIZE, 1, MAGIC, _REQUEST, 0)
    body = struct.pack(">HHIIHH", 0x0100, 0, 3, 3, 0, 0)
    return head + body + bytes(64) + b"handover".ljust(64, b"\0")


def parse(port: int, data: bytes) -> ServiceNamed:
    """Start-Control-Connection-Reply, also one that refuses. Raises `NotSpoken`."""
    if len(data) < SIZE:
        raise NotSpoken("no PPTP answer")
    _, kind, magic, what = struct.unpack_from(">HHIH", data)
    if (kind, magic, what) != (1, MAGIC, _REPLY):
        raise NotSpoken("no PPTP answer")
    # Version, result, error, framing and bearer capabilities, channels.
    (firmware,) = struct.unpack_from(">H", data, 26)
    host, vendor = _text(data[28:92]), _text(data[92:SIZE])
    return ServiceNamed(
        port=port,
        protocol="pptp",
        product=vendor,
        version=f"{firmware >> 8}.{firmware & 0xFF}" if firmware else "",
        detail=f"host {host}" if host else "",
    )


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
