"""What can go wrong with a run file: each error names the file, the cause and the next step."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

from agent.told import Told


class StoreError(Told):
    """A run file cannot be written. What was committed before is still in it."""

    def __init__(self, path: Path, cause: str, next_step: str) -> None:
        super().__init__(f"{path}: {cause}. {next_step}")
        self.path = path
        self.cause = cause
        self.next_step = next_step


class RunFileError(Told, ValueError):
    """A file cannot be read as a run file."""

    def __init__(self, path: Path, cause: str, next_step: str) -> None:
        super().__init__(f"{path}: {cause}. {next_step}")
        self.path = path
        self.cause = cause
        self.next_step = next_step


def write_error(path: Path, error: sqlite3.Error | OSError) -> StoreError:
    """*error*, met while writing *path*, in words a technician can act on."""
    code = getattr(error, "sqlite_errorname", "")
    number = error.errno if isinstance(error, OSError) else None
    if code == "SQLITE_FULL" or number in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            path,
            "the disk is full (or a quota is reached)",
            "Everything committed so far is kept: free some space, then `handover run --resume`.",
        )
    if code.startswith("SQLITE_IOERR") or number == errno.EFBIG:
        return StoreError(
            path,
            f"the file system refused a write ({code or error})",
            "Everything committed so far is kept: check free space, file size limit and the disk, "
            "then `handover run --resume`.",
        )
    if code.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")) or number in (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
    ):
        return StoreError(
            path,
            f"no right to write here ({code or error})",
            "Make the file and its folder writable for this user.",
        )
    if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            path, "another program holds the file", "Close it (a backup? a viewer?) and try again."
        )
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return StoreError(
            path, f"the file is damaged ({error})", "`handover verify` names what is damaged."
        )
    return StoreError(path, f"cannot be written ({code or error})", "See `handover doctor`.")
