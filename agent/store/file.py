"""The SQLite file a run lives in: its schema, its limits, and how it is opened to write or, mistrusted, to read.

Foreign files are hostile input: no triggers, views or functions of theirs run (`trusted_schema=OFF` and the schema is compared with
ours), no value above a bound is ever loaded. See https://www.sqlite.org/security.html.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from agent.store.errors import RunFileError

APPLICATION_ID = 0x48444F52
"""`HDOR` in the file's header, so that `file` can tell a run from any database."""
VERSION = 1
PAGE_SIZE = 4096
MAX_PAYLOAD = 1 << 20
"""Bytes of one entry's content."""
MAX_BLOB = 64 << 10
"""Bytes kept of one raw answer."""
MAX_FILE = 16 << 30
_MAX_VALUE = MAX_PAYLOAD + (64 << 10)

DAMAGE = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged or hostile file raises; the second when SQLite quotes its bytes in a message."""

SCHEMA: dict[str, str] = {
    "blob": "CREATE TABLE blob (id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL, bytes BLOB NOT NULL) STRICT",
    "log": "CREATE TABLE log (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, commitment BLOB NOT NULL, "
    "hash BLOB NOT NULL) STRICT",
    "vault": "CREATE TABLE vault (seq INTEGER PRIMARY KEY, salt BLOB NOT NULL, payload BLOB NOT NULL) STRICT",
}


def beside(path: Path, suffix: Literal["-wal", "-shm", ".lock", ".new"]) -> Path:
    """The companion of *path* with that ending."""
    return path.with_name(path.name + suffix)


def open_to_write(path: Path) -> sqlite3.Connection:
    """An existing file, with our settings. Raises `sqlite3.Error`."""
    conn = _connect(path, "rw")
    try:
        conn.execute("PRAGMA busy_timeout=3000")
        conn.execute("PRAGMA wal_autocheckpoint=0")
        conn.execute("PRAGMA cache_size=-16384")
        # Without it the first access may already read a foreign schema.
        conn.execute("PRAGMA trusted_schema=OFF")
    except sqlite3.Error:
        conn.close()
        raise
    return conn


def make_schema(conn: sqlite3.Connection) -> None:
    """Turn the empty database of *conn* into an empty run file."""
    conn.execute(f"PRAGMA page_size={PAGE_SIZE}")
    conn.execute(f"PRAGMA application_id={APPLICATION_ID}")
    conn.execute(f"PRAGMA user_version={VERSION}")
    for sql in SCHEMA.values():
        conn.execute(sql)


def open_to_read(path: Path) -> sqlite3.Connection:
    """A run file, read-only, its schema checked; usable while it is being written. Raises `RunFileError`."""
    try:
        size = path.stat().st_size
    except OSError as e:
        raise RunFileError(path, f"cannot be read ({e.strerror})", "Check path and rights.") from e
    if not path.is_file():
        raise RunFileError(path, "is not a file", "Name one file of the folder runs/.")
    if size == 0:
        raise RunFileError(path, "is empty", "Take another copy of the file.")
    if size > MAX_FILE:
        raise RunFileError(path, f"is too large for a run ({size} bytes)", "Is it a run file?")
    try:
        # With a -wal the newest commits are in there. Without one, the file alone is all there is, and `immutable` keeps SQLite
        # from wanting to create one beside it (a read-only folder, a CD).
        live = beside(path, "-wal").exists()
        conn = _connect(path, "ro" if live else "ro&immutable=1")
    except DAMAGE as e:
        raise _unreadable(path, e) from e
    with ExitStack() as undo:
        undo.callback(conn.close)
        conn.execute("PRAGMA query_only=ON")
        conn.execute("PRAGMA busy_timeout=3000")
        conn.execute("PRAGMA trusted_schema=OFF")
        try:
            check_schema(path, conn)
        except RunFileError as error:
            if not _corrupt(error) or live:
                raise
            # Copied half-way through a checkpoint, a file is shorter than its first page says. With this SQLite reads what there
            # is; the schema is compared all the same, and each entry proved by its hash.
            conn.execute("PRAGMA writable_schema=ON")
            check_schema(path, conn)
        undo.pop_all()
    return conn


def cut_short(conn: sqlite3.Connection) -> bool:
    """Did `open_to_read` have to look past a first page that claims more pages than there are?"""
    return bool(conn.execute("PRAGMA writable_schema").fetchone()[0])


def check_schema(path: Path, conn: sqlite3.Connection) -> None:
    """Raise `RunFileError` unless *conn* holds exactly our tables."""
    try:
        found = conn.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name LIMIT 8"
        ).fetchall()
        application = conn.execute("PRAGMA application_id").fetchone()[0]
        version = conn.execute("PRAGMA user_version").fetchone()[0]
        encoding = conn.execute("PRAGMA encoding").fetchone()[0]
    except DAMAGE as e:
        raise _unreadable(path, e) from e
    ours = [("table", name, name, sql) for name, sql in SCHEMA.items()]
    if application == APPLICATION_ID and isinstance(version, int) and version > VERSION:
        raise RunFileError(
            path, f"was written by a newer handover (format {version})", "Update handover."
        )
    if (found, application, version, encoding) != (ours, APPLICATION_ID, VERSION, "UTF-8"):
        raise RunFileError(
            path,
            "is a database, but not a run of ours, or its tables were changed (page 1)",
            "Take the original file; `handover verify` says more.",
        )


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    uri = path.absolute().as_uri()
    conn = sqlite3.connect(
        f"{uri}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )
    conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
    conn.text_factory = _text
    conn.execute("PRAGMA cell_size_check=ON")
    conn.execute("PRAGMA mmap_size=0")
    return conn


def _corrupt(error: RunFileError) -> bool:
    return getattr(error.__cause__, "sqlite_errorname", "") == "SQLITE_CORRUPT"


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _unreadable(path: Path, error: Exception) -> RunFileError:
    name = getattr(error, "sqlite_errorname", "")
    if name == "SQLITE_NOTADB":
        return RunFileError(
            path, "is not a run file (page 1)", "Is it sealed (.age)? Open it first."
        )
    if name.startswith("SQLITE_CANTOPEN") and beside(path, "-wal").exists():
        return RunFileError(
            path,
            "has a -wal beside it, which cannot be opened in a folder without right to write",
            "Copy the file and its -wal to a folder of yours.",
        )
    if name.startswith("SQLITE_CANTOPEN"):
        return RunFileError(path, "cannot be opened", "Check path and rights.")
    if name.startswith("SQLITE_BUSY"):
        return RunFileError(path, "is being recovered by another program", "Try again.")
    return RunFileError(path, f"is damaged (page 1: {error})", "Take another copy of the file.")
