"""MongoDB: version, part in a cluster, and whether it answers strangers (MongoDB wire protocol; commands isMaster, buildInfo, hostInfo).

`isMaster` (OP_QUERY, which every version still takes for it) and `buildInfo` need no account. `hostInfo` reads the machine's name and
system, no data, and needs one where accounts are required at all: error 13 is the good answer.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from agent.model.bodies_services import ServiceNamed
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

_QUERY, _REPLY, _MSG = 2004, 1, 2013
_MSG_SINCE = 6
"""maxWireVersion of MongoDB 3.6, which brought OP_MSG."""
_HEAD = struct.Struct("<iiii")
_LIMIT = 16 * 1024
_UNAUTHORIZED = 13
_MAX_FIELDS = 200
_FIXED: Mapping[int, int] = {1: 8, 6: 0, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 17: 8, 18: 8, 19: 16}
"""Type of a BSON element -> its size (bsonspec.org, 1.1)."""
Value = str | float | bool
Document = Mapping[str, Value]


async def talk(c: Conversation) -> None:
    raw = await c.ask(query("isMaster"), whole, limit=_LIMIT)
    hello = parse(raw)
    if "maxWireVersion" not in hello and "ismaster" not in hello:
        raise NotSpoken("no answer to isMaster")
    modern = hello.get("maxWireVersion", 0)
    ask = message if isinstance(modern, int | float) and modern >= _MSG_SINCE else query
    build: Document = {}
    host: Document = {}
    try:
        build = parse(await c.ask(ask("buildInfo"), whole, limit=_LIMIT))
        host = parse(await c.ask(ask("hostInfo"), whole, limit=_LIMIT))
    except (TimeoutError, ConnectionError, NotSpoken):
        pass  # isMaster was enough to know what it is
    await c.report(body(c.port, hello, build, host), "mongodb", raw)


def body(port: int, hello: Document, build: Document, host: Document) -> ServiceNamed:
    part = "router of a cluster" if hello.get("msg") == "isdbgrid" else ""
    if name := hello.get("setName"):
        part = f"replica set {name}"
    answered: bool | None = None
    if host.get("ok") == 1:
        answered = True
    elif host.get("code") == _UNAUTHORIZED:
        answered = False
    return ServiceNamed(
        port=port,
        protocol="mongodb",
        product="MongoDB",
        version=str(build.get("version", ""))[:32],
        detail=part[:100],
        open=answered,
    )


def document(command: str) -> bytes:
    """`{command: 1, $db: "admin"}`."""
    inside = b"\x10" + command.encode("ascii") + b"\0" + struct.pack("<i", 1)
    inside += b"\x02$db\0" + struct.pack("<i", 6) + b"admin\0"
    return struct.pack("<i", 4 + len(inside) + 1) + inside + b"\0"


def query(command: str) -> bytes:
    """OP_QUERY of one document in `admin.$cmd`; the database stands in the name, not in the document."""
    inside = b"\x10" + command.encode("ascii") + b"\0" + struct.pack("<i", 1)
    asked = struct.pack("<i", 4 + len(inside) + 1) + inside + b"\0"
    rest = struct.pack("<i", 0) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + asked
    return _HEAD.pack(_HEAD.size + len(rest), 1, 0, _QUERY) + rest


def message(command: str) -> bytes:
    """OP_MSG with one section of kind 0."""
    rest = struct.pack("<I", 0) + b"\0" + document(command)
    return _HEAD.pack(_HEAD.size + len(rest), 2, 0, _MSG) + rest


def whole(data: bytes) -> bool:
    """Also true for bytes that can be no answer."""
    if len(data) < 4:
        return False
    (size,) = struct.unpack_from("<i", data)
    return not _HEAD.size < size <= _LIMIT or len(data) >= size


def parse(data: bytes) -> Document:
    """Texts and numbers at the top of the document of an OP_REPLY or OP_MSG. Raises `NotSpoken`."""
    if len(data) < _HEAD.size + 5:
        raise NotSpoken("no MongoDB answer")
    size, _, to, code = _HEAD.unpack_from(data)
    if size > len(data) or code not in (_REPLY, _MSG) or to not in (1, 2):
        raise NotSpoken("no MongoDB answer")
    # Flags, cursor, start and count of an OP_REPLY; flags and the section's kind of an OP_MSG.
    at = _HEAD.size + (20 if code == _REPLY else 5)
    return bson(data[at:size])


def bson(data: bytes) -> Document:
    """Raises `NotSpoken` for what is no BSON document."""
    if len(data) < 5 or struct.unpack_from("<i", data)[0] > len(data):
        raise NotSpoken("no BSON document")
    (end,) = struct.unpack_from("<i", data)
    out: dict[str, Value] = {}
    at = 4
    for _ in range(_MAX_FIELDS):
        if at >= end or data[at] == 0:
            break
        kind = data[at]
        name, sep, _rest = data[at + 1 : end].partition(b"\0")
        at += 2 + len(name)
        length = _length(kind, data, at, end)
        if not sep or length < 0 or at + length > end:
            raise NotSpoken("a BSON document that is cut")
        value = _value(kind, data[at : at + length])
        if value is not None:
            out[name[:64].decode("utf-8", "replace")] = value
        at += length
    return out


def _length(kind: int, data: bytes, at: int, end: int) -> int:
    """Bytes of a value; negative where it does not fit."""
    if kind in _FIXED:
        return _FIXED[kind]
    if at + 4 > end:
        return -1
    (told,) = struct.unpack_from("<i", data, at)
    if told < 0:
        return -1
    # Texts count themselves, documents their length as well, binaries neither length nor subtype.
    extra = {2: 4, 13: 4, 14: 4, 3: 0, 4: 0, 5: 5}.get(kind)
    return -1 if extra is None else max(told + extra, 4)


def _value(kind: int, data: bytes) -> Value | None:
    if kind == 2:
        return data[4:-1][:256].decode("utf-8", "replace")
    if kind == 1:
        return float(struct.unpack("<d", data)[0])
    if kind == 8:
        return data != b"\0"
    if kind in (16, 18):
        return int.from_bytes(data, "little", signed=True)
    return None
