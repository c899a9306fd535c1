"""What a run file proves, in three verdicts that are never mixed up.

*Self-consistent*: every entry fits the chain and its content. *Signed*: the last entry was signed by the key its session began with.
*Known outside*: its head was noted where the holder of the file could not change it. The first two can be made anew by whoever holds
the file; only with the third is it called intact.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Collection
from pathlib import Path

from pydantic import Field

from agent.model.base import M
from agent.model.observation import Observation
from agent.model.run import RunHeader, SessionEnd
from agent.store import entry as e
from agent.store.errors import RunFileError
from agent.store.file import DAMAGE, open_to_read
from agent.store.index import MODELS, parse
from agent.store.problem import Code, Problem
from agent.store.scan import MAX_PROBLEMS, Entry, Walk
from agent.store.signing import scope_sha256, signed
from agent.store.words import WordsError, head_prefix, head_words

_PAGE = re.compile(r"\bpage (\d+)\b", re.IGNORECASE)
_FIRST_PAGE = re.compile(r"(main )?freelist|incremental_vacuum", re.IGNORECASE)
"""What these speak of stands in the file's header."""


class Verdict(M):
    """`head` is "" when the file holds no entry that can be read; `known_until` the newest entry whose hash was noted outside."""

    file: str
    run_id: str | None
    entries: int = Field(ge=0)
    erased: int = Field(ge=0)
    sessions: int = Field(ge=0)
    head: str
    head_words: str
    self_consistent: bool
    signed_by: str | None
    known_outside: bool
    known_until: int | None
    problems: tuple[Problem, ...]

    @property
    def intact(self) -> bool:
        """All three verdicts, and nothing to object."""
        return (
            self.self_consistent
            and self.signed_by is not None
            and self.known_outside
            and not self.problems
        )


def verify(path: Path, known_heads: Collection[str] = ()) -> Verdict:
    """Judge *path* against *known_heads*, noted outside in words or digits. Raises `RunFileError` when it is no run file at all."""
    conn = open_to_read(path)
    try:
        # One state of the file throughout, even while it is being written.
        conn.execute("BEGIN")
        return _Check(path, conn).verdict(known_heads)
    finally:
        conn.close()


