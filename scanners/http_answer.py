"""Reads an HTTP answer (RFC 9110, 9112) from bytes that may be anything: status, headers, body (chunks, gzip). Pure, bounded."""

from __future__ import annotations

import html
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from scanners.not_spoken import NotSpoken

LIMIT = 256 * 1024
MAX_HEADERS = 200
MAX_HEADER = 1024
_TITLE_BYTES = 2048
_TITLES = 5
"""How many `<title` are tried: a page of nothing else must cost no more than its size."""


class NotHttp(NotSpoken):
    """The answer is not HTTP; carries no byte of it."""


@dataclass(frozen=True)
class Answer:
    """A parsed response; header names are in lower case, repeated ones joined by `, `. `whole` is False when it was cut."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool


def parse(raw: bytes) -> Answer:
    """The response in *raw*. Raises `NotHttp`."""
    head, sep, body = raw.partition(b"\r\n\r\n")
    if not sep:
        head, sep, body = raw.partition(b"\n\n")
    lines = head[: LIMIT // 4].split(b"\n", MAX_HEADERS + 1)
    first = re.match(rb"HTTP/\d(?:\.\d)? +(\d{3})(?: |\r?$)", lines[0])
    if first is None:
        raise NotHttp("no HTTP status line")
    headers: dict[str, str] = {}
    for line in lines[1 : MAX_HEADERS + 1]:
        name, colon, value = line.partition(b":")
        if colon:
            key = name.strip().lower()[:100].decode("latin-1")
            text = _text(value.strip()[:MAX_HEADER])
            headers[key] = f"{headers[key]}, {text}"[:MAX_HEADER] if key in headers else text
    whole = bool(sep) and len(raw) < LIMIT
    coding = headers.get("transfer-encoding", "").lower()
    if "chunked" in coding:
        body, ended = _unchunk(body)
        whole = whole and ended
    if any(c in headers.get("content-encoding", "").lower() for c in ("gzip", "deflate")):
        body, ended = _inflate(body)
        whole = whole and ended
    elif "chunked" not in coding:
        length = headers.get("content-length", "")
        if length.isascii() and length.isdigit() and len(length) < 12 and len(body) < int(length):
            whole = False
    return Answer(int(first[1]), headers, body[:LIMIT], whole)


def complete(start: bytes, end: bytes, length: int) -> bool:
    """Has all of an answer come? *start* and *end*: its first and last bytes, *length* in all."""
    head, sep, _ = start.partition(b"\r\n\r\n")
    if not sep:
        return False
    if re.match(rb"HTTP/1\.\d (?:204|304) ", head):
        return True
    if re.search(rb"(?im)^transfer-encoding:[^\n]{0,100}chunked", head):
        return end.endswith(b"\r\n0\r\n\r\n")
    found = re.search(rb"(?im)^content-length:[ \t]*(\d{1,9})[ \t]*\r?$", head)
    return found is not None and length >= len(head) + 4 + int(found[1])


def title_of(body: bytes) -> str:
    """The text of the first `<title>`, entities undone, blanks joined; empty when there is none."""
    low = body.lower()
    start = -1
    for _ in range(_TITLES):
        start = low.find(b"<title", start + 1)
        if start < 0:
            return ""
        if low[start + 6 : start + 7] not in (b">", b" ", b"\t", b"\r", b"\n"):
            continue
        opened = low.find(b">", start, start + 256)
        closed = low.find(b"</title", opened, opened + _TITLE_BYTES) if opened >= 0 else -1
        if closed >= 0:
            return " ".join(html.unescape(_text(body[opened + 1 : closed])).split())[:300]
    return ""


def realm_of(challenge: str) -> str:
    """The realm of a WWW-Authenticate header (RFC 9110, 11.5)."""
    found = re.search(r'realm=(?:"([^"]{0,200})|([^\s",]{1,200}))', challenge, re.IGNORECASE)
    return (found[1] or found[2] or "") if found else ""


def _text(data: bytes) -> str:
    """UTF-8, or what old gear writes instead of it; never an error."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    # One good sequence shows UTF-8 that was cut or damaged; none, a single-byte code.
    lenient = data.decode("utf-8", "replace")
    good = any(c > "\x7f" and c != "\ufffd" for c in lenient)
    return lenient if good else data.decode("latin-1")


def _unchunk(data: bytes) -> tuple[bytes, bool]:
    out = bytearray()
    at = 0
    while len(out) < LIMIT:
        end = data.find(b"\r\n", at, at + 1024)
        if end < 0:
            return bytes(out), False
        size = data[at:end].split(b";")[0].strip()
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
            return bytes(out), False
        n = int(size, 16)
        if n == 0:
            return bytes(out), True
        at = end + 2
        out += data[at : at + n]
        if len(data) < at + n + 2:
            return bytes(out[:LIMIT]), False
        at += n + 2
    return bytes(out[:LIMIT]), False


def _inflate(data: bytes) -> tuple[bytes, bool]:
    # 47: zlib or gzip, found out by itself.
    unpacker = zlib.decompressobj(47)
    try:
        out = unpacker.decompress(data, LIMIT)
    except zlib.error:
        return b"", False
    return out, unpacker.eof
