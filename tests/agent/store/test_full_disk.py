"""A full disk, a file size limit: a clear error, nothing committed is lost, and the run can be ended or resumed."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.store.errors import StoreError
from agent.store.reader import RunFile
from agent.store.verify import verify
from agent.store.writer import RunStore
from tests.agent.store.sample import end, header, observations, units, write_units


async def until_full(store: RunStore) -> tuple[int, StoreError]:
    """Units settled before the store refused, and how it did."""
    for unit in range(5000):
        try:
            await write_units(store, unit, unit + 1)
        except StoreError as error:
            # It goes on refusing; nothing is swallowed.
            with pytest.raises(StoreError):
                await store.add(*observations(unit, 1)[0])
            return unit, error
    raise AssertionError("never full")


@pytest.fixture
def limit() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def check(path: Path, settled: int, signed: bool) -> None:
    with RunFile(path) as file:
        assert not file.problems
        assert len(file.statuses()) == settled
        assert len({o.unit for o in file.observations()}) >= settled
        assert file.ended == signed
    verdict = verify(path)
    assert verdict.self_consistent
    assert (verdict.signed_by is not None) == signed


@pytest.mark.usefixtures("limit")
def test_file_size_limit_then_ended(tmp_path: Path) -> None:
    path = tmp_path / "a.run"

    async def work() -> int:
        store = RunStore.create(path, header())
        await store.plan(units(5))
        settled, error = await until_full(store)
        assert "refused a write" in str(error)
        assert str(path) in str(error)
        assert "--resume" in error.next_step
        with RunFile(path) as file:
            assert store.head == file.head
        soft = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, soft))
        await store.end(end().model_copy(update={"outcome": "partial", "reason": "disk full"}))
        return settled

    settled = asyncio.run(work())
    check(path, settled, signed=True)


@pytest.mark.usefixtures("limit")
def test_file_size_limit_then_resumed(tmp_path: Path) -> None:
    path = tmp_path / "a.run"

    async def work() -> int:
        store = RunStore.create(path, header())
        settled, _ = await until_full(store)
        soft = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, soft))
        await store.close()
        return settled

    settled = asyncio.run(work())
    check(path, settled, signed=False)

    async def again() -> None:
        store = RunStore.resume(path)
        assert len(store.finished()) == settled
        await store.end(end(1))

    asyncio.run(again())
    check(path, settled, signed=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.mark.root
@pytest.mark.needs("mount", "umount")
def test_full_disk(small_disk: Path) -> None:
    path = small_disk / "a.run"

    async def work() -> int:
        store = RunStore.create(path, header())
        settled, error = await until_full(store)
        assert "disk is full" in str(error)
        # Its last entries may still have found room beside the file; bringing them into it does not.
        with pytest.raises(StoreError, match="disk is full"):
            await store.end(end())
        with contextlib.suppress(StoreError):
            await store.close()
        return settled

    settled = asyncio.run(work())
    assert settled > 5
    with RunFile(path) as file:
        ended = file.ended
    check(path, settled, signed=ended)
    # Somebody makes room.
    subprocess.run(["mount", "-o", "remount,size=4m", small_disk], check=True)

    async def again() -> None:
        store = RunStore.resume(path)
        assert len(store.finished()) == settled
        await store.end(end(1))

    asyncio.run(again())
    check(path, settled, signed=True)