class _Check:
    def __init__(self, path: Path, conn: sqlite3.Connection) -> None:
        self.path = path
        self.conn = conn
        self.problems: list[Problem] = []
        self.hashes: dict[str, int] = {}
        self.head = e.GENESIS.hex()
        self.header: RunHeader | None = None
        self.session = 0
        self.key = ""
        self.signed_by: str | None = None
        self.counts: Counter[str] = Counter()
        self.plan = hashlib.sha256()
        self.raw: dict[bytes, tuple[int, int]] = {}

    def verdict(self, known_heads: Collection[str]) -> Verdict:
        self._structure()
        walk = Walk(self.conn)
        for item in walk:
            self._entry(item)
        # What the walk names is nearest to the cause; what follows from it comes after.
        self.problems[:0] = walk.problems
        for seq in sorted(walk.purged - set(walk.erased))[:MAX_PROBLEMS]:
            self.problems.append(Problem(code="value-kept", entry=seq))
        self._stray_values()
        self._raw_answers(complete=not self.problems)
        consistent = not self.problems
        if consistent and self.signed_by is None:
            self.problems.append(Problem(code="signature-missing", entry=walk.last))
        known = self._known(known_heads)
        head = self.head if self.hashes else ""
        return Verdict(
            file=self.path.name,
            run_id=self.header.run_id if self.header else None,
            entries=walk.last,
            erased=len(walk.erased),
            sessions=self.session + 1 if self.hashes else 0,
            head=head,
            head_words=head_words(head) if head else "",
            self_consistent=consistent,
            signed_by=self.signed_by if consistent else None,
            known_outside=known is not None and known == walk.last,
            known_until=known,
            problems=tuple(self.problems[:MAX_PROBLEMS]),
        )

    def _structure(self) -> None:
        """SQLite's own check, which names pages where no entry can be named."""
        try:
            # With the quick check of each page on, the thorough one gives up where it should name the page.
            self.conn.execute("PRAGMA cell_size_check=OFF")
            rows = self.conn.execute("PRAGMA integrity_check(100)").fetchall()
            self.conn.execute("PRAGMA cell_size_check=ON")
        except DAMAGE as error:
            rows = [(str(error),)]
        for (text,) in rows:
            for line in str(text).splitlines():
                if line == "ok" or line.startswith("***"):
                    continue
                found = _PAGE.search(line)
                page = int(found[1]) if found else 1 if _FIRST_PAGE.match(line) else None
                code: Code = "page-damaged" if page else "file-damaged"
                self.problems.append(Problem(code=code, page=page, detail=line[:200]))

    def _entry(self, item: Entry) -> None:
        previous, self.head = self.head, item.hash.hex()
        self.hashes[self.head] = item.seq
        self.signed_by = None
        if item.payload is not None:
            try:
                value = parse(MODELS[item.kind], item.payload, self.path, item.seq)
            except RunFileError:
                self.problems.append(Problem(code="entry-form", entry=item.seq, kind=item.kind))
            else:
                self._content(item.seq, value, previous)
        elif item.erased and item.kind not in e.ERASABLE:
            self.problems.append(Problem(code="entry-value", entry=item.seq))
        if (item.kind == e.HEADER) != (item.seq == 1):
            self.problems.append(Problem(code="header-misplaced", entry=item.seq))
        self.counts[item.kind] += 1
        if item.kind == e.PLAN:
            self.plan.update(item.commitment)

    def _content(self, seq: int, value: M, previous: str) -> None:
        if isinstance(value, Observation):
            for blob in value.raw:
                self.raw.setdefault(bytes.fromhex(blob.sha256), (seq, blob.stored))
        elif isinstance(value, RunHeader) and seq == 1:
            self.header, self.key = value, value.public_key
        elif isinstance(value, e.SessionStart):
            if (value.session, value.previous_head) != (self.session + 1, previous):
                self.problems.append(Problem(code="session-broken", entry=seq))
            self.session, self.key = value.session, value.public_key
        elif isinstance(value, SessionEnd):
            # A resumed session also writes the end of the killed one before it.
            if value.session not in (self.session, self.session - 1):
                self.problems.append(Problem(code="session-broken", entry=seq))
        elif isinstance(value, e.Purge):
            self.key = value.public_key
        elif isinstance(value, e.Signature):
            self._signature(seq, value, previous)

    def _signature(self, seq: int, value: e.Signature, previous: str) -> None:
        if value.public_key != self.key or not signed(value):
            self.problems.append(Problem(code="signature-false", entry=seq))
            return
        claims: dict[str, tuple[object, object]] = {
            "session": (value.session, self.session),
            "entries": (value.entries, seq - 1),
            "head": (value.head, previous),
            "counts": (value.counts, dict(self.counts)),
            "plan": (value.plan_sha256, self.plan.hexdigest()),
        }
        if self.header is not None:
            h = self.header
            claims |= {
                "run": (value.run_id, h.run_id),
                "engagement": (value.engagement, h.engagement),
                "scope": (value.scope_sha256, scope_sha256(h.scope)),
                "tool": (value.tool_version, h.tool_version),
                "catalogues": (value.catalogues_sha256, h.catalogues_sha256),
                "client.toml": (value.client_toml_sha256, h.client_toml_sha256),
                "mandate": (value.mandate_sha256, h.mandate_sha256),
            }
        false = [name for name, (said, is_) in claims.items() if said != is_]
        if false:
            self.problems.append(
                Problem(code="signature-claims", entry=seq, detail=", ".join(false))
            )
        else:
            self.signed_by = value.public_key

    def _stray_values(self) -> None:
        try:
            rows = self.conn.execute(
                "SELECT seq FROM vault WHERE seq NOT IN (SELECT seq FROM log) LIMIT 100"
            ).fetchall()
        except DAMAGE as error:
            self._unreadable(error)
            return
        self.problems += [Problem(code="value-stray", entry=row[0]) for row in rows]

    def _raw_answers(self, *, complete: bool) -> None:
        """Raw answers against what the observations say. Not *complete*: entries are missing, so their answers look stray."""
        left = dict(self.raw)
        rowid = -(1 << 63)
        while len(self.problems) < MAX_PROBLEMS:
            try:
                row = self.conn.execute(
                    "SELECT id, sha256, bytes FROM blob WHERE id > ? ORDER BY id LIMIT 1", (rowid,)
                ).fetchone()
            except DAMAGE as error:
                self._unreadable(error)
                break
            if row is None:
                break
            if row[0] <= rowid:
                # A damaged tree can lead back to where we were.
                self.problems.append(
                    Problem(code="file-damaged", detail="raw answers out of order")
                )
                break
            rowid, sha, data = row
            name = sha.hex() if isinstance(sha, bytes) else str(sha)[:64]
            entry = left.pop(sha, None)
            if entry is None:
                if complete:
                    self.problems.append(Problem(code="blob-stray", blob=name))
            elif not isinstance(data, bytes) or (
                hashlib.sha256(data).digest() != sha or len(data) != entry[1]
            ):
                self.problems.append(Problem(code="blob-changed", blob=name, entry=entry[0]))
        for sha, (seq, _) in list(left.items())[:MAX_PROBLEMS]:
            self.problems.append(Problem(code="blob-missing", blob=sha.hex(), entry=seq))

    def _unreadable(self, error: Exception) -> None:
        self.problems.append(Problem(code="file-damaged", detail=str(error)[:200]))

    def _known(self, known_heads: Collection[str]) -> int | None:
        """Number of the newest entry whose hash is among *known_heads*."""
        found: int | None = None
        for text in known_heads:
            try:
                prefix = head_prefix(text)
            except WordsError as error:
                self.problems.append(Problem(code="head-unreadable", detail=str(error)))
                continue
            hits = [n for digest, n in self.hashes.items() if digest.startswith(prefix)]
            found = max([*hits, found or 0]) or None
        if known_heads and found is None:
            self.problems.append(Problem(code="head-unknown"))
        elif found is not None and found != self.hashes.get(self.head):
            self.problems.append(Problem(code="head-not-last", entry=found))
        return found
