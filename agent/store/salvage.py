"""A run file whose -wal is lost may have been copied or killed half-way through a checkpoint. What holds together is kept.

The log is append-only, so what is whole is a beginning of it: that is copied, byte for byte, to a fresh file, which takes the place of
the damaged one (kept beside it as `.damaged`).
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path

from agent.model.observation import Observation
from agent.store import entry as e
from agent.store.errors import RunFileError, write_error
from agent.store.file import DAMAGE, beside, cut_short, make_schema, open_to_read, open_to_write
from agent.store.index import parse
from agent.store.log import sync_folder
from agent.store.scan import Walk


def salvage(path: Path) -> int:
    """Replace *path* by its longest whole beginning; returns its number of entries. Raises `RunFileError`, `StoreError`."""
    old = open_to_read(path)
    fresh = beside(path, ".new")
    try:
        last, shas = whole_until(path, old)
        if not last:
            raise RunFileError(path, "holds no whole entry", "Take another copy, or start anew.")
        fresh.unlink(missing_ok=True)
        fresh.touch(mode=0o600)
        new = open_to_write(fresh)
        try:
            new.execute("PRAGMA synchronous=FULL")
            new.execute("PRAGMA journal_mode=DELETE").fetchall()
            make_schema(new)
            new.execute("BEGIN IMMEDIATE")
            for seq in range(1, last + 1):
                new.execute("INSERT INTO log VALUES (?, ?, ?, ?)", _row(old, "log", seq) or ())
                value = _row(old, "vault", seq)
                if value is not None:
                    new.execute("INSERT INTO vault VALUES (?, ?, ?)", value)
            for sha, rowid in shas.items():
                data = old.execute("SELECT bytes FROM blob WHERE id = ?", (rowid,)).fetchone()[0]
                new.execute("INSERT INTO blob (sha256, bytes) VALUES (?, ?)", (sha, data))
            new.execute("COMMIT")
        finally:
            new.close()
        shutil.copy2(path, path.with_name(path.name + ".damaged"))
        fresh.replace(path)
        sync_folder(path)
    except (sqlite3.Error, OSError) as error:
        raise write_error(path, error) from error
    finally:
        old.close()
    return last


def whole(path: Path) -> bool:
    """May *path* be written to as it is? Raises `RunFileError` when it is no run file."""
    conn = open_to_read(path)
    try:
        if cut_short(conn):
            return False
        rows = conn.execute("PRAGMA integrity_check(1)").fetchall()
        last = conn.execute("SELECT max(seq) FROM log").fetchone()[0]
        # A checkpoint may have brought in a value whose entry it had not yet: the next entry would take its number.
        stray = conn.execute("SELECT 1 FROM vault WHERE seq > ? LIMIT 1", (last or 0,)).fetchone()
        return rows == [("ok",)] and stray is None and whole_until(path, conn)[0] == last
    except DAMAGE:
        return False
    finally:
        conn.close()


def whole_until(path: Path, conn: sqlite3.Connection) -> tuple[int, dict[bytes, int]]:
    """Number of the last entry up to which everything, raw answers too, is as recorded; and these raw answers' rows."""
    rows = _blobs(conn)
    used: dict[bytes, int] = {}
    last = 0
    everything = Walk(conn)
    for _ in everything:
        pass
    walk = Walk(conn)
    for item in walk:
        if any(p.page is None for p in walk.problems) or (
            item.erased and item.seq not in everything.purged
        ):
            break
        if item.kind == e.OBSERVATION and item.payload is not None:
            raw = parse(Observation, item.payload, path, item.seq).raw
            shas = [bytes.fromhex(blob.sha256) for blob in raw]
            if any(sha not in rows for sha in shas):
                break
            used.update((sha, rows[sha]) for sha in shas)
        last = item.seq
    return last, used


def _blobs(conn: sqlite3.Connection) -> dict[bytes, int]:
    """SHA-256 -> row of every raw answer that can be read and is what it says."""
    found: dict[bytes, int] = {}
    rowid = 0
    while True:
        try:
            row = conn.execute(
                "SELECT id, sha256, bytes FROM blob WHERE id > ? ORDER BY id LIMIT 1", (rowid,)
            ).fetchone()
        except DAMAGE:
            return found
        if row is None or row[0] <= rowid:
            return found
        rowid = row[0]
        if isinstance(row[2], bytes) and hashlib.sha256(row[2]).digest() == row[1]:
            found[row[1]] = rowid


def _row(conn: sqlite3.Connection, table: str, seq: int) -> tuple[object, ...] | None:
    row: tuple[object, ...] | None = conn.execute(
        f"SELECT * FROM {table} WHERE seq = ?",  # table: one of two literals above
        (seq,),
    ).fetchone()
    return row
