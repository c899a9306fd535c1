"""The engagement's `attempts` file: which identity was tried where, and what came of it. Append-only, on disk before the try.

A client's directory locks an account after a few wrong passwords: an identity is tried at one place first, alone; a refusal there holds
for every probe, method, resume and run, until a person says `--retry-account ID`. A try whose end is not written (killed, or still under
way) counts as refused: it may have been.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agent.contract import Refused
from agent.engagement.answers import locked
from agent.engagement.problems import EngagementError, Problem

NAME = "attempts"
Event = Literal["try", "accepted", "refused", "withdrawn", "retry"]
_EVENTS = ("try", "accepted", "refused", "withdrawn", "retry")


@dataclass
class _Disk:
    """`written`: lines of this process, counted under `_WRITING`; `synced`: up to which of them each folder's are on the disk."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    written: int = 0
    synced: dict[Path, int] = field(default_factory=dict[Path, int])


_DISK = _Disk()
_WRITING = threading.Lock()
"""Threads of this process wait for each other here: waiting for the lock of the folder is waiting by the clock."""


_FORM = re.compile(
    rb'\{"at": \d+, "event": "[a-z]+", "account": "[^"\\]*", "host": "[^"\\]*", "try": "[^"\\]*", "why": "[^"\\]*"\}'
)
"""A line as `_write` makes it, without anything quoted inside."""


class AlreadyRefused(Refused):
    """The identity was refused before, or its try never ended; it was not tried again."""


@dataclass
class Attempt:
    """One try under way. Say how it ended; without a word it counts as refused."""

    _log: AttemptLog
    account: str
    host: str
    _id: str
    _ended: bool = field(default=False, init=False)

    def accepted(self) -> None:
        """The peer took the identity."""
        self._end("accepted", "")

    def refused(self, why: str = "") -> None:
        """The peer refused it; *why* is the peer's code or words, never the secret."""
        self._end("refused", why)

    def withdrawn(self, why: str = "") -> None:
        """The identity never reached the peer (no connection, no such service): it may be tried again."""
        self._end("withdrawn", why)

    def _end(self, event: Event, why: str) -> None:
        if not self._ended:
            self._ended = True
            self._log.append(event, self.account, self.host, self._id, why)


@dataclass(frozen=True)
class AttemptLog:
    """The `attempts` file of the engagement in *folder*."""

    folder: Path

    @contextmanager
    def try_once(
        self, account: str, host: str, *, alone: bool = True
    ) -> Generator[Attempt, None, None]:
        """Writes the try, then yields. Raises `AlreadyRefused`, or `EngagementError` when the file cannot be read or written.

        *alone*: no second place before the first has taken it. False where no place can lock the account of another.
        """
        attempt = Attempt(self, account, host, secrets.token_hex(8))
        with _WRITING, locked(self.folder):
            if why := self._barred(account, host, alone=alone):
                raise AlreadyRefused(
                    f"account '{account}' is not tried on {host}: {why}. "
                    f'Check [[account]] id = "{account}" in client.toml, then say --retry-account {account}'
                )
            ticket = self._write("try", account, host, attempt._id, "")
        self._sync(ticket)
        yield attempt

    def retry(self, account: str) -> None:
        """A person said that *account* may be tried again."""
        self.append("retry", account, "", secrets.token_hex(8), "")

    def barred(self, account: str) -> str:
        """Why *account* would not be tried at a new host, empty when it would."""
        with locked(self.folder):
            return self._barred(account, "")

    def append(self, event: Event, account: str, host: str, attempt: str, why: str) -> None:
        with _WRITING, locked(self.folder):
            ticket = self._write(event, account, host, attempt, why)
        self._sync(ticket)

    def _barred(self, account: str, host: str, *, alone: bool = True) -> str:
        """An identity that was taken somewhere is good: what another host refuses holds for that host only."""
        pending: dict[str, str] = {}
        refused: dict[str, str] = {}
        good = False
        for row in self._rows("" if alone else host):
            if row["account"] != account:
                continue
            at, where, event = str(row["host"]), str(row["host"]), row["event"]
            if event == "retry":
                pending, refused, good = {}, {}, False
            elif event == "try":
                pending[str(row["try"])] = where
            else:
                pending.pop(str(row["try"]), None)
                if event == "accepted":
                    good = True
                    refused.pop(at, None)
                elif event == "refused":
                    why = f" ({row['why']})" if row["why"] else ""
                    refused[at] = f"{where} refused it{why}"
        for where in pending.values():
            refused.setdefault(where, f"its try on {where} has not ended, or was cut off")
        if good or not alone:
            return refused.get(host, "")
        return next(iter(refused.values()), "")

    def _rows(self, host: str = "") -> list[dict[str, Any]]:
        """Every line; with *host*, those of other hosts may be passed over."""
        try:
            raw = (self.folder / NAME).read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _fail(f"cannot be read: {error.strerror}") from None
        rows: list[dict[str, Any]] = []
        named = host.encode()
        for number, line in enumerate(raw.split(b"\n"), 1):
            if host and named not in line and b'"retry"' not in line and _FORM.fullmatch(line):
                continue
            row = _row(line)
            if row is not None:
                rows.append(row)
            elif line and line.endswith(b"}"):
                raise _fail("holds a line that is not ours; nothing is tried on its word", number)
        return rows

    def _write(self, event: Event, account: str, host: str, attempt: str, why: str) -> int:
        """Returns the ticket for `_sync`."""
        row = {
            "at": time.time_ns() // 1000,
            "event": event,
            "account": account,
            "host": host,
            "try": attempt,
            "why": why[:200],
        }
        data = json.dumps(row).encode("ascii") + b"\n"
        path = self.folder / NAME
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            with os.fdopen(handle, "r+b", buffering=0) as stream:
                size = stream.seek(0, os.SEEK_END)
                if size:
                    stream.seek(size - 1)
                    if stream.read(1) != b"\n":
                        # The last line was torn by a crash, before its try could begin.
                        data = b"\n" + data
                if stream.write(data) != len(data):
                    raise OSError(28, "no space left")
        except OSError as error:
            raise _fail(f"cannot be written: {error.strerror}; nothing was tried") from None
        _DISK.written += 1
        return _DISK.written

    def _sync(self, ticket: int) -> None:
        """Returns when the line of *ticket* is on the disk: those written while another waited for the disk go there together."""
        with _DISK.lock:
            if _DISK.synced.get(self.folder, 0) >= ticket:
                return
            upto = _DISK.written
            try:
                handle = os.open(self.folder / NAME, os.O_RDWR)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
            except OSError as error:
                raise _fail(f"cannot be written: {error.strerror}; nothing was tried") from None
            _DISK.synced[self.folder] = upto


def _row(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    keys = ("at", "event", "account", "host", "try", "why")
    if not isinstance(row, dict) or any(k not in row for k in keys) or row["event"] not in _EVENTS:
        return None
    return row


def _fail(cause: str, line: int | None = None) -> EngagementError:
    return EngagementError([Problem(NAME, cause, line=line, example="restore it from a copy")])
