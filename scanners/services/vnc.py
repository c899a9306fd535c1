"""VNC (RFC 6143, 7.1): version, security types, and whether it lets anybody in without a password. The hand-shake ends before a choice."""

from __future__ import annotations

import re
import struct

from agent.model.bodies_services import VncHello
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

NONE = 1
_VERSION = re.compile(rb"RFB (\d{3})\.(\d{3})\n")


async def talk(c: Conversation) -> None:
    """On an open connection whose version line stands in `c.heard`."""
    version = version_of(c.heard)
    # We answer with what both know (7.1.1): 3.3, 3.7 or 3.8; Apple says 3.889, others 4 and 5.
    old = version < (3, 7)
    ours = b"RFB 003.003\n" if old else b"RFB 003.007\n" if version == (3, 7) else b"RFB 003.008\n"
    raw = await c.ask(ours, whole_old if old else whole, limit=2048)
    types, refusal = parse_old(raw) if old else parse(raw)
    body = VncHello(
        port=c.port,
        version=f"{version[0]}.{version[1]}",
        security=types,
        without_password=NONE in types if types else None,
        refusal=refusal,
    )
    await c.report(body, "vnc", raw)


def version_of(data: bytes) -> tuple[int, int]:
    """Raises `NotSpoken`."""
    found = _VERSION.match(data)
    if found is None:
        raise NotSpoken("no RFB version")
    return int(found[1]), int(found[2])


def whole(data: bytes) -> bool:
    if not data:
        return False
    return len(data) >= 1 + data[0] if data[0] else whole_old(b"\0\0\0\0" + data[1:])


def whole_old(data: bytes) -> bool:
    if len(data) < 4 or data[:4] != bytes(4):
        return len(data) >= 4
    return len(data) >= 8 and len(data) >= 8 + int.from_bytes(data[4:8], "big")


def parse(data: bytes) -> tuple[tuple[int, ...], str]:
    """(security types, words of a refusal) of protocol 3.7 and newer. Raises `NotSpoken`."""
    if not data:
        raise NotSpoken("no security types")
    if data[0] == 0:
        return (), _reason(data[1:])
    if len(data) < 1 + data[0]:
        raise NotSpoken("a list that is cut")
    return tuple(sorted(set(data[1 : 1 + data[0]]))), ""


def parse_old(data: bytes) -> tuple[tuple[int, ...], str]:
    """The one type a 3.3 server decides on (7.1.2). Raises `NotSpoken`."""
    if len(data) < 4:
        raise NotSpoken("no security type")
    (kind,) = struct.unpack_from(">I", data)
    if kind == 0:
        return (), _reason(data[4:])
    if kind > 255:
        raise NotSpoken("no security type")
    return (kind,), ""


def _reason(data: bytes) -> str:
    size = int.from_bytes(data[:4], "big")
    return data[4 : 4 + min(size, 300)].decode("utf-8", "replace") or "refused"
