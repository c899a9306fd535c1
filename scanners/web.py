"""The root page of a web server (RFC 9110): status, title, server, realm, favicon. A redirect is written down, never followed.

Two requests a port at most: `GET /` and `GET /favicon.ico` of the same address. The favicon's MurmurHash3 is the one Shodan's search uses.
"""

from __future__ import annotations

import base64
import hashlib
import html
import re
import ssl
import time
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from agent.catalogs.ports import by_number
from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies import HttpPage
from agent.model.run import UnitPlan
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from agent.model.status import AskOutcome, Strength
from scanners.targets import host_ref, open_ports, service_ref

WAIT_S = 4.0
WHOLE_S = 8.0
"""For one page in all."""
LIMIT = 256 * 1024
PACKETS = 700
"""Acknowledgements of 256 KiB twice, at the worst one a segment."""


class NotHttp(ValueError):
    """The answer is not HTTP; carries no byte of it."""


@dataclass(frozen=True)
class Answer:
    """A parsed response; header names are in lower case, the first of each kind wins. `whole` is False when it was cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


@dataclass(frozen=True)
class Web:
    name: str = "web"
    rev: int = 1
    needs: Needs = Needs(deadline_s=90, after=("tcp_ports",))
    emits: frozenset[str] = frozenset({"http.page"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"http.page": "strong"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        for host, ports in open_ports(ctx).items():
            wanted = [p for p in ports if speaks_http(p) is not None]
            if wanted:
                yield UnitPlan(
                    probe=self.name,
                    unit=host,
                    subject=host_ref(ctx, host),
                    targets=(host,),
                    params={"ports": " ".join(map(str, wanted))},
                )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        packets = PACKETS * 2 * len(unit.params["ports"].split())
        return {(unit.targets[0], "tcp"): (packets, packets * 100)}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]
        for port in map(int, unit.params["ports"].split()):
            outcome = await self._one(host, port, ctx, emit)
            emit.ask("http.page", service_ref(ctx, host, port), outcome)

    async def _one(self, host: str, port: int, ctx: Context, emit: Emit) -> AskOutcome:
        tls = speaks_http(port) == "https"
        try:
            raw = await get(host, port, "/", tls, ctx, emit)
        except TimeoutError:
            return "silent"
        except (ssl.SSLError, ConnectionError):
            return "negative"
        except OSError:
            return "error"
        if not raw:
            return "negative"
        try:
            answer = parse(raw)
        except NotHttp:
            return "negative"
        icon = b""
        # A server that did not finish its page is not asked again.
        if answer.whole:
            with suppress(OSError, NotHttp, TimeoutError):
                got = parse(await get(host, port, "/favicon.ico", tls, ctx, emit))
                icon = got.body if got.status == 200 and got.whole else b""
        body = page(port, tls, answer, icon)
        await emit(host_ref(ctx, host), body, channel="https" if tls else "http", raw=raw)
        return "answered"


def speaks_http(port: int) -> str | None:
    """`http` or `https` where the catalogue says so; None elsewhere, and never for a port that prints or controls."""
    entry = by_number().get(port)
    if entry is None or port in RAW_PRINT_PORTS or port in OT_PORTS:
        return None
    return entry.speaks if entry.speaks in ("http", "https") else None


async def get(host: str, port: int, path: str, tls: bool, ctx: Context, emit: Emit) -> bytes:
    """The raw answer to one GET, at most `LIMIT` bytes. Raises what connecting, TLS and reading raise; a late byte ends it quietly."""
    stream = await ctx.dial.connect(host, port, timeout_s=WAIT_S, emit=emit)
    data = bytearray()
    try:
        if tls:
            await stream.start_tls(None, WAIT_S)
        named = f"[{host}]" if ":" in host else host
        request = f"GET {path} HTTP/1.1\r\nHost: {named}\r\nUser-Agent: handover\r\n"
        request += "Accept: */*\r\nConnection: close\r\n\r\n"
        await stream.write(request.encode("ascii"))
        until = time.monotonic() + WHOLE_S
        while len(data) < LIMIT and not complete(bytes(data[:16384]), len(data)):
            try:
                # A server that drips a byte a second must not hold us for ever.
                left = min(WAIT_S, max(0.05, until - time.monotonic()))
                chunk = await stream.read(min(65536, LIMIT - len(data)), left)
                if time.monotonic() > until:
                    break
            except (TimeoutError, ConnectionError):
                if not data:
                    raise
                break
            if not chunk:
                break
            data += chunk
    finally:
        await stream.close()
    return bytes(data)


def complete(start: bytes, length: int) -> bool:
    """Has an answer with Content-Length come in full?"""
    head, sep, _ = start.partition(b"\r\n\r\n")
    found = re.search(rb"(?im)^content-length:[ \t]*(\d{1,9})[ \t]*\r?$", head) if sep else None
    return found is not None and length >= len(head) + 4 + int(found[1])


def parse(raw: bytes) -> Answer:
    """The response in *raw*, chunks put together and gzip undone within bounds. Raises `NotHttp`."""
    head, sep, body = raw.partition(b"\r\n\r\n")
    if not sep:
        head, sep, body = raw.partition(b"\n\n")
    lines = head.replace(b"\r\n", b"\n").split(b"\n")
    first = re.match(rb"HTTP/\d(?:\.\d)? +(\d{3})(?: |$)", lines[0])
    if first is None:
        raise NotHttp("no HTTP status line")
    headers: dict[str, str] = {}
    for line in lines[1:200]:
        name, colon, value = line.partition(b":")
        if colon:
            key = name.strip().lower().decode("latin-1")
            headers.setdefault(key, value.strip().decode("utf-8", "replace")[:1024])
    whole = bool(sep) and len(raw) < LIMIT
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body, ended = _unchunk(body)
        whole = whole and ended
    if headers.get("content-encoding", "").lower() in ("gzip", "deflate"):
        body, ended = _inflate(body)
        whole = whole and ended
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 12 and len(body) < int(length):
        whole = False
    return Answer(int(first[1]), headers, body[:LIMIT], whole)


def _unchunk(data: bytes) -> tuple[bytes, bool]:
    out = bytearray()
    while len(out) < LIMIT:
        line, sep, rest = data.partition(b"\r\n")
        size = line.split(b";")[0].strip()
        if not sep or not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
            return bytes(out), False
        n = int(size, 16)
        if n == 0:
            return bytes(out), True
        out += rest[:n]
        if len(rest) < n + 2:
            return bytes(out[:LIMIT]), False
        data = rest[n + 2 :]
    return bytes(out[:LIMIT]), False


def _inflate(data: bytes) -> tuple[bytes, bool]:
    # 47: zlib or gzip, found out by itself.
    unpacker = zlib.decompressobj(47)
    try:
        out = unpacker.decompress(data, LIMIT)
    except zlib.error:
        return b"", False
    return out, unpacker.eof


def page(port: int, tls: bool, answer: Answer, icon: bytes) -> HttpPage:
    """What the page says of the device."""
    text = answer.body[:65536].decode("utf-8", "replace")
    title = re.search(r"<title[^>]{0,200}>(.{0,2000}?)</title", text, re.IGNORECASE | re.DOTALL)
    realm = re.search(r'realm="?([^",]{0,200})', answer.headers.get("www-authenticate", ""), re.I)
    return HttpPage(
        port=port,
        tls=tls,
        status=answer.status,
        title=" ".join(html.unescape(title[1]).split())[:300] if title else "",
        server=answer.headers.get("server", "")[:300],
        realm=realm[1] if realm else "",
        location=answer.headers.get("location", "")[:500],
        favicon_sha256=hashlib.sha256(icon).hexdigest() if icon else "",
        favicon_mmh3=mmh3(base64.encodebytes(icon)) if icon else None,
    )


def mmh3(data: bytes, seed: int = 0) -> int:
    """MurmurHash3 x86 32-bit, signed, as Shodan's http.favicon.hash has it (Austin Appleby, public domain, MurmurHash3.cpp)."""
    mask = 0xFFFFFFFF
    h = seed
    blocks = len(data) // 4
    for i in range(blocks):
        k = int.from_bytes(data[i * 4 : i * 4 + 4], "little")
        h ^= _mix(k)
        h = ((h << 13) | (h >> 19)) & mask
        h = (h * 5 + 0xE6546B64) & mask
    if tail := data[blocks * 4 :]:
        h ^= _mix(int.from_bytes(tail, "little"))
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & mask
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & mask
    h ^= h >> 16
    return h - (1 << 32) if h >> 31 else h


def _mix(k: int) -> int:
    k = (k * 0xCC9E2D51) & 0xFFFFFFFF
    k = ((k << 15) | (k >> 17)) & 0xFFFFFFFF
    return (k * 0x1B873593) & 0xFFFFFFFF
