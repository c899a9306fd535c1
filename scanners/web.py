"""The root page of a web server (RFC 9110): status, title, server, realm, favicon. A redirect is written down, never followed.

Two requests a port at most: `GET /` and `GET /favicon.ico` of the same address. Never to ports that print or control machines.
"""

from __future__ import annotations

import hashlib
import ssl
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from agent.catalogs.ports import by_number
from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies import HttpPage
from agent.model.run import UnitPlan
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from agent.model.status import AskOutcome, Strength
from scanners.http_answer import LIMIT, Answer, NotHttp, complete, parse, realm_of, title_of
from scanners.murmur import favicon_hash
from scanners.redaction import redact
from scanners.targets import each_port, host_ref, service_ref, service_units, tcp_cost
from scanners.tls import said_no

Scheme = Literal["http", "https"]

WAIT_S = 4.0
WHOLE_S = 8.0
"""For one answer from first to last byte, so that a server that drips cannot hold us."""
KEPT = 64 * 1024
"""Bytes of an answer that are looked at and kept."""
PACKETS = 1400
"""Two answers of 256 KiB, each acknowledged segment by segment at the worst, and the resets for what was still under way."""
BYTES = 120_000


@dataclass(frozen=True)
class Web:
    name: str = "web"
    rev: int = 1
    needs: Needs = Needs(deadline_s=300, after=("tcp_ports",))
    emits: frozenset[str] = frozenset({"http.page"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"http.page": "strong"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        return service_units(self.name, ctx, lambda port: speaks_http(port) is not None)

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return tcp_cost(unit, PACKETS, BYTES)

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]

        async def one(port: int) -> None:
            outcome = await self._one(host, port, ctx, emit)
            emit.ask("http.page", service_ref(ctx, host, port), outcome)

        await each_port(unit, ctx, one)

    async def _one(self, host: str, port: int, ctx: Context, emit: Emit) -> AskOutcome:
        scheme = speaks_http(port) or "http"
        try:
            raw, ended = await get(host, port, "/", scheme, ctx, emit)
            answer = parse(raw)
        except (TimeoutError, ConnectionResetError, ConnectionAbortedError):
            return "silent"
        except (ConnectionRefusedError, NotHttp):
            return "negative"
        except ssl.SSLError as error:
            return said_no(error)
        except OSError:
            return "error"
        icon = b""
        # A server that did not finish its page is not asked again.
        if answer.whole and ended:
            with suppress(OSError, NotHttp):
                image, all_of_it = await get(host, port, "/favicon.ico", scheme, ctx, emit)
                got = parse(image)
                icon = got.body if got.status == 200 and got.whole and all_of_it else b""
        kept, redactions = redact(readable(raw, answer))
        body = page(port, scheme == "https", clean(answer), icon)
        if len(raw) >= LIMIT and not body.title:
            emit.cap(f"the page on port {port} was cut at {LIMIT} bytes, before a title")
        await emit(host_ref(ctx, host), body, channel=scheme, raw=kept, redactions=redactions)
        return "answered"


def speaks_http(port: int) -> Scheme | None:
    """`http` or `https` where the catalogue says so; None elsewhere, and never for a port that prints or controls."""
    entry = by_number().get(port)
    if entry is None or port in RAW_PRINT_PORTS or port in OT_PORTS:
        return None
    return entry.speaks if entry.speaks in ("http", "https") else None


async def get(
    host: str, port: int, path: str, scheme: Scheme, ctx: Context, emit: Emit
) -> tuple[bytes, bool]:
    """The raw answer to one GET, at most `LIMIT` bytes, and whether it came to its end; what came before a time-out or a reset counts.

    Raises what connecting and TLS raise, and `TimeoutError` or `ConnectionError` where nothing came.
    """
    stream = await ctx.dial.connect(host, port, timeout_s=WAIT_S, emit=emit)
    data, ended = bytearray(), False
    try:
        if scheme == "https":
            await stream.start_tls(None, WAIT_S)
        named = f"[{host}]" if ":" in host else host
        request = f"GET {path} HTTP/1.1\r\nHost: {named}\r\nUser-Agent: handover\r\n"
        request += "Accept: */*\r\nConnection: close\r\n\r\n"
        await stream.write(request.encode("ascii"))
        until = time.monotonic() + WHOLE_S
        while len(data) < LIMIT and not ended and (left := until - time.monotonic()) > 0:
            chunk = await stream.read(min(KEPT, LIMIT - len(data)), min(WAIT_S, left))
            data += chunk
            ended = not chunk or complete(bytes(data[:16384]), bytes(data[-16:]), len(data))
    except (TimeoutError, ConnectionError):
        if not data:
            raise
    finally:
        await stream.close()
    if not data:
        raise ConnectionResetError("the server hung up without a word")
    return bytes(data), ended


def readable(raw: bytes, answer: Answer) -> bytes:
    """What is kept as evidence: the head as it came and the body with chunks and compression undone, so that secrets are found in it."""
    head = raw.partition(b"\r\n\r\n")[0].partition(b"\n\n")[0]
    return (head + b"\r\n\r\n" + answer.body)[:KEPT]


def clean(answer: Answer) -> Answer:
    """*answer* without secrets in what `page` takes from it."""
    headers = {
        k: redact(v.encode())[0].decode("utf-8", "replace") for k, v in answer.headers.items()
    }
    return Answer(answer.status, headers, redact(answer.body[:KEPT])[0], answer.whole)


def page(port: int, tls: bool, answer: Answer, icon: bytes) -> HttpPage:
    """What the page says of the device."""
    return HttpPage(
        port=port,
        tls=tls,
        status=answer.status,
        title=title_of(answer.body[:KEPT]),
        server=answer.headers.get("server", "")[:300],
        realm=realm_of(answer.headers.get("www-authenticate", "")),
        location=answer.headers.get("location", "")[:500],
        favicon_sha256=hashlib.sha256(icon).hexdigest() if icon else "",
        favicon_mmh3=favicon_hash(icon) if icon else None,
    )
