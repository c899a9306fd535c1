"""An LDAP client (RFC 4511, RFC 2696) over the run's own stream: verified TLS, a simple bind, paged searches; never a change.

What is sent is written by ldap3 (`messages.py`); what comes in bulk is read by `entries.py`. Referrals are not followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Literal

from agent.contract import Stream
from collectors.directory import messages
from collectors.directory.entries import BadAnswer, Done, Entry, Reader
from scanners.not_spoken import NotSpoken
from scanners.services import ber

TIMEOUT_S = 30.0
_READ = 64 * 1024
_BOUND, _EXTENDED_DONE = 0x61, 0x78
Scope = Literal[0, 1, 2]
"""baseObject, singleLevel, wholeSubtree."""


class LdapError(Exception):
    """The server did not do it. `code`: resultCode (RFC 4511, 4.1.9), None where its answer could not be read; `words`: its own."""

    def __init__(self, code: int | None, words: str) -> None:
        super().__init__(f"{words} ({code})" if code is not None else words)
        self.code, self.words = code, words


@dataclass(frozen=True)
class Result:
    """How an operation ended."""

    code: int
    words: str


class Ldap:
    """One connection, one question at a time."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._number = 0

    async def start_tls(self) -> Result:
        """Ask for StartTLS (RFC 4511, 4.14); the handshake is the stream's. Raises `LdapError`, `OSError`."""
        return await self._ask(messages.start_tls(self._next()), _EXTENDED_DONE)

    async def bind(self, user: str, secret: str) -> Result:
        """Simple bind (RFC 4511, 4.2): only where TLS was verified. Raises `LdapError`, `OSError`."""
        return await self._ask(messages.bind(self._next(), user, secret), _BOUND)

    async def search(
        self,
        base: str,
        scope: Scope,
        query: str,
        attributes: Iterable[str],
        *,
        descriptors: bool = False,
        paged: bool = True,
    ) -> AsyncGenerator[Entry]:
        """Every entry found, page after page. Raises `LdapError` where the server ends it otherwise, `OSError`."""
        cookie = b""
        asked = messages.Search(
            base, scope, query, attributes, descriptors=descriptors, paged=paged
        )
        while True:
            number = self._next()
            await self._stream.write(asked.page(number, cookie))
            async for answer in self._answers(number):
                if isinstance(answer, Entry):
                    yield answer
                    continue
                if answer.code:
                    raise LdapError(answer.code, _words(answer.text))
                cookie = answer.cookie or b""
            if not cookie:
                return

    async def close(self) -> None:
        """Say good-bye (RFC 4511, 4.3) and end the connection."""
        try:
            await self._stream.write(messages.unbind(self._next()))
        except (OSError, TimeoutError):
            pass
        finally:
            await self._stream.close()

    async def _answers(self, number: int) -> AsyncGenerator[Entry | Done]:
        reader = Reader()
        loop = asyncio.get_running_loop()
        until = loop.time() + TIMEOUT_S
        while True:
            data = await self._stream.read(_READ, until - loop.time())
            if not data:
                raise LdapError(None, "the controller closed the connection in mid-answer")
            try:
                answers = reader.feed(data)
            except BadAnswer as error:
                raise LdapError(None, f"no LDAP answer: {error}") from None
            for answer in answers:
                if isinstance(answer, Entry | Done) and answer.message == number:
                    yield answer
                    if isinstance(answer, Done):
                        return
            if answers:
                until = loop.time() + TIMEOUT_S

    async def _ask(self, message: bytes, wanted: int) -> Result:
        number = self._number
        await self._stream.write(message)
        held = b""
        loop = asyncio.get_running_loop()
        until = loop.time() + TIMEOUT_S
        try:
            while not 0 < ber.whole(held) <= len(held):
                data = await self._stream.read(_READ, until - loop.time())
                if not data:
                    raise LdapError(None, "the controller closed the connection")
                held += data
                if len(held) > _READ:
                    raise LdapError(None, "an answer that does not end")
            answer, _ = ber.expect(ber.SEQUENCE, held)
            told, rest = ber.expect(ber.INTEGER, answer)
            tag, content, _ = ber.take(rest)
            if ber.number(told) not in (0, number) or tag not in (wanted, _EXTENDED_DONE):
                raise LdapError(None, "an answer to something else")
            code, rest = ber.expect(ber.ENUMERATED, content)
            _, rest = ber.expect(ber.OCTETS, rest)
            words, _ = ber.expect(ber.OCTETS, rest)
            # An unsolicited notice (message 0) is never a success.
            return Result(ber.number(code) or (0 if ber.number(told) else 52), _words(words))
        except NotSpoken as error:
            raise LdapError(None, f"no LDAP answer: {error}") from None

    def _next(self) -> int:
        self._number += 1
        return self._number


def _words(data: bytes) -> str:
    return data.rstrip(b"\0\n").decode("utf-8", "replace")[:300]
