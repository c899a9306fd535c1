"""One datagram, so that our own kernel learns the MAC of a host: it resets the connections of open ports only where it knows it."""

from __future__ import annotations

import errno
import socket

PER_SOCKET = 128
"""Datagrams of one socket: its buffer holds about 277 that wait for an ARP answer (measured)."""
FULL = frozenset({errno.ENOBUFS, errno.EAGAIN, errno.EWOULDBLOCK})
_LATE = frozenset({errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EHOSTDOWN, errno.ECONNRESET})
"""The fate of an earlier datagram, told late (ECONNRESET: on Windows)."""


class Poker:
    """`address`: our own."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._udp: socket.socket | None = None
        self._poked = 0

    def poke(self, host: bytes) -> bool:
        """One byte to UDP port 9 (discard, RFC 863) of *host*. False when the kernel has no room now. Raises `OSError`."""
        if self._udp is None or self._poked >= PER_SOCKET:
            if self._udp is not None:
                self._udp.close()
            self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._udp.setblocking(False)
            self._udp.bind((self._address, 0))
            self._poked = 0
        self._poked += 1
        for _ in range(8):
            try:
                self._udp.sendto(b"\0", (socket.inet_ntoa(host), 9))
            except OSError as error:
                if error.errno in FULL:
                    self._poked = PER_SOCKET
                    return False
                if error.errno in _LATE:
                    continue
                raise
            return True
        return True
