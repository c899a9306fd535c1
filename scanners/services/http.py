"""HTTP/1.1 (RFC 9112) over a conversation: requests share a connection as long as the server lets them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from scanners.http_answer import LIMIT, Answer, complete, parse
from scanners.services.conversation import Conversation

WHOLE_S = 8.0
"""For one answer from first to last byte, so that a server that drips cannot hold us."""


@dataclass
class Http:
    """*tls*: speak inside TLS. `limit`: bytes of an answer that are read. An open connection nobody has used yet is taken over."""

    c: Conversation
    tls: bool
    limit: int = LIMIT
    ended: bool = False
    """Did the last answer come to its end?"""
    _reusable: bool = field(init=False)

    def __post_init__(self) -> None:
        self._reusable = self.c.is_open

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        last: bool = False,
    ) -> tuple[bytes, Answer]:
        """The raw answer to one request and what it says; *last*: nothing more will be asked on this connection.

        What came before a time-out or a reset counts. Raises what connecting and TLS raise, `NotHttp`, and `TimeoutError` or
        `ConnectionError` where nothing came.
        """
        if not (self._reusable and self.c.is_open):
            await self.c.open()
        self._reusable = False
        if self.tls:
            await self.c.start_tls()
        host = f"[{self.c.host}]" if ":" in self.c.host else self.c.host
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: {host}",
            "User-Agent: handover",
            "Accept: */*",
        ]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        lines += [f"Content-Length: {len(body)}"] if body else []
        lines += ["Connection: close" if last else "Connection: keep-alive"]
        await self.c.write(("\r\n".join(lines) + "\r\n\r\n").encode("ascii") + body)
        raw = await self.c.hear(_complete, limit=self.limit, whole_s=WHOLE_S)
        framed = _complete(raw)
        self.ended = framed or self.c.closed
        answer = parse(raw)
        said = answer.headers.get("connection", "").lower()
        old = raw.startswith(b"HTTP/1.0") and "keep-alive" not in said
        self._reusable = framed and not last and not old and "close" not in said
        return raw, answer


def _complete(data: bytes) -> bool:
    return complete(data[:16384], data[-16:], len(data))
