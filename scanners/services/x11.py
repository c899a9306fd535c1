"""X Window System (protocol 11, section 8): a connection set-up without authority. Let in, we leave at once; nothing is drawn or read."""

from __future__ import annotations

import struct

from agent.model.bodies_services import X11Hello
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

# Little-endian, protocol 11.0, no authorization name, no data.
SETUP = struct.pack("<BxHHHHxx", 0x6C, 11, 0, 0, 0)
LIMIT = 8192


async def talk(c: Conversation) -> None:
    raw = await c.ask(SETUP, whole, limit=LIMIT)
    await c.report(parse(c.port, raw), "x11", raw)


def whole(data: bytes) -> bool:
    return len(data) >= 8 and len(data) >= min(LIMIT, 8 + 4 * int.from_bytes(data[6:8], "little"))


def parse(port: int, data: bytes) -> X11Hello:
    """Failed, Success or Authenticate. Raises `NotSpoken`."""
    if len(data) < 8 or data[0] > 2:
        raise NotSpoken("no X11 answer")
    major = int.from_bytes(data[2:4], "little")
    if data[0] == 2:
        return X11Hello(port=port, open=False, reason=_text(data[8:300]))
    if major != 11:
        raise NotSpoken("no X11 answer")
    if data[0] == 0:
        return X11Hello(port=port, open=False, reason=_text(data[8 : 8 + data[1]]))
    if len(data) < 40:
        raise NotSpoken("a set-up that is cut")
    (release,) = struct.unpack_from("<I", data, 8)
    (length,) = struct.unpack_from("<H", data, 24)
    return X11Hello(
        port=port, open=True, vendor=_text(data[40 : 40 + min(length, 200)]), release=str(release)
    )


def _text(data: bytes) -> str:
    return data.rstrip(b"\0\n ").decode("utf-8", "replace")
