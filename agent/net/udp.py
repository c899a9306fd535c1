"""The one door for datagrams: checks the scope, waits for its turn, counts what leaves, takes answers only from who was asked.

One socket asks everybody and stays open to the end of the run: an answer that comes late then meets no closed port, to which the kernel
would answer with an ICMP message that nobody counted. Who refuses by ICMP is read from the error queue of the socket (ip(7),
IP_RECVERR; Linux). Multicast goes out by a socket of its own on the vantage's interface, and only where all of that link is in scope.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import sys
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, ip_address

from agent.contract import Accept, Datagram, Emit, OutOfScope, UdpAnswers
from agent.model.run import Vantage
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS, ScopeRule
from agent.net.pacer import EVERYBODY, Pacer
from agent.store.failpoint import hit

FRAME = 42
"""Bytes of Ethernet, IPv4 and UDP around a payload."""
LARGEST = 65535
ROOM = 4 * 1024 * 1024
"""Receive buffer asked for: a multicast question is answered by the whole link at once."""
KEPT = 4096
"""Answers kept for one question; more are dropped and the unit's caps say so."""
LAB = IPv4Network("127.0.0.0/8")
BUSY = frozenset({errno.ENOBUFS, errno.EAGAIN, errno.EWOULDBLOCK})
_IP_RECVERR = 11
_ICMP, _UNREACHABLE, _PORT = 2, 3, 3
"""linux/errqueue.h SO_EE_ORIGIN_ICMP; RFC 792: destination unreachable, port unreachable."""


def _no(_host: str) -> bool:
    return False


@dataclass
class _Question:
    port: int
    any_port: bool
    accept: Accept
    limit: int
    answers: list[Datagram] = field(default_factory=list[Datagram])
    dropped: bool = False
    closed: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, host: str, port: int, data: bytes) -> bool:
        """True where the datagram answers this question."""
        if not (self.any_port or port == self.port) or not self.accept(data):
            return False
        if len(self.answers) >= self.limit:
            self.dropped = True
            return False
        self.answers.append(Datagram(host, port, data))
        self.changed.set()
        return True


