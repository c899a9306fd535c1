"""Where the helper's requests come from: a pipe. Windows cannot wait for a pipe and a socket at once, so there a thread copies it."""

from __future__ import annotations

import os
import socket
import threading


class Pipe:
    """A file descriptor that select(2) can wait for."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        return self._number

    def begin(self) -> None:
        """Nothing to do."""

    def read(self) -> bytes:
        """What is there; empty at the end."""
        return os.read(self._number, 1 << 16)


class Copied:
    """The same over a thread and a pair of sockets, for systems where only sockets can be waited for."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._into, self._outof = socket.socketpair()

    def fileno(self) -> int:
        return self._outof.fileno()

    def begin(self) -> None:
        """Start to copy: after the rights were given up and the first line was read."""
        threading.Thread(target=self._copy, daemon=True).start()

    def read(self) -> bytes:
        """What is there; empty at the end."""
        return self._outof.recv(1 << 16)

    def _copy(self) -> None:
        with self._into:
            while data := os.read(self._number, 1 << 16):
                self._into.sendall(data)
