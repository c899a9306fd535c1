"""The writing end of a run file: batches of entries in one transaction each, checkpoints, and the tidy end.

Synchronous; `RunStore` calls it from its one writer thread only.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from agent.model.base import canonical
from agent.store import entry as e
from agent.store.errors import write_error
from agent.store.failpoint import hit
from agent.store.file import MAX_BLOB, MAX_PAYLOAD, beside, make_schema, open_to_write
from agent.store.scan import Entry
from agent.store.wal import append_new_pages

CHECKPOINT_S = 5.0
"""Seconds after which what was committed is at the latest in the single file too."""


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be: its kind, its bytes exactly as they will be hashed, its raw answers."""

    kind: str
    payload: bytes
    raw: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, kind: str, model: BaseModel, raw: Sequence[bytes] = ()) -> Draft:
        """Raises `ValueError` when the content or a raw answer is above its bound."""
        payload = canonical(model)
        if len(payload) > MAX_PAYLOAD:
            raise ValueError(f"a {kind} entry of {len(payload)} bytes: at most {MAX_PAYLOAD}")
        for data in raw:
            if len(data) > MAX_BLOB:
                raise ValueError(f"a raw answer of {len(data)} bytes: cut it to {MAX_BLOB}")
        return cls(kind, payload, tuple(raw))


