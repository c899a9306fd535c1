"""`RunStore`: the one writer of a run. Everything the run learns passes here, in order, into one append-only file.

Loop side: callers hand in models and wait for as much safety as they need. Thread side (`Log`): one thread commits whole batches.
A reservation returns when it is on the disk, so that no packet leaves unrecorded; a settled unit is one transaction; a single
observation waits up to 250 ms for company.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from agent.model.ledger import LedgerEntry
from agent.model.observation import Observation, Sighting
from agent.model.run import RunHeader, SessionEnd, UnitPlan
from agent.model.status import ProbeStatus
from agent.store import entry as e
from agent.store.errors import StoreError
from agent.store.index import Index
from agent.store.lock import WriterLock
from agent.store.log import CHECKPOINT_S, Draft, Log
from agent.store.opening import create_log, resume_log
from agent.store.signing import SessionKey

GROUP_S = 0.25
GROUP_ROWS = 1000
QUEUE_ROWS = 8 * GROUP_ROWS
"""Entries not yet committed, above which `add` waits."""
Waiter = asyncio.Future[None]


class RunStore:
    """An open run; use it from one event loop. After a `StoreError` only `end` and `close` are of use."""

    def __init__(
        self, log: Log, lock: WriterLock, key: SessionKey, index: Index, header: RunHeader
    ) -> None:
        self.path = log.path
        self.header = header
        self.session = index.session
        self._log = log
        self._lock = lock
        self._key = key
        self._index = index
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._pending: list[Draft] = []
        self._waiters: list[Waiter] = []
        self._durable = False
        self._due = False
        self._writing: asyncio.Future[None] | None = None
        self._group: asyncio.TimerHandle | None = None
        self._tidy: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._failed: StoreError | None = None
        self._ended = False
        self._closed = False

    @classmethod
    def create(cls, path: Path, header: RunHeader) -> Self:
        """Start run *path*, its header on the disk when this returns. Raises `StoreError`, also when the file exists."""
        key = SessionKey()
        header = header.model_copy(update={"public_key": key.public})
        log, lock, index = create_log(path, header)
        return cls(log, lock, key, index, header)

    @classmethod
    def resume(cls, path: Path) -> Self:
        """Take up a run that was killed or ended. Raises `StoreError`, or `RunFileError` when it is no run or damaged."""
        key = SessionKey()
        log, lock, index, header = resume_log(path, key.public, time.time_ns() // 1000)
        return cls(log, lock, key, index, header)

    @property
    def head(self) -> str:
        """Hash of the last committed entry, 64 hexadecimal digits."""
        return self._log.head.hex()

    @property
    def recovered(self) -> tuple[str, ...]:
        """What `resume` noticed about the file, see `SessionStart.recovered`."""
        return self._index.recovered

    def finished(self) -> frozenset[tuple[str, str]]:
        """(probe, unit) of the units that a resumed run leaves alone: done, or refused (an account is tried once).

        What was cut short, failed or was never begun is run again.
        """
        return frozenset(
            key for key, s in self._index.statuses.items() if s.outcome in ("done", "refused")
        )

    def ends(self) -> dict[tuple[str, str], ProbeStatus | None]:
        """Every unit that was planned, in any session, with the last status it ended with; None for one that has not ended."""
        return {key: self._index.statuses.get(key) for key in self._index.plan}

    def seen(self, kind: str) -> list[Observation]:
        """Observations of *kind* this run holds, of earlier sessions too, each with its newest time."""
        return self._index.seen(kind)

    def status(self, probe: str, unit: str) -> ProbeStatus | None:
        """The status of a unit that ended."""
        return self._index.statuses.get((probe, unit))

    async def plan(self, units: Sequence[UnitPlan]) -> None:
        """Record planned *units*; those recorded before (a resumed run plans again) are left out. Raises `StoreError`."""
        new = [u for u in units if self._index.plan.get((u.probe, u.unit)) != u]
        drafts = [Draft.of(e.PLAN, u) for u in new]
        for unit in new:
            self._index.put(unit)
        await self._put(drafts, wait=True)

    async def reserve(self, entries: Sequence[LedgerEntry]) -> None:
        """Returns once *entries* are on the disk; only then may packets leave. Raises `StoreError`."""
        await self._put([Draft.of(e.LEDGER, x) for x in entries], wait=True, durable=True)

    async def add(self, observation: Observation, raw: Sequence[bytes] = ()) -> None:
        """Queue *observation* with its redacted raw answers (as `observation.raw` names them); one seen before becomes a sighting.

        Waits while the queue is full. Raises `StoreError`, `ValueError` when the raw answers are not those named.
        """
        named = [(b.sha256, b.stored) for b in observation.raw]
        if named != [(hashlib.sha256(data).hexdigest(), len(data)) for data in raw]:
            raise ValueError("the raw answers are not those the observation names")
        while len(self._pending) >= QUEUE_ROWS and self._failed is None:
            self._room.clear()
            await self._room.wait()
        if observation.id in self._index:
            again = Sighting(id=observation.id, at=observation.at, mono=observation.mono)
            draft = Draft.of(e.SIGHTING, again)
            self._take([draft])
            self._index.put(again)
        else:
            draft = Draft.of(e.OBSERVATION, observation, raw)
            self._take([draft])
            self._index.put(observation)
        self._kick(urgent=len(self._pending) >= GROUP_ROWS)

    async def settle(self, status: ProbeStatus, ledger: Sequence[LedgerEntry]) -> None:
        """End a unit: what is left of its observations, its status and its ledger, in one transaction. Raises `StoreError`."""
        drafts = [Draft.of(e.LEDGER, x) for x in ledger]
        drafts.append(Draft.of(e.STATUS, status))
        self._index.put(status)
        await self._put(drafts, wait=True)

    async def end(self, end: SessionEnd) -> None:
        """Sign the session and leave one complete file. Tried once more after a full disk. Raises `StoreError`."""
        if self._ended or self._closed:
            raise RuntimeError("the session has ended")
        draft = Draft.of(e.END, end)
        if self._failed is None:
            await self._put([], wait=True)
        else:
            await self._in_thread(self._log.resync)
        await self._in_thread(functools.partial(self._log.seal, draft, self._signature))
        self._ended = True
        await self.close()

    async def close(self) -> None:
        """Leave the file complete, signed or not. A second call does nothing. Raises `StoreError`."""
        if self._closed:
            return
        self._closed = True
        try:
            if not self._ended and self._failed is None:
                await self._put([], wait=True)
            if self._writing is not None:
                await asyncio.wait([self._writing])
        finally:
            for timer in (self._group, self._tidy):
                if timer is not None:
                    timer.cancel()
            try:
                await self._in_thread(self._log.close)
            finally:
                self._pool.shutdown()
                self._lock.release()

    def _signature(self, log: Log) -> Draft:
        signature = self._key.sign(
            self.header,
            self.session,
            log.last,
            dict(sorted(log.counts.items())),
            log.plan_sha256,
            log.head.hex(),
        )
        return Draft.of(e.SIGNATURE, signature)

    async def _put(self, drafts: Sequence[Draft], *, wait: bool, durable: bool = False) -> None:
        self._take(drafts)
        self._durable = self._durable or durable
        if not wait:
            return self._kick(urgent=False)
        done: Waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(done)
        self._kick(urgent=True)
        await done

    def _take(self, drafts: Sequence[Draft]) -> None:
        if self._failed is not None:
            raise self._failed
        if self._ended:
            raise RuntimeError("the session has ended")
        self._pending.extend(drafts)

    def _kick(self, *, urgent: bool) -> None:
        """See to it that what is pending gets written: now, or within `GROUP_S`."""
        if self._writing is not None:
            return
        if urgent:
            self._write()
        elif self._group is None:
            self._group = asyncio.get_running_loop().call_later(GROUP_S, self._write)

    def _write(self) -> None:
        if self._group is not None:
            self._group.cancel()
            self._group = None
        if self._writing is not None:
            return
        drafts, self._pending = self._pending, []
        waiters, self._waiters = self._waiters, []
        job = functools.partial(self._log.write, drafts, self._durable, self._due)
        self._durable = self._due = False
        self._writing = asyncio.get_running_loop().run_in_executor(self._pool, job)
        self._writing.add_done_callback(functools.partial(self._written, waiters))

    def _written(self, waiters: list[Waiter], writing: asyncio.Future[None]) -> None:
        self._writing = None
        error = None if writing.cancelled() else writing.exception()
        if error is not None:
            # Nothing behind a lost batch may be written: it would speak of entries that are not there.
            waiters += self._waiters
            self._waiters, self._pending = [], []
            self._failed = (
                error
                if isinstance(error, StoreError)
                else StoreError(
                    self.path, f"the writer failed ({type(error).__name__})", "Report it."
                )
            )
        for waiter in waiters:
            if not waiter.done():
                if error is None:
                    waiter.set_result(None)
                else:
                    waiter.set_exception(error)
        self._room.set()
        if self._pending or self._waiters:
            self._kick(urgent=bool(self._waiters) or len(self._pending) >= GROUP_ROWS)
        elif self._log.dirty and self._tidy is None and not self._closed:
            self._tidy = asyncio.get_running_loop().call_later(CHECKPOINT_S, self._tidy_up)

    def _tidy_up(self) -> None:
        self._tidy = None
        if not self._closed and self._failed is None:
            self._due = True
            self._write()

    async def _in_thread(self, job: Callable[[], None]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._pool, job)
