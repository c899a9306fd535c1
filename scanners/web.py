"""The root page of a web server (RFC 9110): status, title, server, realm, favicon. A redirect is written down, never followed.

Two requests, on one connection where the server keeps it: `GET /` and `GET /favicon.ico` of the same address.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress

from agent.model.bodies import HttpPage
from scanners.http_answer import Answer, NotHttp, realm_of, title_of
from scanners.murmur import favicon_hash
from scanners.redaction import redact
from scanners.services.http import Http

IPP = 631
KEPT = 64 * 1024
"""Bytes of an answer that are looked at and kept."""


class WantsTls(NotHttp):
    """A server of HTTPS tells those who speak plain text so."""


async def talk(http: Http) -> Answer:
    """Ask for the root page and its icon, store what they say, and return the page. Raises as `Http.ask`, and `WantsTls`."""
    raw, answer = await http.ask("/")
    if not http.tls and answer.status == 400 and b"HTTPS" in answer.body[:KEPT]:
        raise WantsTls("plain text was not wanted")
    c, icon = http.c, b""
    # A server that did not finish its page is not asked again.
    # Nor is one that refuses printers' questions: its icon is seen on the ports of the web.
    bare = c.port == IPP and answer.status >= 400
    if answer.whole and http.ended and not c.impatient and not bare:
        with suppress(OSError, NotHttp):
            _, got = await http.ask("/favicon.ico")
            icon = got.body if got.status == 200 and got.whole and http.ended else b""
    kept = readable(raw, answer)
    body = page(c.port, http.tls, clean(answer), icon)
    if len(raw) >= http.limit and not body.title:
        c.emit.cap(f"the page on port {c.port} was cut at {http.limit} bytes, before a title")
    await c.report(body, "https" if http.tls else "http", kept)
    return answer


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
