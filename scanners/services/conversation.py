"""`Conversation`: one port of one host while it is being asked what it is. Every protocol's file talks through it.

One connection at a time, at most `MAX_CONNECTIONS` for a port; every read is bounded in bytes and time. It keeps the outcome of each
question and tells them to the engine once, at the end.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from agent.contract import Context, Emit, Stream
from agent.model.bodies import Body
from agent.model.status import AskOutcome
from scanners.not_spoken import NotSpoken
from scanners.redaction import redact
from scanners.targets import host_ref, service_ref
from scanners.tls import NotACertificate, parse, said_no

MAX_CONNECTIONS = 4
LIMIT = 16 * 1024
WAIT_S = 3.0
"""For a connection, a handshake, and the first byte of an answer."""
WHOLE_S = 6.0
"""For one answer from first to last byte, so that a peer that drips cannot hold us."""
IMPATIENT_S = 1.0
IMPATIENT_WHOLE_S = 2.0
SHORT = 1024
"""Limits up to here are those of answers whose length is known."""


class TooMany(ConnectionError):
    """The port has cost as many connections as it may."""


@dataclass
class Conversation:
    """`tls`: the present connection is inside TLS. `heard`: bytes of the present answer; `closed`: the peer ended it.
    `named`: the port has been recognised.

    `impatient`: the host has many ports that say nothing or never end; waits are short and nothing is tried twice. `dragged`: an answer
    was cut off, for its length or its time.
    """

    host: str
    port: int
    ctx: Context
    emit: Emit
    impatient: bool = False
    connections: int = 0
    tls: bool = False
    named: bool = False
    heard: bytes = b""
    closed: bool = False
    dragged: bool = False
    outcomes: dict[str, AskOutcome] = field(default_factory=dict[str, AskOutcome])
    _stream: Stream | None = None

    @property
    def wait_s(self) -> float:
        return IMPATIENT_S if self.impatient else WAIT_S

    @property
    def is_open(self) -> bool:
        return self._stream is not None

    async def open(self) -> None:
        """A fresh connection. Raises what the dialer raises, and `TooMany`."""
        await self.close()
        if self.connections >= (1 if self.impatient else MAX_CONNECTIONS):
            raise TooMany("asked often enough")
        self.connections += 1
        self._stream = await self.ctx.dial.connect(
            self.host, self.port, timeout_s=self.wait_s, emit=self.emit
        )

    async def close(self) -> None:
        stream, self._stream = self._stream, None
        self.tls, self.heard = False, b""
        if stream is not None:
            await stream.close()

    async def write(self, data: bytes) -> None:
        """Raises `ConnectionError` without a connection, and what the stream raises."""
        await self._open_stream().write(data)

    async def hear(
        self,
        done: Callable[[bytes], bool],
        *,
        limit: int = LIMIT,
        wait_s: float | None = None,
        next_s: float | None = None,
        whole_s: float | None = None,
    ) -> bytes:
        """One answer: until *done* says that it is whole, the peer closes, *limit* bytes came, or time is over.

        *wait_s* bounds the wait for the first bytes, *next_s* for more of them. What came until then counts.
        Raises `TimeoutError` when nothing came, `ConnectionError` when the peer hung up without a word.
        """
        stream = self._open_stream()
        wait = self.wait_s if wait_s is None else min(wait_s, self.wait_s)
        later = wait if next_s is None else next_s
        whole = WHOLE_S if whole_s is None else whole_s
        if self.impatient:
            whole = min(whole, IMPATIENT_WHOLE_S)
        data, until = bytearray(), time.monotonic() + whole
        self.heard, self.closed = b"", False
        try:
            while len(data) < limit and not done(bytes(data)):
                left = until - time.monotonic()
                if left <= 0:
                    self.dragged = True
                    break
                chunk = await stream.read(
                    min(limit - len(data), 65536), min(left, later if data else wait)
                )
                if not chunk:
                    self.closed = True
                    if not data:
                        raise ConnectionResetError("the peer hung up without a word")
                    break
                data += chunk
        except ConnectionError:
            self.closed = True
            if not data:
                raise
        except TimeoutError:
            if not data:
                raise
            # It was speaking to the last: not a pause after its words, but their end that did not come.
            self.dragged = self.dragged or time.monotonic() >= until
        self.heard = bytes(data)
        self.dragged = self.dragged or len(data) >= limit > SHORT
        if not data:
            raise TimeoutError("nothing was said")
        return self.heard

    async def ask(
        self,
        question: bytes,
        done: Callable[[bytes], bool],
        *,
        limit: int = LIMIT,
        wait_s: float | None = None,
    ) -> bytes:
        """Write *question* and hear the answer."""
        await self.write(question)
        return await self.hear(done, limit=limit, wait_s=wait_s)

    async def start_tls(self, server_name: str | None = None) -> None:
        """TLS on the present connection; the certificate becomes an observation of this port.

        Raises `TimeoutError`, `ConnectionError`, `ssl.SSLError`; a certificate that cannot be read ends nothing.
        """
        if self.tls:
            return

        async def shake() -> None:
            info = await self._open_stream().start_tls(server_name, self.wait_s)
            self.tls = True
            body = parse(self.port, info.certificate_der, info.version)
            await self.report(body, "tls", info.certificate_der, public=True)

        try:
            await shake()
        except NotACertificate:
            self.outcomes["tls.certificate"] = "error"
        except OSError as error:
            self._book("tls.certificate", outcome_of(error))
            raise
        else:
            self._book("tls.certificate", "answered")

    async def report(
        self, body: Body, channel: str, raw: bytes = b"", *, public: bool = False
    ) -> None:
        """Store *body*; *raw* loses what looks like a secret first, unless it is *public* (a certificate)."""
        self.named = True
        kept, redactions = (raw, ()) if public else redact(raw)
        await self.emit(
            host_ref(self.ctx, self.host),
            body if public else clean(body),
            channel=channel,
            raw=kept or None,
            redactions=redactions,
        )

    async def put(self, kind: str, question: Awaitable[None]) -> bool:
        """Await *question* and book how question *kind* ended; True where it was answered.

        Only what a peer or the network can do is caught; out of scope and the unit's end go through.
        """
        try:
            await question
        except (OSError, NotSpoken) as error:
            self._book(kind, outcome_of(error))
            return False
        self._book(kind, "answered")
        return True

    def settle(self) -> None:
        """Tell the engine how every question about this port ended."""
        for kind in sorted(self.outcomes):
            self.emit.ask(kind, service_ref(self.ctx, self.host, self.port), self.outcomes[kind])

    def _book(self, kind: str, outcome: AskOutcome) -> None:
        if self.outcomes.get(kind) != "answered":
            self.outcomes[kind] = outcome

    def _open_stream(self) -> Stream:
        if self._stream is None:
            raise ConnectionAbortedError("no connection")
        return self._stream


def clean(body: Body) -> Body:
    """*body* without what looks like a secret in its texts."""
    changed: dict[str, object] = {}
    for name, value in body:
        if isinstance(value, str) and value:
            changed[name] = _clean(value)
        elif isinstance(value, tuple):
            items: tuple[object, ...] = value
            changed[name] = tuple(_clean(v) if isinstance(v, str) else v for v in items)
    return body.model_copy(update=changed)


def _clean(text: str) -> str:
    return redact(text.encode("utf-8", "replace"))[0].decode("utf-8", "replace")


def outcome_of(error: BaseException) -> AskOutcome:
    """What an error says about a question: another protocol or a refusal by RST is a no, a hang-up neither yes nor no."""
    if isinstance(error, NotSpoken):
        return "negative"
    if isinstance(error, TimeoutError):
        return "silent"
    if isinstance(error, ConnectionRefusedError):
        return "negative"
    if isinstance(error, ConnectionError):
        return "silent"
    if isinstance(error, ssl.SSLError):
        return said_no(error)
    return "error"
