"""An LDAP client (RFC 4511, RFC 2696) over the run's own stream: verified TLS, a simple bind, paged searches; never a change.

ldap3 opens sockets of its own, past the scope check and the ledger, and needs eight times the time for what comes; so the few messages
that are needed are written here, and read by `collectors.directory.entries`. Referrals are not followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Literal

from agent.contract import Stream
from collectors.directory.entries import PAGED, BadAnswer, Done, Entry, Reader
from scanners.not_spoken import NotSpoken
from scanners.services import ber

STARTTLS = b"1.3.6.1.4.1.1466.20037"
DOMAIN_SCOPE = b"1.2.840.113556.1.4.1339"
"""LDAP_SERVER_DOMAIN_SCOPE_OID, [MS-ADTS] 3.1.1.3.4.1.4: no references to other domains."""
SD_FLAGS = b"1.2.840.113556.1.4.801"
"""LDAP_SERVER_SD_FLAGS_OID, [MS-ADTS] 3.1.1.3.4.1.11."""
WITHOUT_SACL = 7
PAGE = 1000
TIMEOUT_S = 30.0
_READ = 64 * 1024
_SEARCH, _BIND, _BOUND, _EXTENDED, _EXTENDED_DONE, _UNBIND = 0x63, 0x60, 0x61, 0x77, 0x78, 0x42
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
        return await self._ask(ber.element(_EXTENDED, ber.element(0x80, STARTTLS)), _EXTENDED_DONE)

    async def bind(self, user: str, secret: str) -> Result:
        """Simple bind (RFC 4511, 4.2): only where TLS was verified. Raises `LdapError`, `OSError`."""
        return await self._ask(
            ber.element(
                _BIND,
                ber.integer(3),
                ber.element(ber.OCTETS, user.encode("utf-8")),
                ber.element(0x80, secret.encode("utf-8")),
            ),
            _BOUND,
        )

    async def search(
        self,
        base: str,
        scope: Scope,
        query: bytes,
        attributes: Iterable[str],
        *,
        descriptors: bool = False,
        paged: bool = True,
    ) -> AsyncGenerator[Entry]:
        """Every entry found, page after page. Raises `LdapError` where the server ends it otherwise, `OSError`."""
        cookie = b""
        asked = ber.element(
            _SEARCH,
            ber.element(ber.OCTETS, base.encode("utf-8")),
            ber.integer(scope, ber.ENUMERATED),
            ber.integer(0, ber.ENUMERATED),
            ber.integer(0),
            ber.integer(0),
            ber.element(ber.BOOLEAN, b"\0"),
            query,
            ber.element(
                ber.SEQUENCE, *(ber.element(ber.OCTETS, a.encode("ascii")) for a in attributes)
            ),
        )
        while True:
            controls = _controls(cookie, paged=paged, descriptors=descriptors)
            number = await self._send(asked, controls)
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
            await self._send(ber.element(_UNBIND))
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

    async def _ask(self, operation: bytes, wanted: int) -> Result:
        number = await self._send(operation)
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
            message, _ = ber.expect(ber.SEQUENCE, held)
            told, rest = ber.expect(ber.INTEGER, message)
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

    async def _send(self, operation: bytes, controls: bytes = b"") -> int:
        self._number += 1
        message = ber.element(ber.SEQUENCE, ber.integer(self._number), operation, controls)
        await self._stream.write(message)
        return self._number


def _controls(cookie: bytes, *, paged: bool, descriptors: bool) -> bytes:
    several = [_control(DOMAIN_SCOPE)]
    if paged:
        value = ber.element(ber.SEQUENCE, ber.integer(PAGE), ber.element(ber.OCTETS, cookie))
        several.append(_control(PAGED, value))
    if descriptors:
        value = ber.element(ber.SEQUENCE, ber.integer(WITHOUT_SACL))
        several.append(_control(SD_FLAGS, value))
    return ber.element(0xA0, *several)


def _control(name: bytes, value: bytes = b"") -> bytes:
    given = ber.element(ber.OCTETS, value) if value else b""
    return ber.element(ber.SEQUENCE, ber.element(ber.OCTETS, name), given)


def _words(data: bytes) -> str:
    return data.rstrip(b"\0\n").decode("utf-8", "replace")[:300]


def present(name: str) -> bytes:
    """`(name=*)`."""
    return ber.element(0x87, name.encode("ascii"))


def equal(name: str, value: str) -> bytes:
    """`(name=value)`."""
    return ber.element(
        0xA3,
        ber.element(ber.OCTETS, name.encode("ascii")),
        ber.element(ber.OCTETS, value.encode("utf-8")),
    )


def both(*parts: bytes) -> bytes:
    """`(&...)`."""
    return ber.element(0xA0, *parts)


def either(*parts: bytes) -> bytes:
    """`(|...)`."""
    return ber.element(0xA1, *parts)


def without(part: bytes) -> bytes:
    """`(!...)`."""
    return ber.element(0xA2, part)