@dataclass
class LiveDatagrams:
    """`contract.Datagrams`. `port_offset` and `slow` as in the dialer; `ot`: hosts whose industrial ports may be asked."""

    scope: ScopeRule
    pacer: Pacer
    where: Vantage
    slow: Callable[[str], bool] = _no
    port_offset: int = 0
    ot: Callable[[str], bool] = _no
    quiet: bool = False
    _allowed: dict[str, IPv4Address | IPv6Address] = field(default_factory=dict)
    """Hosts the scope, which never changes, was asked about."""
    _asked: dict[str, list[_Question]] = field(default_factory=lambda: defaultdict(list))
    _single: dict[str, asyncio.Lock] = field(default_factory=dict)
    _sockets: dict[int, socket.socket] = field(default_factory=dict)
    _groups: list[socket.socket] = field(default_factory=list[socket.socket])
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    async def ask(
        self,
        host: str,
        port: int,
        request: bytes,
        accept: Accept,
        *,
        emit: Emit,
        timeout_s: float = 1.0,
        tries: int = 2,
        any_port: bool = False,
        limit: int = 1,
        more_s: float = 0.0,
    ) -> UdpAnswers:
        """See `contract.Datagrams.ask`."""
        if host not in self._allowed:
            if (verdict := self.scope.judge(host)) != "allowed":
                raise OutOfScope(f"{host} is {verdict}")
            self._allowed[host] = ip_address(host)
        if port in RAW_PRINT_PORTS:
            raise OutOfScope(f"{host}:{port} would print what it is sent")
        if port in OT_PORTS and not self.ot(host):
            raise OutOfScope(f"{host}:{port} is industrial control, which client.toml opts into")
        address = self._allowed[host]
        shift = self.port_offset if address.version == 4 and address in LAB else 0
        question = _Question(port + shift, any_port, accept, min(limit, KEPT))
        slow = self.slow(host)
        lock = self._single.setdefault(host, asyncio.Lock()) if slow else None
        if lock is not None:
            await lock.acquire()
        self._asked[host].append(question)
        try:
            sock = self._socket(address.version)
            for _ in range(tries):
                await self.pacer.turn(host, slow=slow)
                emit.sent(host, "udp", 1, FRAME + len(request))
                await self._send(sock, request, (host, question.port))
                hit("after-send")
                if await _within(question, timeout_s):
                    break
            if question.answers and more_s and len(question.answers) < question.limit:
                await _all_within(question, more_s)
        finally:
            self._asked[host].remove(question)
            if not self._asked[host]:
                del self._asked[host]
            if lock is not None:
                lock.release()
        if question.dropped and limit > 1:
            emit.cap("datagrams")
        heard = tuple(Datagram(d.host, d.port - shift, d.data) for d in question.answers)
        return UdpAnswers(heard, question.closed and not heard)

    async def shout(
        self,
        group: str,
        port: int,
        request: bytes,
        accept: Accept,
        *,
        emit: Emit,
        window_s: float = 3.0,
        tries: int = 2,
        ttl: int = 1,
        limit: int = 1024,
    ) -> tuple[Datagram, ...]:
        """See `contract.Datagrams.shout`."""
        if port in RAW_PRINT_PORTS or port in OT_PORTS:
            raise OutOfScope(f"port {port} is not asked by multicast")
        own = self._link(group)
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # Open to the end of the run: a late answer must not be met by our kernel's ICMP.
        self._groups.append(sock)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, ttl)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 0)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(own))
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        sock.bind((own, 0))
        heard: list[Datagram] = []
        loop = asyncio.get_running_loop()
        for _ in range(tries):
            await self.pacer.turn(EVERYBODY, slow=self.quiet)
            emit.sent(group, "udp", 1, FRAME + len(request))
            await self._send(sock, request, (group, port))
            hit("after-send")
            with suppress(TimeoutError):
                async with asyncio.timeout(window_s / tries):
                    while len(heard) < limit:
                        data, (host, source, *_) = await loop.sock_recvfrom(sock, LARGEST)
                        if host != own and accept(data):
                            heard.append(Datagram(host, source, data))
            if len(heard) >= limit:
                emit.cap("datagrams")
                break
        return tuple(heard)

    def may_shout(self) -> str:
        """Why no question may go to a group of the link; empty where one may."""
        own = self.where.address
        if own is None or self.where.mode == "lab-loopback":
            return "no interface with an address in this network"
        link = next((n for n in self.where.on_link if IPv4Address(own) in IPv4Network(n)), None)
        if link is None or not self.scope.covers(link):
            return "not all of this machine's own network is in scope"
        return ""

    async def close(self) -> None:
        """End all sockets; nothing is heard any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for sock in (*self._sockets.values(), *self._groups):
            sock.close()
        self._sockets.clear()
        self._groups.clear()

    def _link(self, group: str) -> str:
        """Own address on the link of *group*. Raises `OutOfScope`."""
        address = IPv4Address(group)
        if not address.is_multicast:
            raise OutOfScope(f"{group} is no multicast group")
        if why := self.may_shout():
            raise OutOfScope(f"{group}: {why}")
        assert self.where.address is not None
        return self.where.address

    def _socket(self, version: int) -> socket.socket:
        sock = self._sockets.get(version)
        if sock is not None:
            return sock
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
            if sys.platform.startswith("linux") and version == 4:
                sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
            sock.bind(("::" if version == 6 else "0.0.0.0", 0))
        except OSError:
            sock.close()
            raise
        self._sockets[version] = sock
        self._tasks.add(asyncio.create_task(self._hear(sock)))
        return sock

    async def _send(self, sock: socket.socket, data: bytes, to: tuple[str, int]) -> None:
        """Raises `OSError` where this machine could not send."""
        for _ in range(40):
            try:
                sock.sendto(data, to)
                return
            except OSError as error:
                if error.errno in BUSY:
                    await asyncio.sleep(0.05)
                elif not self._refused(sock):
                    # No report was waiting: the error is of this datagram.
                    raise
        raise OSError(errno.ENOBUFS, "no room for a datagram")

    async def _hear(self, sock: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data, (host, port, *_) = await loop.sock_recvfrom(sock, LARGEST)
            except OSError:
                # The fate of an earlier datagram. Windows tells no more than that there was one.
                self._refused(sock)
                await asyncio.sleep(0.001)
                continue
            for question in self._asked.get(host, ()):
                if question.take(host, port, data):
                    break

    def _refused(self, sock: socket.socket) -> bool:
        """Read the error queue; True where a report was in it."""
        found = False
        if not sys.platform.startswith("linux"):
            return True
        while True:
            try:
                _, extra, _, (host, port, *_) = sock.recvmsg(64, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return found
            found = True
            for level, kind, data in extra:
                if (level, kind) == (socket.IPPROTO_IP, _IP_RECVERR) and _port_closed(data, host):
                    for question in self._asked.get(host, ()):
                        if question.port == port:
                            question.closed = True
                            question.changed.set()


def _port_closed(data: bytes, host: str) -> bool:
    """Does the extended error (struct sock_extended_err and the offender's address) say that *host* itself has the port closed?"""
    if len(data) < 24:
        return False
    _, origin, kind, code = struct.unpack_from("=IBBB", data)
    offender = socket.inet_ntoa(data[20:24])
    return (origin, kind, code, offender) == (_ICMP, _UNREACHABLE, _PORT, host)


async def _within(question: _Question, timeout_s: float) -> bool:
    """True once somebody answered or refused."""
    if question.answers or question.closed:
        return True
    # A timer costs a third of asyncio.timeout, and a walk of a network waits a hundred thousand times.
    timer = asyncio.get_running_loop().call_later(timeout_s, question.changed.set)
    try:
        await question.changed.wait()
    finally:
        timer.cancel()
    if question.answers or question.closed:
        return True
    question.changed.clear()
    return False


async def _all_within(question: _Question, more_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(more_s):
            while len(question.answers) < question.limit:
                question.changed.clear()
                await question.changed.wait()
