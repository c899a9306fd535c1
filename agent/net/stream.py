"""`LiveStream`: one TCP connection with bounded reads, TLS on top where asked, every segment counted. See `agent.contract.Stream`.

TLS runs over memory (ssl.MemoryBIO), so that bytes pass through one door only, and nothing is read that nobody asked for.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import socket
import ssl
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache

from agent.contract import Emit, OutOfScope, Tally, TlsInfo, Trust
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from agent.net.pacer import Lane
from agent.net.sockets import WINDOW, segments_in, segments_out

FRAME = 74
"""Bytes of an Ethernet frame with a TCP segment and its usual options, without payload."""
WRITE_S = 5.0
_CHUNK = 16 * 1024
_RESETS = 2
"""Our RST, and one more for a segment that crosses it."""
_OWED = 2
"""Segments of a short answer: of session tickets after a TLS handshake, of a farewell."""
_QUICK = 16
"""Acknowledgements the kernel may send at once, one for each segment however small (TCP_MAX_QUICKACKS, include/net/tcp.h)."""


class LiveStream:
    """Made by the dialer. *lane* paces what leaves, acknowledgements too; *release* closes the socket and gives the slot back; *late*:
    resets that an earlier try may have cost.
    """

    def __init__(
        self,
        sock: socket.socket,
        host: str,
        port: int,
        emit: Emit,
        tally: Tally,
        lane: Lane,
        release: Callable[[], None],
        late: int = 0,
    ) -> None:
        self._sock, self._host, self._port, self._emit = sock, host, port, emit
        self._tally, self._lane, self._late = tally, lane, late
        self._opening = self._spent = segments_out(sock) or 2
        self._release: Callable[[], None] | None = release
        self._tls: ssl.SSLObject | None = None
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._received, self._ended = 0, False
        self._written, self._payload = 0, 0
        self._answered = False

    async def read(self, limit: int, timeout_s: float) -> bytes:
        """Up to *limit* bytes; b"" at the end. Raises `TimeoutError`, `ConnectionError`."""
        if self._tls is None:
            return await self._receive(limit, timeout_s)
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while True:
            try:
                return self._tls.read(limit)
            except ssl.SSLWantReadError:
                await self._flush()
                self._feed(await self._receive(_CHUNK, until - loop.time()))
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise ConnectionAbortedError(f"TLS: {error.reason}") from None

    async def write(self, data: bytes) -> None:
        """Raises `OutOfScope` on a port to which no byte may be written, `ConnectionError`, `TimeoutError` when the peer takes nothing."""
        self._may_write()
        if self._tls is None:
            await self._send(data)
            return
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise ConnectionAbortedError(f"TLS: {error.reason}") from None
        await self._flush()

    async def start_tls(
        self, server_name: str | None, timeout_s: float, *, trust: Trust | None = None
    ) -> TlsInfo:
        """Handshake. Without *trust* with whatever the peer speaks, down to TLS 1.0: a certificate is read here, never believed.

        Raises `TimeoutError`, `ConnectionError`, `ssl.SSLError`, `OutOfScope`.
        """
        self._may_write()
        context = anything() if trust is None else verifying(trust)
        tls = context.wrap_bio(self._in, self._out, server_hostname=server_name)
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._receive(_CHUNK, until - loop.time())
                if not data:
                    raise ConnectionResetError("the peer closed during the handshake") from None
                self._feed(data)
        await self._flush()
        certificate = tls.getpeercert(binary_form=True) or b""
        found = hashlib.sha256(certificate).hexdigest()
        if trust is not None and trust.pin and not hmac.compare_digest(found, trust.pin.lower()):
            raise ssl.SSLCertVerificationError("not the certificate that was named")
        self._tls = tls
        return TlsInfo(tls.version() or "", certificate)

    async def close(self) -> None:
        """End the connection at once; what the kernel sent for it is booked, whatever was reserved and even after the unit's end."""
        if self._release is None:
            return
        release, self._release = self._release, None
        try:
            sent = self._look() + 1
            # A peer in the middle of its words has each further segment answered with RST; one that has ended sends nothing more.
            spare = self._late
            if not self._ended:
                spare += 1 + (segments_in(WINDOW, self._sock) if self._received else 0)
            self._tally.left(sent, sent * FRAME + self._payload)
            self._tally.close(spare, spare * FRAME)
            likely = min(spare, self._late + self._crossing())
            self._lane.spend(max(0, sent + likely - self._spent))
        finally:
            release()

    def _crossing(self) -> int:
        """Resets that words of the peer are likely to meet now: none where it waits for us, some where it owes an answer, many where it
        was sending faster than we read. More are reserved in the ledger; only these take a turn from the host's next questions.
        """
        with suppress(OSError, ValueError):
            if self._sock.recv(1, socket.MSG_PEEK):
                return segments_in(WINDOW, self._sock)
        return 0 if self._answered or self._ended else _OWED

    def _may_write(self) -> None:
        if self._port in RAW_PRINT_PORTS:
            raise OutOfScope(f"{self._host}:{self._port} would print what it is sent")
        if self._port in OT_PORTS:
            raise OutOfScope(f"{self._host}:{self._port} is industrial control: connect only")

    async def _receive(self, limit: int, timeout_s: float) -> bytes:
        room = segments_in(WINDOW, self._sock) + _RESETS + _QUICK
        try:
            self._tally.may(room, room * FRAME)
        except OutOfScope:
            # The peer made us acknowledge more than any answer needs: what came until now is all we take.
            self._emit.cap(f"port {self._port} cost all the packets that were reserved")
            raise ConnectionAbortedError("no more packets are reserved") from None
        # A read is paid for in advance, as the kernel acknowledges what comes: a peer that floods finds our window shut meanwhile, and
        # several streams to one host take turns. What was paid and then went along with our words is still good.
        if self._spent <= self._look():
            await self._lane.turn()
            self._spent += 1
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                data = await asyncio.get_running_loop().sock_recv(self._sock, limit)
        finally:
            self._look()
        self._received += len(data)
        self._answered = len(data) < limit
        self._ended = self._ended or not data
        return data

    def _look(self) -> int:
        """Book what the kernel has sent on this connection so far; acknowledgements are paid for afterwards."""
        sent = segments_out(self._sock)
        if sent is None:
            sent = self._opening + self._written + segments_in(self._received, self._sock)
        self._tally.left(sent, sent * FRAME + self._payload)
        if sent > self._spent:
            self._lane.spend(sent - self._spent)
            self._spent = sent
        return sent

    async def _send(self, data: bytes) -> None:
        packets = 1 + len(data) // 536
        self._tally.may(packets + _RESETS, (packets + _RESETS) * FRAME + len(data))
        await self._lane.turn(packets)
        self._spent += packets
        self._written += packets
        self._answered = False
        self._payload += len(data)
        try:
            async with asyncio.timeout(WRITE_S):
                await asyncio.get_running_loop().sock_sendall(self._sock, data)
        finally:
            self._look()

    async def _flush(self) -> None:
        if data := self._out.read():
            await self._send(data)

    def _feed(self, data: bytes) -> None:
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()


@cache
def anything() -> ssl.SSLContext:
    """A client that takes any certificate and any version and cipher OpenSSL still knows, but none without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Old gear speaks TLS 1.0, with keys OpenSSL refuses at its usual level and without RFC 5746.
    context.set_ciphers("ALL:!aNULL:!eNULL:@SECLEVEL=0")
    context.options |= getattr(ssl, "OP_LEGACY_SERVER_CONNECT", 0x4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context


def verifying(trust: Trust) -> ssl.SSLContext:
    """A client that sends a secret: TLS 1.2 at least, the chain and the name are checked, or the one certificate. Raises `ssl.SSLError`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if trust.pin:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif trust.authority:
        context.load_verify_locations(cadata=trust.authority)
    else:
        context.load_default_certs()
    return context
