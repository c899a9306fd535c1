"""One walk over all entries of a run file, checking the chain and every content against its commitment.

Reader, resume, purge and verify all stand on it. It goes on behind damage as far as anything can be read, and says what it met.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from agent.store.entry import GENESIS, HASH_SIZE, KINDS, PURGE, SALT_SIZE, commitment, link
from agent.store.file import DAMAGE, MAX_PAYLOAD, cut_short
from agent.store.problem import Problem

MAX_PROBLEMS = 1000
_STEP = 500
_SELECT = (
    "SELECT log.seq, log.kind, log.commitment, log.hash, vault.salt, vault.payload "
    "FROM log LEFT JOIN vault ON vault.seq = log.seq "
)


@dataclass(frozen=True, slots=True)
class Entry:
    """`payload` is None where the content was erased, or cannot be trusted (`Walk.problems` says which)."""

    seq: int
    kind: str
    commitment: bytes
    hash: bytes
    payload: bytes | None
    erased: bool


class Walk:
    """Iterate it once; then `head`, `last`, `problems` and `erased` are complete."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn
        self.head = GENESIS
        self.last = 0
        self.problems: list[Problem] = []
        self.erased: list[int] = []
        self.purged: set[int] = set()

    def __iter__(self) -> Iterator[Entry]:
        if cut_short(self._conn):
            self.problems.append(Problem(code="page-damaged", page=1, detail="pages are missing"))
        previous: bytes | None = GENESIS
        for row in self._rows():
            if len(self.problems) >= MAX_PROBLEMS:
                return
            seq = row[0]
            if not isinstance(seq, int) or seq <= self.last:
                self.problems.append(Problem(code="log-cut", entry=self.last + 1))
                return
            if seq != self.last + 1:
                # Those that could not be read are named already.
                if not any(p.code == "entry-unreadable" for p in self.problems[-1:]):
                    self.problems.append(
                        Problem(code="entry-missing", entry=self.last + 1, last=seq - 1)
                    )
                previous = None
            entry, digest = self._entry(row, previous)
            self.last = seq
            previous = digest
            if entry is not None:
                self.head = entry.hash
                if entry.kind == PURGE and entry.payload is not None:
                    self.purged |= _purged(entry.payload, seq)
                yield entry
        if self.last == 0 and not self.problems:
            self.problems.append(Problem(code="log-empty"))
        # An erasure is on record; a content that is simply gone was taken away, or not yet written when the file was copied.
        for seq in self.erased:
            if seq not in self.purged and len(self.problems) < MAX_PROBLEMS:
                self.problems.append(Problem(code="value-missing", entry=seq))

    def _entry(self, row: Any, previous: bytes | None) -> tuple[Entry | None, bytes | None]:
        seq, kind, commit, digest, salt, payload = row
        if kind not in KINDS or not _is(commit, HASH_SIZE) or not _is(digest, HASH_SIZE):
            self.problems.append(Problem(code="entry-chain", entry=seq))
            return None, digest if _is(digest, HASH_SIZE) else None
        if previous is not None and link(previous, seq, kind, commit) != digest:
            self.problems.append(Problem(code="entry-chain", entry=seq))
        erased = salt is None and payload is None
        if erased:
            self.erased.append(seq)
        elif (
            not isinstance(salt, bytes)
            or not isinstance(payload, bytes)
            or len(salt) != SALT_SIZE
            or commitment(salt, payload) != commit
        ):
            self.problems.append(Problem(code="entry-value", entry=seq))
            payload = None
        return Entry(seq, kind, commit, digest, payload, erased), digest

    def _rows(self) -> Iterator[Any]:
        """Rows in order; where a stretch cannot be read, one by one."""
        try:
            end = self._conn.execute("SELECT max(seq) FROM log").fetchone()[0]
        except DAMAGE:
            end = None
        if end is not None and not isinstance(end, int):
            end = None
        at = 1
        # A hostile file may claim any number of entries; the bound on problems ends it.
        while (end is None or at <= end) and len(self.problems) < MAX_PROBLEMS:
            try:
                rows = self._conn.execute(
                    _SELECT + "WHERE log.seq >= ? AND log.seq <= ? ORDER BY log.seq LIMIT ?",
                    (at, end if end is not None else 1 << 62, _STEP),
                ).fetchall()
            except DAMAGE:
                rows, stop = self._one_by_one(at, end)
                yield from rows
                if stop:
                    return
                at += _STEP
                continue
            yield from rows
            if len(rows) < _STEP:
                return
            at = rows[-1][0] + 1

    def _one_by_one(self, first: int, end: int | None) -> tuple[list[Any], bool]:
        rows: list[Any] = []
        for seq in range(first, min(first + _STEP, (end or first + _STEP) + 1)):
            try:
                row = self._conn.execute(_SELECT + "WHERE log.seq = ?", (seq,)).fetchone()
            except DAMAGE:
                row = self._without_value(seq)
            if row is not None:
                rows.append(row)
            elif end is None:
                self.problems.append(Problem(code="log-cut", entry=seq))
                return rows, True
            else:
                self.problems.append(Problem(code="entry-unreadable", entry=seq))
        return rows, False

    def _without_value(self, seq: int) -> Any:
        """The entry whose content cannot be read; b"" makes it count as changed, not as erased."""
        try:
            return self._conn.execute(
                "SELECT seq, kind, commitment, hash, x'', x'' FROM log WHERE seq = ?", (seq,)
            ).fetchone()
        except DAMAGE:
            return None


def load(payload: bytes) -> dict[str, Any]:
    """The JSON object in *payload*. Raises `ValueError` when it is none."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError("too large for an entry")
    try:
        value: Any = json.loads(payload.decode("utf-8", "surrogatepass"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return cast("dict[str, Any]", value)


def _purged(payload: bytes, until: int) -> set[int]:
    """Numbers of the entries that a purge entry declares erased; none when it has not that form (`verify` says so)."""
    try:
        ranges = load(payload)["entries"]
        return {n for first, last in ranges for n in range(max(first, 1), min(last, until) + 1)}
    except (ValueError, KeyError, TypeError):
        return set()


def _is(value: Any, size: int) -> bool:
    return isinstance(value, bytes) and len(value) == size
