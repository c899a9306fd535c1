"""`RunFile`: a run read by reports, comparisons and people: read-only, while it is being written or from a copy of the single file.

Every entry is checked against the chain when the file is opened. What does not fit is left out and named in `problems`; whoever shows
the run shows them too.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TypeVar

from agent.model.base import M
from agent.model.ledger import LedgerEntry
from agent.model.observation import Observation, Sighting
from agent.model.run import RunHeader, SessionEnd, UnitPlan
from agent.model.status import ProbeStatus
from agent.store import entry as e
from agent.store.errors import RunFileError
from agent.store.file import DAMAGE, MAX_BLOB, open_to_read
from agent.store.index import dated, parse
from agent.store.problem import Problem
from agent.store.projection import projection
from agent.store.scan import Walk
from agent.store.words import head_words

T = TypeVar("T", bound=M)


class RunFile:
    """Raises `RunFileError` when the file is no run, or has no header. What is added after the opening is not seen."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._conn = open_to_read(path)
        try:
            self._entries: dict[str, array[int]] = {kind: array("q") for kind in e.KINDS}
            walk = Walk(self._conn)
            for item in walk:
                if item.payload is not None:
                    self._entries[item.kind].append(item.seq)
            self._head = walk.head
            self._blobs: dict[bytes, int] | None = None
            self.entries: int = walk.last
            """Number of the last entry."""
            self.erased: int = len(walk.erased)
            """How many entries lost their content to `purge` (whether on record as such, `verify` says)."""
            self.problems: tuple[Problem, ...] = tuple(walk.problems)
            """Damage met; the entries named are missing from all that follows."""
            headers = self._entries[e.HEADER]
            if list(headers[:1]) != [1]:
                raise RunFileError(
                    path,
                    "has no readable header" + "".join(f"; {p.text()}" for p in walk.problems[:1]),
                    "Take another copy of the file.",
                )
            self.header: RunHeader = next(self._items(e.HEADER, RunHeader))
            self.starts: tuple[e.SessionStart, ...] = tuple(self._items(e.SESSION, e.SessionStart))
            """The sessions after the first."""
            self.ends: tuple[SessionEnd, ...] = tuple(self._items(e.END, SessionEnd))
        except BaseException:
            self._conn.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._conn.close()

    @property
    def session(self) -> int:
        """Number of the last session, from 0."""
        return self.starts[-1].session if self.starts else 0

    @property
    def ended(self) -> bool:
        """False: the last session was killed, or still runs."""
        return any(end.session == self.session for end in self.ends)

    @property
    def head(self) -> str:
        """Hash of the last entry, 64 hexadecimal digits."""
        return self._head.hex()

    @property
    def head_words(self) -> str:
        """The head as sixteen words."""
        return head_words(self.head)

    @property
    def plan(self) -> tuple[UnitPlan, ...]:
        """What was planned, one a (probe, unit), the last word where it was planned twice."""
        units = self._items(e.PLAN, UnitPlan)
        return tuple({(u.probe, u.unit): u for u in units}.values())

    def observations(self) -> Iterator[Observation]:
        """In order of their first sight, each with the time of its newest. Raises `RunFileError`."""
        newest = {s.id: s for s in self._items(e.SIGHTING, Sighting)}
        for observation in self._items(e.OBSERVATION, Observation):
            again = newest.get(observation.id)
            yield dated(observation, again) if again else observation

    def statuses(self) -> tuple[ProbeStatus, ...]:
        """The last of each (probe, unit). Raises `RunFileError`."""
        every = self._items(e.STATUS, ProbeStatus)
        return tuple({(s.probe, s.unit): s for s in every}.values())

    def ledger(self) -> tuple[LedgerEntry, ...]:
        """All entries in order; `agent.store.ledger.ledger_totals` sums them. Raises `RunFileError`."""
        return tuple(self._items(e.LEDGER, LedgerEntry))

    def signatures(self) -> tuple[e.Signature, ...]:
        """One a session that ended (and one a purge); `verify` judges them. Raises `RunFileError`."""
        return tuple(self._items(e.SIGNATURE, e.Signature))

    def purges(self) -> tuple[e.Purge, ...]:
        return tuple(self._items(e.PURGE, e.Purge))

    def raw(self, sha256: str) -> bytes | None:
        """The redacted raw answer with that hash, up to 64 KiB; None when the file has none. Raises `RunFileError` on a damaged one."""
        try:
            if self._blobs is None:
                rows = self._conn.execute("SELECT sha256, id FROM blob")
                self._blobs = {row[0]: row[1] for row in rows}
            rowid = self._blobs.get(_digest(sha256))
            if rowid is None:
                return None
            row = self._conn.execute("SELECT bytes FROM blob WHERE id = ?", (rowid,)).fetchone()
        except DAMAGE as error:
            raise RunFileError(
                self.path, f"raw answer {sha256} cannot be read ({error})", "See `handover verify`."
            ) from error
        data = row[0] if row else None
        if (
            not isinstance(data, bytes)
            or len(data) > MAX_BLOB
            or hashlib.sha256(data).hexdigest() != sha256
        ):
            raise RunFileError(
                self.path, f"raw answer {sha256} was changed", "Take another copy of the file."
            )
        return data

    def canonical(self) -> bytes:
        """What was planned, seen and answered, without what differs between two equal runs, see `projection`."""
        return projection(self.plan, self.observations(), self.statuses())

    def _items(self, kind: str, model: type[T]) -> Iterator[T]:
        for seq in self._entries[kind]:
            try:
                row = self._conn.execute(
                    "SELECT salt, payload FROM vault WHERE seq = ?", (seq,)
                ).fetchone()
            except DAMAGE as error:
                raise RunFileError(
                    self.path, f"entry {seq} cannot be read ({error})", "See `handover verify`."
                ) from error
            # It was whole when we opened the file; a purge may have taken it since.
            if row is not None and isinstance(row[1], bytes):
                yield parse(model, row[1], self.path, seq)


def _digest(sha256: str) -> bytes:
    try:
        return bytes.fromhex(sha256)
    except ValueError:
        return b""
