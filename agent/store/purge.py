"""Erase what a run holds of a person (GDPR art. 17), so that no byte of it is left in the file and the chain still verifies.

The log keeps the salted commitments; contents, salts and raw answers that nothing kept refers to are removed, and the file is rebuilt
without them. A `purge` entry says how many and why. The head changes: note the new one outside.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from agent.store import entry as e
from agent.store.errors import RunFileError, write_error
from agent.store.file import check_schema, open_to_write
from agent.store.index import Index
from agent.store.lock import WriterLock
from agent.store.log import Draft, Log
from agent.store.opening import read_index
from agent.store.scan import Walk, load
from agent.store.signing import SessionKey

Keep = Callable[[str, dict[str, Any]], bool]
KeepRaw = Callable[[bytes], bool]


def purge(path: Path, keep: Keep, reason: str = "", keep_raw: KeepRaw = lambda _: True) -> int:
    """Erase every erasable entry of *path* for which `keep(kind, content)` is false, and every observation with a raw answer for which
    `keep_raw(bytes)` is; returns how many (sightings of an erased observation go with it). *reason* stands in the file: no personal
    data in it.

    Raises `RunFileError` (no run, or damaged), `StoreError` (being written; no room). Nothing is changed then.
    """
    if not path.is_file():
        raise RunFileError(path, "is not there", "Name a file of the folder runs/.")
    lock = WriterLock(path)
    try:
        conn = open_to_write(path)
        try:
            check_schema(path, conn)
            conn.execute("PRAGMA secure_delete=ON").fetchall()
            conn.execute("PRAGMA journal_mode=DELETE").fetchall()
            doomed = _doomed(conn, keep, keep_raw)
            if doomed:
                _erase(path, conn, doomed, reason)
            # Also without new victims: an earlier purge may have been killed before this.
            conn.execute("VACUUM")
            return len(doomed)
        finally:
            conn.close()
    except (sqlite3.Error, OSError) as error:
        raise write_error(path, error) from error
    finally:
        lock.release()


def _doomed(conn: sqlite3.Connection, keep: Keep, keep_raw: KeepRaw) -> list[int]:
    doomed: list[int] = []
    ids: set[str] = set()
    blobs = {
        sha.hex()
        for sha, data in conn.execute("SELECT sha256, bytes FROM blob")
        if not keep_raw(data)
    }
    for item in Walk(conn):
        if item.kind not in e.ERASABLE or item.payload is None:
            continue
        content = load(item.payload)
        gone = item.kind == e.SIGHTING and content.get("id") in ids
        if item.kind == e.OBSERVATION:
            gone = any(blob["sha256"] in blobs for blob in content["raw"])
        if gone or not keep(item.kind, content):
            doomed.append(item.seq)
            if item.kind == e.OBSERVATION:
                ids.add(content["id"])
    return doomed


def _erase(path: Path, conn: sqlite3.Connection, doomed: list[int], reason: str) -> None:
    index, chain, blobs = read_index(path, conn)
    log = Log(path, conn, chain, blobs)
    key = SessionKey()
    record = e.Purge(
        at=time.time_ns() // 1000,
        reason=reason,
        erased=len(doomed),
        entries=tuple(_ranges(doomed)),
        public_key=key.public,
    )

    def erase_and_sign(log: Log) -> Draft:
        conn.executemany("DELETE FROM vault WHERE seq = ?", [(seq,) for seq in doomed])
        kept = _raw_named(conn)
        for rowid, sha in conn.execute("SELECT id, sha256 FROM blob").fetchall():
            if sha not in kept:
                conn.execute("DELETE FROM blob WHERE id = ?", (rowid,))
        return _signature(log, key, index)

    log.seal(Draft.of(e.PURGE, record), erase_and_sign)


def _signature(log: Log, key: SessionKey, index: Index) -> Draft:
    if index.header is None:
        raise RunFileError(log.path, "has no header", "It is not changed.")
    counts = dict(sorted(log.counts.items()))
    head = log.head.hex()
    signature = key.sign(index.header, index.session, log.last, counts, log.plan_sha256, head)
    return Draft.of(e.SIGNATURE, signature)


def _raw_named(conn: sqlite3.Connection) -> set[bytes]:
    """SHA-256 of the raw answers that observations still in the file refer to."""
    return {
        bytes.fromhex(blob["sha256"])
        for item in Walk(conn)
        if item.kind == e.OBSERVATION and item.payload is not None
        for blob in load(item.payload)["raw"]
    }


def _ranges(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Runs of consecutive *numbers*, which are in order."""
    ranges: list[tuple[int, int]] = []
    for n in numbers:
        if ranges and ranges[-1][1] == n - 1:
            ranges[-1] = ranges[-1][0], n
        else:
            ranges.append((n, n))
    return ranges
