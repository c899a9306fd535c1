"""Services with one short question: Redis, memcached, rpcbind and NFS (ONC RPC, RFC 5531), DNS over TCP (RFC 7766), SOCKS 5 (RFC 1928).

What needs no account and writes nothing: `PING` and `INFO server` (Redis), `version` (memcached), the NULL procedure (RPC), a query for
`version.bind` (DNS), the choice of a method (SOCKS).
"""

from __future__ import annotations

import re
import struct

from agent.model.bodies_services import ServiceNamed
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

PORTMAPPER, NFS = 100_000, 100_003
_XID = 0x68616E64
_BIND_QUERY = b"\x07version\x04bind\0\x00\x10\x00\x03"


async def redis(c: Conversation) -> None:
    raw = await c.ask(b"PING\r\n", lambda d: d.endswith(b"\n"), limit=512)
    body = parse_redis(c.port, raw)
    if body.open:
        try:
            raw = await c.ask(
                b"INFO server\r\n", lambda d: b"redis_version" in d and d.endswith(b"\n")
            )
            body = body.model_copy(update={"version": redis_version(raw)})
        except (TimeoutError, ConnectionError):
            pass  # PING was enough to know what it is
    await c.report(body, "redis", raw)


def parse_redis(port: int, data: bytes) -> ServiceNamed:
    """The answer to PING: +PONG, or an error that asks who we are. Raises `NotSpoken`."""
    if data.startswith(b"+PONG"):
        return ServiceNamed(port=port, protocol="redis", product="Redis", open=True)
    if data.startswith((b"-NOAUTH", b"-DENIED", b"-NOPERM", b"-MISCONF", b"-LOADING")):
        detail = data[1:120].split(b"\r")[0].decode("ascii", "replace")
        return ServiceNamed(port=port, protocol="redis", product="Redis", open=False, detail=detail)
    raise NotSpoken("no Redis answer")


def redis_version(data: bytes) -> str:
    found = re.search(rb"(?m)^redis_version:([\w.]{1,32})", data)
    return found[1].decode("ascii") if found else ""


async def memcached(c: Conversation) -> None:
    raw = await c.ask(b"version\r\n", lambda d: d.endswith(b"\n"), limit=512)
    await c.report(parse_memcached(c.port, raw), "memcached", raw)


def parse_memcached(port: int, data: bytes) -> ServiceNamed:
    """Raises `NotSpoken`."""
    found = re.match(rb"VERSION ([\w.+-]{1,32})", data)
    if found is None:
        raise NotSpoken("no memcached answer")
    version = found[1].decode("ascii")
    return ServiceNamed(
        port=port, protocol="memcached", product="memcached", version=version, open=True
    )


async def rpcbind(c: Conversation) -> None:
    raw = await c.ask(rpc_null(PORTMAPPER, 2), rpc_whole, limit=512)
    await c.report(ServiceNamed(port=c.port, protocol="rpcbind", detail=parse_rpc(raw)), "rpc", raw)


async def nfs(c: Conversation) -> None:
    raw = await c.ask(rpc_null(NFS, 3), rpc_whole, limit=512)
    await c.report(ServiceNamed(port=c.port, protocol="nfs", detail=parse_rpc(raw)), "rpc", raw)


def rpc_null(program: int, version: int) -> bytes:
    """A call of procedure 0, which takes nothing and does nothing, without credentials; record-marked (RFC 5531, 11)."""
    call = struct.pack(">IIIIIIIIII", _XID, 0, 2, program, version, 0, 0, 0, 0, 0)
    return struct.pack(">I", 0x80000000 | len(call)) + call


def rpc_whole(data: bytes) -> bool:
    return len(data) >= 4 and len(data) >= 4 + (int.from_bytes(data[:4], "big") & 0x7FFFFFFF)


def parse_rpc(data: bytes) -> str:
    """ "" for success, or `versions a-b` where ours is not known there. Raises `NotSpoken`."""
    if len(data) < 16 or struct.unpack_from(">II", data, 4) != (_XID, 1):
        raise NotSpoken("no RPC reply")
    (accepted,) = struct.unpack_from(">I", data, 12)
    if accepted != 0:
        return "denied"
    if len(data) < 28:
        raise NotSpoken("a reply that is cut")
    (status,) = struct.unpack_from(">I", data, 24)
    if status == 2 and len(data) >= 36:
        low, high = struct.unpack_from(">II", data, 28)
        return f"versions {low}-{high}" if low <= high < 100 else ""
    if status == 1:
        raise NotSpoken("another RPC program")
    return ""


async def dns(c: Conversation) -> None:
    query = struct.pack(">HHHHHH", 0x6864, 0, 1, 0, 0, 0) + _BIND_QUERY
    raw = await c.ask(
        struct.pack(">H", len(query)) + query,
        lambda d: len(d) >= 2 and len(d) >= 2 + int.from_bytes(d[:2], "big"),
        limit=2048,
    )
    await c.report(parse_dns(c.port, raw), "dns", raw)


def parse_dns(port: int, data: bytes) -> ServiceNamed:
    """The version a name server tells, where it does; that it answers at all names it. Raises `NotSpoken`."""
    if len(data) < 14 or data[2:4] != b"hd" or not data[4] & 0x80:
        raise NotSpoken("no DNS answer")
    answers = int.from_bytes(data[8:10], "big")
    version = ""
    at = data.find(_BIND_QUERY, 14)
    if answers and at >= 0:
        record = data[at + len(_BIND_QUERY) :]
        # Name (a pointer, or written out once more), type TXT, class CH, TTL, length, then the string with its own length.
        found = re.match(
            rb"(?:\xc0.|\x07version\x04bind\0)\x00\x10\x00\x03.{4}..(.)", record, re.DOTALL
        )
        if found:
            text = record[found.end() : found.end() + found[1][0]]
            version = text.decode("utf-8", "replace")[:100]
    product, number = server_of(version)
    return ServiceNamed(port=port, protocol="dns", product=product, version=number)


def server_of(text: str) -> tuple[str, str]:
    """(program, version) in the words of `version.bind`: BIND gives its bare number (BIND 9 manual), others their name."""
    if re.match(r"9\.\d+\.\d+", text):
        return "BIND", text
    found = re.match(
        r"(dnsmasq|unbound|PowerDNS\D*?|NSD|Knot DNS)[- ]v?(\d[\w.-]*)", text, re.IGNORECASE
    )
    return (found[1].strip(), found[2]) if found else ("", text)


async def socks(c: Conversation) -> None:
    raw = await c.ask(b"\x05\x01\x00", lambda d: len(d) >= 2, limit=16)
    await c.report(parse_socks(c.port, raw), "socks", raw)


def parse_socks(port: int, data: bytes) -> ServiceNamed:
    """The method chosen: 0 none, 0xFF none of ours. Raises `NotSpoken`."""
    if len(data) != 2 or data[0] != 5 or data[1] not in (0, 0xFF):
        raise NotSpoken("no SOCKS answer")
    return ServiceNamed(port=port, protocol="socks", open=data[1] == 0)
