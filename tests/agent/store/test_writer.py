"""The writer: what is in the file when a call returns, what is refused, and what a second writer meets."""

from __future__ import annotations

import asyncio
import os
import pickle
import sqlite3
import stat
from pathlib import Path

import pytest

from agent.model.bodies import Banner, IcmpEcho
from agent.store import log, writer
from agent.store.errors import StoreError
from agent.store.reader import RunFile
from agent.store.signing import SessionKey
from agent.store.verify import verify
from agent.store.wal import append_new_pages
from agent.store.writer import RunStore
from tests.agent.store.sample import (
    PROBE,
    end,
    finished_run,
    header,
    ledger,
    observation,
    observations,
    status,
    units,
    write_units,
)


def kinds_on_disk(path: Path) -> dict[str, int]:
    """Committed entries by kind, as another program sees them now."""
    conn = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return dict(conn.execute("SELECT kind, count(*) FROM log GROUP BY kind"))
    finally:
        conn.close()


def test_new_run_is_complete_before_create_returns(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    store = RunStore.create(path, header())
    copy = tmp_path / "copy.run"
    copy.write_bytes(path.read_bytes())
    with RunFile(copy) as file:
        assert file.header == store.header
        assert len(file.header.public_key) == 64
        assert (file.entries, file.ended, file.session) == (1, False, 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    asyncio.run(store.close())


def test_never_over_an_existing_file(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    path.write_text("precious")
    with pytest.raises(StoreError, match="never written over"):
        RunStore.create(path, header())
    assert path.read_text() == "precious"


def test_each_call_returns_after_its_commit(tmp_path: Path) -> None:
    path = tmp_path / "a.run"

    async def work() -> None:
        store = RunStore.create(path, header())
        await store.plan(units(2))
        assert kinds_on_disk(path)["plan"] == 2
        await store.reserve([ledger(0, 10)])
        assert kinds_on_disk(path)["ledger"] == 1
        for item, raw in observations(0, 5):
            await store.add(item, raw)
        await store.settle(status(0), [ledger(0, 7, settle=True)])
        assert kinds_on_disk(path) == {
            "header": 1, "plan": 2, "ledger": 2, "observation": 5, "status": 1,
        }  # fmt: skip
        item, raw = observations(1, 1)[0]
        await store.add(item, raw)
        while kinds_on_disk(path)["observation"] < 6:
            await asyncio.sleep(0.01)
        await store.close()

    asyncio.run(work())


def test_everything_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    sent = observations(3, 5)

    async def work() -> str:
        store = RunStore.create(path, header())
        await store.plan(units(5))
        await store.plan(units(5))
        await store.reserve([ledger(3, 10)])
        for item, raw in sent:
            await store.add(item, raw)
        ended = status(3)
        await store.settle(ended, [ledger(3, 7, settle=True)])
        assert store.finished() == {(PROBE, "u3")}
        assert store.status(PROBE, "u3") == ended
        assert store.seen("banner") == [o for o, _ in sent if o.body.kind == "banner"]
        await store.end(end())
        return store.head

    head = asyncio.run(work())
    with RunFile(path) as file:
        assert file.plan == tuple(units(5))
        assert list(file.observations()) == [o for o, _ in sent]
        assert [s.unit for s in file.statuses()] == ["u3"]
        assert [(x.entry, x.packets) for x in file.ledger()] == [("reserve", 10), ("settle", 7)]
        for item, raw in sent:
            assert [file.raw(b.sha256) for b in item.raw] == list(raw)
        assert file.raw("00" * 32) is None
        assert file.raw("no hash") is None
        assert file.head == head
        assert file.signatures()[0].counts == {
            "header": 1, "plan": 5, "ledger": 2, "observation": 5, "status": 1, "end": 1,
        }  # fmt: skip
    assert {p.name for p in tmp_path.iterdir()} == {"a.run"}


def test_seen_again_is_a_sighting_with_the_newest_time(tmp_path: Path) -> None:
    """A, B, A: the newest is A again. With the clock set back the last sight still counts as the newest."""
    path = tmp_path / "a.run"

    async def work() -> None:
        store = RunStore.create(path, header())
        for text, at in (("A", 100), ("B", 200), ("A", 300), ("B", 150)):
            await store.add(observation(1, Banner(port=21, text=text), at=at))
        assert [(o.at) for o in store.seen("banner")] == [300, 150]
        await store.end(end())

    asyncio.run(work())
    with RunFile(path) as file:
        texts = {o.body.model_dump()["text"]: o.at for o in file.observations()}
    assert texts == {"A": 300, "B": 150}
    assert RunStore.resume(path).seen("banner")[0].at == 300


def test_volatile_fields_make_no_new_observation(tmp_path: Path) -> None:
    path = tmp_path / "a.run"

    async def work() -> None:
        store = RunStore.create(path, header())
        await store.add(observation(1, IcmpEcho(ttl=64, rtt_us=1)))
        await store.add(observation(1, IcmpEcho(ttl=63, rtt_us=2)))
        await store.end(end())

    asyncio.run(work())
    with RunFile(path) as file:
        assert len(list(file.observations())) == 1


def test_raw_answers_must_be_those_named(tmp_path: Path) -> None:
    async def work() -> None:
        store = RunStore.create(tmp_path / "a.run", header())
        item, _ = observations(1, 1)[0]
        with pytest.raises(ValueError, match="raw answers"):
            await store.add(item, [b"something else"])
        with pytest.raises(ValueError, match="raw answers"):
            await store.add(item)
        big = bytes(70_000)
        with pytest.raises(ValueError, match="cut it"):
            await store.add(observation(1, Banner(port=1, text="x"), (big,)), [big])
        # What was refused is not held to have been seen.
        assert store.seen("banner") == []
        await store.end(end())

    asyncio.run(work())


def test_back_pressure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "QUEUE_ROWS", 20)
    monkeypatch.setattr(writer, "GROUP_ROWS", 5)
    path = tmp_path / "a.run"

    async def work() -> int:
        store = RunStore.create(path, header())
        highest = 0

        async def probe(unit: int) -> None:
            nonlocal highest
            for item, raw in observations(unit, 50):
                await store.add(item, raw)
                highest = max(highest, len(store._pending))

        await asyncio.gather(*(probe(n) for n in range(10)))
        await store.end(end())
        return highest

    # Callers that waited together may each put one more.
    assert asyncio.run(work()) <= 30
    with RunFile(path) as file:
        assert file.signatures()[0].counts["observation"] >= 10 * 31


def test_cancelled_caller_leaves_its_entries(tmp_path: Path) -> None:
    path = tmp_path / "a.run"

    async def work() -> None:
        store = RunStore.create(path, header())
        task = asyncio.create_task(store.reserve([ledger(1, 10)]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await write_units(store, 2, 4)
        await store.end(end())

    asyncio.run(work())
    with RunFile(path) as file:
        assert file.ledger()[0].packets == 10
        assert len(file.statuses()) == 2


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    store = RunStore.create(path, header())
    with pytest.raises(StoreError, match="another handover"):
        RunStore.resume(path)
    asyncio.run(store.close())
    asyncio.run(RunStore.resume(path).close())


def test_readable_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.run"

    async def work() -> None:
        store = RunStore.create(path, header())
        await store.plan(units(30))
        held = [RunFile(path)]
        for unit in range(30):
            await write_units(store, unit, unit + 1)
            if unit % 10 == 0:
                held.append(RunFile(path))
                assert verify(path).self_consistent
            for n, file in enumerate(held):
                # Each sees what was there when it was opened.
                assert not file.problems
                assert len(file.statuses()) == (0 if n == 0 else 10 * (n - 1) + 1)
        await store.end(end())
        for file in held:
            file.close()

    asyncio.run(work())
    assert verify(path).signed_by


def test_sessions_are_chained(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    head = finished_run(path, sessions=3)
    with RunFile(path) as file:
        keys = {file.header.public_key, *(s.public_key for s in file.starts)}
        assert len(keys) == 3
        assert file.session == 2
        assert file.ended
        assert file.starts[1].previous_head != head
        assert [x.outcome for x in file.ends] == ["complete"] * 3
    assert verify(path, [head]).intact


def test_closed_without_an_end_is_whole_but_unsigned(tmp_path: Path) -> None:
    path = tmp_path / "a.run"

    async def work() -> None:
        store = RunStore.create(path, header())
        await write_units(store, 0, 2)
        await store.add(observation(5, Banner(port=1, text="last")))
        await store.close()
        await store.close()

    asyncio.run(work())
    assert {p.name for p in tmp_path.iterdir()} == {"a.run"}
    verdict = verify(path)
    assert verdict.self_consistent
    assert verdict.signed_by is None
    with RunFile(path) as file:
        assert not file.ended
        assert "last" in str(list(file.observations()))


def test_the_key_stays_in_memory(tmp_path: Path) -> None:
    key = SessionKey()
    assert key.public[:16] in repr(key)
    assert len(repr(key)) < 60
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.skipif(os.name == "nt", reason="POSIX rights")
@pytest.mark.parametrize("what", ["missing folder", "a folder in its place"])
def test_cannot_be_created(tmp_path: Path, what: str) -> None:
    path = tmp_path / "runs" / "a.run"
    if what != "missing folder":
        path.mkdir(parents=True)
    with pytest.raises(StoreError) as caught:
        RunStore.create(path, header())
    assert str(path) in str(caught.value)
    assert caught.value.next_step


def test_checkpoints_append_the_new_pages_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    appended: list[int] = []

    def spy(database: int, wal: Path) -> int:
        count = append_new_pages(database, wal)
        appended.append(count)
        return count

    monkeypatch.setattr(log, "append_new_pages", spy)
    monkeypatch.setattr(log, "CHECKPOINT_S", 0.0)
    finished_run(tmp_path / "a.run", count=20)
    assert sum(appended) > 20


def test_only_reservations_wait_for_the_disk(tmp_path: Path) -> None:
    """A reservation's commit is synchronised (FULL); the others need not be, as a unit without status runs again."""
    said: list[str] = []

    async def work() -> None:
        store = RunStore.create(tmp_path / "a.run", header())
        store._log._conn.set_trace_callback(said.append)
        await store.plan(units(1))
        await store.reserve([ledger(0, 10)])
        await store.settle(status(0), [])
        await store.close()

    asyncio.run(work())
    commits = [s for s in said if s.startswith(("PRAGMA synchronous", "COMMIT"))]
    assert commits == [
        "PRAGMA synchronous=NORMAL", "COMMIT",
        "PRAGMA synchronous=FULL", "COMMIT",
        "PRAGMA synchronous=NORMAL", "COMMIT",
    ]  # fmt: skip
