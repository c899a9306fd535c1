"""How a run file is begun, and how it is taken up again after anything that may have happened to it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from agent.model.base import M
from agent.model.run import RunHeader, SessionEnd, SessionFacts
from agent.store import entry as e
from agent.store.errors import RunFileError, write_error
from agent.store.file import DAMAGE, beside, check_schema, open_to_write
from agent.store.index import MODELS, Index, parse
from agent.store.ledger import unsettled
from agent.store.lock import WriterLock
from agent.store.log import Draft, Log, new_file
from agent.store.salvage import salvage, whole
from agent.store.scan import Entry, Walk

_WAL_FORMAT = 2
"""Bytes 18 and 19 of the file's header while it has a -wal (https://www.sqlite.org/fileformat.html)."""


def create_log(path: Path, header: RunHeader) -> tuple[Log, WriterLock, Index]:
    """A new run file with its header in it. Raises `StoreError`."""
    lock = WriterLock(path)
    try:
        new_file(path, Draft.of(e.HEADER, header))
        log, index, _ = _take_up(path)
    except BaseException:
        lock.release()
        raise
    return log, lock, index


def resume_log(
    path: Path, public_key: str, now: int, facts: SessionFacts | None = None
) -> tuple[Log, WriterLock, Index, RunHeader]:
    """An existing run with a new session begun at *now* (microseconds UTC). Raises `StoreError`, `RunFileError`."""
    if not path.is_file():
        raise RunFileError(path, "is not there", "Name a file of the folder runs/.")
    lock = WriterLock(path)
    try:
        recovered = _missing_wal(path)
        if recovered and not whole(path):
            salvage(path)
            recovered += ("salvaged",)
        log, index, tail = _take_up(path)
        if recovered and index.ended:
            # It had ended and was complete: its -wal, if it still had one, was empty.
            recovered = tuple(r for r in recovered if r != "wal-missing")
        if tail:
            recovered += ("wal-tail",)
        try:
            header = _new_session(log, index, public_key, now, recovered, facts)
        except BaseException:
            log.close(tidy=False)
            raise
    except BaseException:
        lock.release()
        raise
    return log, lock, index, header


def _new_session(
    log: Log,
    index: Index,
    public_key: str,
    now: int,
    recovered: tuple[str, ...],
    facts: SessionFacts | None,
) -> RunHeader:
    header = index.header
    if header is None:
        raise RunFileError(log.path, "has no header", "Start a new run.")
    start = e.SessionStart(
        session=index.session + 1,
        started=now,
        public_key=public_key,
        previous_head=log.head.hex(),
        recovered=recovered,
        facts=facts,
    )
    items: list[tuple[str, M]] = [(e.SESSION, start)]
    if not index.ended:
        killed = SessionEnd(
            session=index.session,
            outcome="killed",
            ended=index.newest_at,
            reason="no end was recorded; dated by its last entry",
        )
        items.append((e.END, killed))
    # What the killed session reserved may all have left: settled in full before anything new is reserved.
    items += [(e.LEDGER, entry) for entry in unsettled(index.ledger, now)]
    log.write([Draft.of(kind, item) for kind, item in items], durable=True, checkpoint=True)
    for _, item in items:
        index.put(item)
    index.recovered = recovered
    return header


def _take_up(path: Path) -> tuple[Log, Index, bool]:
    """The log of *path*, checked from end to end, ready for writing; and whether its -wal had a broken tail."""
    try:
        conn = open_to_write(path)
    except sqlite3.Error as error:
        raise write_error(path, error) from error
    try:
        check_schema(path, conn)
        index, chain, blobs = read_index(path, conn)
        log = Log(path, conn, chain, blobs)
        tail = log.begin()
    except (sqlite3.Error, OSError) as error:
        conn.close()
        raise write_error(path, error) from error
    except BaseException:
        conn.close()
        raise
    return log, index, tail


def read_index(path: Path, conn: sqlite3.Connection) -> tuple[Index, list[Entry], list[bytes]]:
    """All that *conn* holds. Raises `RunFileError` at the first damage: nothing is ever chained to a damaged log."""
    index = Index()
    chain: list[Entry] = []
    walk = Walk(conn)
    for item in walk:
        if item.payload is not None:
            index.put(parse(MODELS[item.kind], item.payload, path, item.seq))
        chain.append(Entry(item.seq, item.kind, item.commitment, item.hash, None, item.erased))
    if walk.problems:
        raise RunFileError(
            path, walk.problems[0].text(), "It is not written to; `handover verify` says more."
        )
    try:
        blobs = [row[0] for row in conn.execute("SELECT sha256 FROM blob")]
    except DAMAGE as error:
        raise RunFileError(path, f"its raw answers are damaged ({error})", "See verify.") from error
    return index, chain, blobs


def _missing_wal(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        raise write_error(path, error) from error
    if head[18:20] == bytes((_WAL_FORMAT, _WAL_FORMAT)) and not beside(path, "-wal").exists():
        return ("wal-missing",)
    return ()
