"""One writer at a time: a lock file beside the run, freed by the operating system when its holder dies.

SQLite's own lock lasts one transaction; two programs resuming the same run would take turns and break its chain of sessions.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from agent.store.errors import StoreError, write_error
from agent.store.file import beside


class WriterLock:
    """Held from creation until `release()`. Raises `StoreError` when another program holds it."""

    def __init__(self, run: Path) -> None:
        self._path = beside(run, ".lock")
        while True:
            try:
                self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            except OSError as e:
                raise write_error(run, e) from e
            if not _lock(self._fd):
                os.close(self._fd)
                raise StoreError(
                    run,
                    "another handover is writing it",
                    "Wait for it to end; a run can be read while it is written.",
                )
            if _same(self._fd, self._path):
                return
            # Its last holder removed the file between our open and our lock.
            os.close(self._fd)

    def release(self) -> None:
        """Free the lock and remove its file; a second call does nothing."""
        if self._fd < 0:
            return
        if sys.platform == "win32":
            os.close(self._fd)
            self._path.unlink(missing_ok=True)
        else:
            self._path.unlink(missing_ok=True)
            os.close(self._fd)
        self._fd = -1


def _same(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False


def _lock(fd: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
