"""The socket layer of the dialer: connects without blocking, ends with RST, asks the kernel what it sent. Linux and Windows."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

WINDOW = 8 * 1024
"""Bytes a peer may have under way to us: little, as each segment that comes after our end costs a reset."""
KNOCK_WINDOW = 2304
UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.EHOSTDOWN})
RESERVED_FILES = 128
"""Descriptors left to the store, the helpers and the libraries."""
_MSS_FLOOR = 536
"""RFC 9293, 3.7.1: what a peer that names no segment size takes."""
_SEGS_OUT = 136
"""Offset of tcpi_segs_out in struct tcp_info (Linux 4.2, include/uapi/linux/tcp.h)."""


def tcp_socket(host: str, window: int) -> socket.socket:
    """Raises `OSError` when this process has no descriptor left."""
    family = socket.AF_INET6 if ip_address(host).version == 6 else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # Ends with RST: the peer keeps no half-closed connection of ours, and the kernel repeats no FIN.
        form = "hh" if sys.platform == "win32" else "ii"
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(form, 1, 0))
        # Linux doubles it for its own book-keeping.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window // 2)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:
        sock.close()
        raise
    return sock


async def connected(
    sock: socket.socket, host: str, port: int, timeout_s: float, sent: Callable[[], None]
) -> None:
    """*sent* is called once the SYN has left. Raises `TimeoutError`, `ConnectionRefusedError`, `OSError`."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(timeout_s):
        if sys.platform == "win32":
            # The Proactor loop does it by ConnectEx.
            sent()
            await loop.sock_connect(sock, (host, port))
            return
        error = sock.connect_ex((host, port))
        sent()
        if error in (errno.EINPROGRESS, errno.EWOULDBLOCK):
            writable: asyncio.Future[None] = loop.create_future()
            loop.add_writer(sock, _settle, writable)
            try:
                await writable
            finally:
                loop.remove_writer(sock)
            error = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            # By errno: ConnectionRefusedError and its like.
            raise OSError(error, os.strerror(error))


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def room_for(wanted: int) -> int:
    """How many connections this process may hold at a time, up to *wanted*; on Unix it asks for more descriptors where it may have them."""
    if sys.platform == "win32":
        return wanted
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = wanted + RESERVED_FILES
    if soft != resource.RLIM_INFINITY and soft < need:
        more = need if hard == resource.RLIM_INFINITY else min(need, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, hard))
            soft = more
    if soft == resource.RLIM_INFINITY:
        return wanted
    return min(wanted, max(16, soft - RESERVED_FILES))


def segments_out(sock: socket.socket) -> int | None:
    """Segments the kernel has sent on this connection (RFC 4898 calls it SegsOut); None where it does not tell."""
    if not sys.platform.startswith("linux"):
        return None
    with suppress(OSError, struct.error):
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192)
        return int(struct.unpack_from("=I", info, _SEGS_OUT)[0])
    return None


def segments_in(size: int, sock: socket.socket) -> int:
    """In how many segments *size* bytes may come at the worst."""
    mss = _MSS_FLOOR
    if sys.platform != "win32":
        with suppress(OSError):
            mss = max(_MSS_FLOOR, sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))
    return -(-size // mss)
