"""Servers that speak in lines: FTP (RFC 959, 2389, 4217), SMTP (5321, 3207), IMAP (9051), POP3 (2449, 2595): what they can, and TLS.

Each is asked for its capabilities and, where it offers it, for TLS on the same connection, so that its certificate is read. No user name
is sent. The identification line has been heard before (`scanners.banner`) and stands in `c.heard`.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from agent.model.bodies_services import MailOrFiles
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

MAX_LINES = 100
MAX_LINE = 200


async def ftp(c: Conversation) -> None:
    greeting = reply(c.heard)
    raw = await c.ask(b"FEAT\r\n", done_numbered)
    code, lines = reply(raw)
    features = tuple(w.strip() for w in lines[1:-1]) if code == 211 else ()
    refused_plain = code == 0 or code in (421, 530, 534)
    offers = any(
        f.upper().replace(";", " ").startswith("AUTH") and "TLS" in f.upper() for f in features
    )
    starttls: bool | None = None if c.tls or refused_plain else offers
    inside = c.tls
    if not c.tls and (offers or not features):
        # An old server may know AUTH TLS without listing it.
        said, _ = reply(await c.ask(b"AUTH TLS\r\n", done_numbered))
        starttls = said == 234
        if starttls:
            await c.put("tls.certificate", c.start_tls())
    body = MailOrFiles(
        port=c.port,
        protocol="ftp",
        tls=inside,
        capabilities=features,
        starttls=starttls,
        name=" ".join(greeting[1])[:MAX_LINE],
    )
    await c.report(body, "ftp", raw)


async def smtp(c: Conversation) -> None:
    code, lines = reply(c.heard)
    if code != 220:
        raise NotSpoken("it turned us away")
    name = lines[0].split(" ")[0] if lines else ""
    raw = await c.ask(b"EHLO handover.invalid\r\n", done_numbered)
    said, offers = reply(raw)
    words = tuple(offers[1:]) if said == 250 else ()
    starttls = None if c.tls or not words else any(w.upper() == "STARTTLS" for w in words)
    auth = any(w.upper().startswith("AUTH") for w in words)
    body = MailOrFiles(
        port=c.port,
        protocol="smtp",
        tls=c.tls,
        capabilities=words,
        starttls=starttls,
        cleartext_login=None if c.tls or not words else auth,
        name=name[:MAX_LINE],
    )
    await c.report(body, "smtp", raw)
    if starttls:
        await c.put("tls.certificate", _upgrade(c, b"STARTTLS\r\n", done_numbered, b"220"))


async def imap(c: Conversation) -> None:
    raw = await c.ask(b"h1 CAPABILITY\r\n", done_tagged)
    words = imap_capabilities(raw)
    starttls = None if c.tls else "STARTTLS" in words
    body = MailOrFiles(
        port=c.port,
        protocol="imap",
        tls=c.tls,
        capabilities=words,
        starttls=starttls,
        cleartext_login=None if c.tls else "LOGINDISABLED" not in words,
    )
    await c.report(body, "imap", raw)
    if starttls:
        await c.put("tls.certificate", _upgrade(c, b"h1 STARTTLS\r\n", done_tagged, b"h1 OK"))


async def pop3(c: Conversation) -> None:
    raw = await c.ask(b"CAPA\r\n", done_dotted)
    words = pop3_capabilities(raw)
    starttls = None if c.tls or not words else "STLS" in words
    login = any(w == "USER" or w.startswith("SASL PLAIN") for w in words)
    body = MailOrFiles(
        port=c.port,
        protocol="pop3",
        tls=c.tls,
        capabilities=words,
        starttls=starttls,
        cleartext_login=None if c.tls or not words else login,
    )
    await c.report(body, "pop3", raw)
    if starttls:
        await c.put(
            "tls.certificate", _upgrade(c, b"STLS\r\n", lambda d: d.endswith(b"\n"), b"+OK")
        )


async def _upgrade(
    c: Conversation, command: bytes, done: Callable[[bytes], bool], yes: bytes
) -> None:
    said = await c.ask(command, done, limit=1024)
    if not said.upper().startswith(yes.upper()):
        raise NotSpoken("TLS was offered and refused")
    await c.start_tls()


def reply(data: bytes) -> tuple[int, list[str]]:
    """(code, lines without it) of the first numbered reply (RFC 959, 4.2; RFC 5321, 4.2); (0, []) where there is none."""
    lines: list[str] = []
    code = 0
    for raw in data.split(b"\n", MAX_LINES)[:MAX_LINES]:
        line = raw.rstrip(b"\r")[:MAX_LINE].decode("utf-8", "replace")
        found = re.match(r"([1-5]\d\d)([ -]|$)(.*)", line)
        if found and (not code or int(found[1]) == code):
            code = int(found[1])
            lines.append(found[3])
            if found[2] != "-":
                break
        elif code:
            # Inside a reply of several lines they may stand without the code.
            lines.append(line)
    return code, lines


def done_numbered(data: bytes) -> bool:
    """Has the last line of a numbered reply come?"""
    if not data.endswith(b"\n"):
        return False
    last = data.rstrip(b"\r\n").rpartition(b"\n")[2]
    return re.match(rb"[1-5]\d\d(?: |$|\r)", last) is not None


def done_tagged(data: bytes) -> bool:
    return re.search(rb"(?m)^h1 [^\n]*\n", data) is not None


def done_dotted(data: bytes) -> bool:
    return (data.startswith(b"-ERR") and data.endswith(b"\n")) or data.endswith(b"\r\n.\r\n")


def imap_capabilities(data: bytes) -> tuple[str, ...]:
    """Words of the untagged CAPABILITY line. Raises `NotSpoken`."""
    found = re.search(rb"(?im)^\* CAPABILITY ([^\r\n]{1,4000})", data)
    if found is None:
        raise NotSpoken("no CAPABILITY")
    words = found[1].decode("ascii", "replace").upper().split(" ")
    return tuple(w[:MAX_LINE] for w in words if w)[:MAX_LINES]


def pop3_capabilities(data: bytes) -> tuple[str, ...]:
    """Lines of CAPA's answer; none where the server does not know it. Raises `NotSpoken`."""
    if data.startswith(b"-ERR"):
        return ()
    if not data.startswith(b"+OK"):
        raise NotSpoken("no POP3 answer")
    lines = data.split(b"\n", MAX_LINES)[1:MAX_LINES]
    texts = (line.strip()[:MAX_LINE].decode("ascii", "replace") for line in lines)
    return tuple(t for t in texts if t and t != ".")
