"""The endpoint mapper of MSRPC on port 135: which interfaces a Windows host (or Samba) has registered, and where they listen.

Two messages on one connection, without an account: bind to the mapper's interface and ept_lookup (C706 "DCE 1.1: Remote Procedure Call",
chapter 12 and appendix O; [MS-RPCE] 2.2.1.2). Own code: impacket is no dependency, and this is all we would use of it.
"""

from __future__ import annotations

import struct
from uuid import UUID

from agent.model.bodies_services import RpcEndpoints
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

MAPPER = UUID("e1af8308-5d1f-11c9-91a4-08002b14a0fa")
NDR = UUID("8a885d04-1ceb-11c9-9fe8-08002b104860")
BIND, BIND_ACK, BIND_NAK, REQUEST, RESPONSE, FAULT = 11, 12, 13, 0, 2, 3
MAX_ENTRIES = 500
LIMIT = 64 * 1024
_FIRST_AND_LAST = 3
_TCP, _PIPE, _HTTP = 0x07, 0x0F, 0x1F
_MAX_FLOORS = 8


async def talk(c: Conversation) -> None:
    raw = await c.ask(bind(), whole)
    if not bound(raw):
        await c.report(RpcEndpoints(port=c.port, refused=True), "msrpc", raw)
        return
    more = b""
    try:
        more = await c.ask(lookup(), whole, limit=LIMIT)
        found: tuple[str, ...] | None = endpoints(stub(more))
    except (OSError, NotSpoken):
        found = None
    body = RpcEndpoints(port=c.port, endpoints=found or (), refused=found is None)
    await c.report(body, "msrpc", more or raw)


def bind() -> bytes:
    context = struct.pack("<HBx", 0, 1) + MAPPER.bytes_le + struct.pack("<I", 3)
    context += NDR.bytes_le + struct.pack("<I", 2)
    return _framed(BIND, struct.pack("<HHIBxxx", 5840, 5840, 0, 1) + context)


def lookup() -> bytes:
    """ept_lookup: every entry, no object, no interface, a fresh handle, up to `MAX_ENTRIES`."""
    args = struct.pack("<III", 0, 0, 0) + struct.pack("<I", 1) + bytes(20)
    args += struct.pack("<I", MAX_ENTRIES)
    return _framed(REQUEST, struct.pack("<IHH", len(args), 0, 2) + args)


def whole(data: bytes) -> bool:
    """Are all fragments there, up to the one marked as the last?"""
    while len(data) >= 16:
        size = int.from_bytes(data[8:10], "little")
        if data[0] != 5 or size < 16:
            return True
        if size > len(data):
            return False
        if data[3] & 2:
            return True
        data = data[size:]
    return bool(data) and data[0] != 5


def bound(data: bytes) -> bool:
    """Was the bind accepted? Raises `NotSpoken` where this is no DCE/RPC at all."""
    if len(data) < 16 or data[0] != 5 or data[2] not in (BIND_ACK, BIND_NAK, FAULT):
        raise NotSpoken("no answer to a bind")
    return data[2] == BIND_ACK


def stub(data: bytes) -> bytes:
    """The arguments of a response, its fragments put together. Raises `NotSpoken`."""
    out = b""
    while len(data) >= 24:
        size = int.from_bytes(data[8:10], "little")
        if data[0] != 5 or data[2] != RESPONSE or size < 24:
            raise NotSpoken("no response")
        out += data[24 : min(size, len(data))]
        data = data[size:]
    if not out:
        raise NotSpoken("no response")
    return out


def endpoints(data: bytes) -> tuple[str, ...]:
    """`uuid vN binding annotation` of each entry of ept_lookup's answer, sorted. Raises `NotSpoken`.

    The towers follow the entries, in their order (NDR, C706 14.3.10: pointers are deferred).
    """
    if len(data) < 36:
        raise NotSpoken("an answer that is cut")
    (count,) = struct.unpack_from("<I", data, 20)
    if count > MAX_ENTRIES:
        raise NotSpoken("more entries than asked for")
    at = 36
    notes: list[str] = []
    for _ in range(count):
        # Object UUID, pointer to the tower, annotation as a varying string.
        if at + 28 > len(data):
            break
        _, length = struct.unpack_from("<II", data, at + 20)
        if length > 64:
            raise NotSpoken("an annotation without end")
        notes.append(data[at + 28 : at + 28 + length].rstrip(b"\0").decode("utf-8", "replace"))
        at += 28 + length
        at += -at % 4
    found: set[str] = set()
    for note in notes:
        if at + 8 > len(data):
            break
        _, length = struct.unpack_from("<II", data, at)
        tower = data[at + 8 : at + 8 + length]
        at += 8 + length
        at += -at % 4
        if text := _tower(tower):
            found.add(f"{text} {note}".strip())
    return tuple(sorted(found))


def _tower(data: bytes) -> str:
    """One protocol tower (C706, appendix L); empty where it is cut."""
    if len(data) < 2:
        return ""
    floors: list[tuple[bytes, bytes]] = []
    at = 2
    for _ in range(min(int.from_bytes(data[:2], "little"), _MAX_FLOORS)):
        left, at = _counted(data, at)
        right, at = _counted(data, at)
        floors.append((left, right))
    if len(floors) < 3 or len(floors[0][0]) != 19 or floors[0][0][0] != 0x0D:
        return ""
    first = floors[0][0]
    name = f"{UUID(bytes_le=first[1:17])} v{int.from_bytes(first[17:19], 'little')}"
    for left, right in floors[3:]:
        kind = left[0] if left else 0
        if kind in (_TCP, _HTTP) and len(right) == 2:
            scheme = "ncacn_http" if kind == _HTTP else "ncacn_ip_tcp"
            return f"{name} {scheme}:{int.from_bytes(right, 'big')}"
        if kind == _PIPE:
            pipe = right.rstrip(b"\0")[:100].decode("ascii", "replace")
            return f"{name} ncacn_np:{pipe}"
    return name


def _counted(data: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[at : at + 2], "little")
    return data[at + 2 : at + 2 + size], at + 2 + size


def _framed(kind: int, body: bytes) -> bytes:
    head = struct.pack("<BBBBIHHI", 5, 0, kind, _FIRST_AND_LAST, 0x10, 16 + len(body), 0, 1)
    return head + body