class Log:
    """An open run file. After a `StoreError` of `write` the file is as after the last commit; `resync` makes it usable again."""

    def __init__(
        self,
        path: Path,
        conn: sqlite3.Connection,
        chain: Iterable[Entry] = (),
        blobs: Iterable[bytes] = (),
    ) -> None:
        self.path = path
        self.last = 0
        self.head = e.GENESIS
        self.counts: Counter[str] = Counter()
        self.dirty = False
        self._plan = hashlib.sha256()
        self._conn = conn
        self._file = -1
        self._blobs = set(blobs)
        self._checkpointed = time.monotonic()
        for item in chain:
            self._count(item.seq, item.kind, item.commitment, item.hash)

    @property
    def plan_sha256(self) -> str:
        return self._plan.hexdigest()

    def write(self, drafts: Sequence[Draft], durable: bool, checkpoint: bool = False) -> None:
        """Commit *drafts* together; *durable*: on the disk before this returns. Raises `StoreError`."""
        try:
            if drafts:
                self._commit(drafts, durable)
            if checkpoint or (self.dirty and time.monotonic() - self._checkpointed > CHECKPOINT_S):
                self.checkpoint()
        except (sqlite3.Error, OSError) as error:
            self._rollback()
            raise write_error(self.path, error) from error

    def seal(self, end: Draft, sign: Callable[[Log], Draft]) -> None:
        """Commit *end* and then what *sign* makes of the log up to there, in one transaction. Raises `StoreError`."""
        hit("before-end")
        try:
            self._commit([end], True, sign)
            hit("after-end")
        except (sqlite3.Error, OSError) as error:
            self._rollback()
            raise write_error(self.path, error) from error

    def checkpoint(self) -> None:
        """Bring all commits into the single file. While a reader looks at older ones, the next time does it. Raises `sqlite3.Error`."""
        if self._file >= 0:
            append_new_pages(self._file, beside(self.path, "-wal"))
        self._conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        hit("in-checkpoint")
        busy, _, _ = self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        self._checkpointed = time.monotonic()
        self.dirty = bool(busy)

    def resync(self) -> None:
        """Take up the chain from what is in the file, after a failed commit. Raises `StoreError`."""
        try:
            self._rollback()
            rows = self._conn.execute(
                "SELECT seq, kind, commitment, hash FROM log ORDER BY seq"
            ).fetchall()
            blobs = self._conn.execute("SELECT sha256 FROM blob").fetchall()
        except sqlite3.Error as error:
            raise write_error(self.path, error) from error
        self.last, self.head, self.counts, self._plan = 0, e.GENESIS, Counter(), hashlib.sha256()
        for row in rows:
            self._count(*row)
        self._blobs = {row[0] for row in blobs}
        self.dirty = True

    def close(self, tidy: bool = True) -> None:
        """Close the file; *tidy* first makes it complete without its -wal. Raises `StoreError` when that fails, closed all the same."""
        try:
            if tidy:
                self._rollback()
                self.checkpoint()
                # Held up by a reader this fails; everything is in the single file nevertheless.
                with contextlib.suppress(sqlite3.OperationalError):
                    self._conn.execute("PRAGMA journal_mode=DELETE").fetchall()
        except (sqlite3.Error, OSError) as error:
            raise write_error(self.path, error) from error
        finally:
            self._conn.close()
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def begin(self) -> bool:
        """Start writing beside the file, so that it can be read meanwhile; what a killed writer left there comes into the file.

        Returns whether its -wal had a broken tail. Raises `sqlite3.Error`, `OSError`.
        """
        wal = beside(self.path, "-wal")
        left = wal.stat().st_size if wal.exists() else 0
        mode = self._conn.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        if mode != "wal":
            raise sqlite3.OperationalError(f"write-ahead logging refused ({mode})")
        frames = int(self._conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
        page = int(self._conn.execute("PRAGMA page_size").fetchone()[0])
        self.checkpoint()
        self._file = os.open(self.path, os.O_RDWR | getattr(os, "O_BINARY", 0))
        return left > (32 + frames * (24 + page) if frames else 0)

    def _commit(
        self, drafts: Sequence[Draft], durable: bool, then: Callable[[Log], Draft] | None = None
    ) -> None:
        reserving = any(d.kind == e.LEDGER for d in drafts) and durable
        self._conn.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        self._conn.execute("BEGIN IMMEDIATE")
        before = self.last, self.head, self.counts.copy(), self._plan.copy()
        fresh: set[bytes] = set()
        try:
            self._insert(drafts, fresh)
            if then is not None:
                self._insert([then(self)], fresh)
            hit("before-reserve-commit" if reserving else "before-commit")
            self._conn.execute("COMMIT")
        except BaseException:
            self.last, self.head, self.counts, self._plan = before
            self._blobs -= fresh
            raise
        self.dirty = True
        hit("after-reserve-commit" if reserving else "after-commit")

    def _insert(self, drafts: Sequence[Draft], fresh: set[bytes]) -> None:
        log: list[tuple[int, str, bytes, bytes]] = []
        vault: list[tuple[int, bytes, bytes]] = []
        blobs: list[tuple[bytes, bytes]] = []
        salts = os.urandom(e.SALT_SIZE * len(drafts))
        for i, draft in enumerate(drafts):
            salt = salts[i * e.SALT_SIZE : (i + 1) * e.SALT_SIZE]
            seq = self.last + 1
            commit = e.commitment(salt, draft.payload)
            digest = e.link(self.head, seq, draft.kind, commit)
            log.append((seq, draft.kind, commit, digest))
            vault.append((seq, salt, draft.payload))
            self._count(*log[-1])
            for data in draft.raw:
                sha = hashlib.sha256(data).digest()
                if sha not in self._blobs:
                    self._blobs.add(sha)
                    fresh.add(sha)
                    blobs.append((sha, data))
        self._conn.executemany("INSERT INTO blob (sha256, bytes) VALUES (?, ?)", blobs)
        self._conn.executemany("INSERT INTO vault VALUES (?, ?, ?)", vault)
        self._conn.executemany("INSERT INTO log VALUES (?, ?, ?, ?)", log)

    def _count(self, seq: int, kind: str, commit: bytes, digest: bytes) -> None:
        self.last, self.head = seq, digest
        self.counts[kind] += 1
        if kind == e.PLAN:
            self._plan.update(commit)

    def _rollback(self) -> None:
        # SQLite has often rolled back by itself; then there is nothing left to undo.
        with contextlib.suppress(sqlite3.Error):
            if self._conn.in_transaction:
                self._conn.execute("ROLLBACK")


def new_file(path: Path, first: Draft) -> None:
    """Make *path* with *first* as its first entry, on the disk before it has its name. Raises `StoreError`, also when it exists."""
    draft = beside(path, ".new")
    try:
        if path.exists():
            raise FileExistsError(17, "a run file is never written over", str(path))
        draft.unlink(missing_ok=True)
        os.close(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        conn = open_to_write(draft)
        try:
            conn.execute("PRAGMA journal_mode=DELETE").fetchall()
            make_schema(conn)
            Log(draft, conn).write([first], durable=True)
        finally:
            conn.close()
        draft.rename(path)
        sync_folder(path)
    except (sqlite3.Error, OSError) as error:
        raise write_error(path, error) from error


def sync_folder(path: Path) -> None:
    """Make the name of *path* survive a power cut, where the platform lets a folder be synchronised. Raises `OSError`."""
    if os.name == "nt":
        return
    fd = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
