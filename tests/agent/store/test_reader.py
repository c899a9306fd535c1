"""Foreign files: whatever they hold, the reader answers with a run or a clear error, and runs nothing of theirs."""

from __future__ import annotations

import asyncio
import contextlib
import random
import shutil
import sqlite3
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.store import entry as e
from agent.store.errors import RunFileError
from agent.store.file import MAX_PAYLOAD
from agent.store.projection import projection
from agent.store.reader import RunFile
from agent.store.scan import load
from agent.store.verify import verify
from agent.store.writer import RunStore
from tests.agent.store.sample import (
    end,
    finished_run,
    header,
    ledger,
    observations,
    status,
    units,
    write_units,
)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("original") / "a.run"
    finished_run(path)
    return path


@pytest.fixture
def path(tmp_path: Path, original: Path) -> Path:
    copy = tmp_path / "été #1?.run"
    shutil.copy(original, copy)
    return copy


def refuse(path: Path) -> str:
    with pytest.raises(RunFileError) as caught:
        RunFile(path)
    assert str(path) in str(caught.value)
    assert caught.value.next_step
    with pytest.raises(RunFileError):
        verify(path)
    return str(caught.value)


def test_name_with_special_characters(path: Path) -> None:
    with RunFile(path) as file:
        assert file.header.run_id == "r-1"
        assert "head" not in file.head_words
        assert len(file.head_words.split("-")) == 16


def test_not_there(tmp_path: Path) -> None:
    assert "cannot be read" in refuse(tmp_path / "a.run")
    assert "not a file" in refuse(tmp_path)


@pytest.mark.parametrize(
    "data", [b"", b"SQLite format 3\0", b"PK\3\4" * 100, b"age-encryption.org/v1\n"]
)
def test_no_database(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.run"
    path.write_bytes(data)
    refuse(path)


def test_truncated(tmp_path: Path) -> None:
    """Read as far as it goes, and said so; or refused. Never raises anything else, never wrong content."""
    path = tmp_path / "a.run"
    finished_run(path, count=30)
    data = path.read_bytes()
    with RunFile(path) as file:
        whole = set(file.canonical().splitlines())
    read = 0
    for size in [*range(0, len(data), 4096), 100, len(data) - 1]:
        path.write_bytes(data[:size])
        try:
            with RunFile(path) as file:
                assert set(file.canonical().splitlines()) <= whole
                assert file.problems
                read += len(file.statuses()) > 0
        except RunFileError as error:
            assert size < len(data) // 2, error
    assert read >= len(data) // 4096 // 2


def test_garbled(path: Path) -> None:
    data = path.read_bytes()
    dice = random.Random(3)
    read = 0
    for _ in range(150):
        garbled = bytearray(data)
        for _ in range(dice.choice([1, 20, 2000])):
            garbled[dice.randrange(len(garbled))] = dice.randrange(256)
        path.write_bytes(garbled)
        try:
            with RunFile(path) as file:
                _ = file.canonical(), file.ledger(), file.signatures(), file.purges()
                for item in file.observations():
                    for blob in item.raw:
                        file.raw(blob.sha256)
                read += 1
        except RunFileError:
            pass
        with contextlib.suppress(RunFileError):
            verify(path)
    assert read


def edit(path: Path, *sql: str) -> None:
    conn = sqlite3.connect(path)
    conn.execute("PRAGMA writable_schema=ON")
    for line in sql:
        conn.execute(line)
    conn.commit()
    conn.close()


@pytest.mark.parametrize(
    "sql",
    [
        ("ALTER TABLE log RENAME TO log2", "CREATE VIEW log AS SELECT * FROM log2"),
        ("CREATE TRIGGER t AFTER INSERT ON log BEGIN SELECT load_extension('x'); END",),
        ("ALTER TABLE vault ADD COLUMN x TEXT AS (hex(randomblob(1000000000)))",),
        ("UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '')",),
        ("DROP TABLE blob",),
        ("PRAGMA application_id=1",),
        ("CREATE VIRTUAL TABLE f USING fts5(a)",),
    ],
)
def test_hostile_schema(path: Path, sql: tuple[str, ...]) -> None:
    edit(path, *sql)
    assert "not a run of ours" in refuse(path)


def test_newer_format(path: Path) -> None:
    edit(path, "PRAGMA user_version=2")
    assert "newer handover" in refuse(path)


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE vault SET payload = zeroblob(900000000) WHERE seq = 8",
        "UPDATE log SET commitment = zeroblob(50000000) WHERE seq = 8",
        "UPDATE log SET kind = hex(zeroblob(20000000)) WHERE seq = 8",
    ],
)
def test_giant_values_are_never_loaded(path: Path, sql: str) -> None:
    edit(path, sql)
    tracemalloc.start()
    with RunFile(path) as file:
        assert 8 in {p.entry for p in file.problems}
        assert len(file.statuses()) == 6
    assert 8 in {p.entry for p in verify(path).problems}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_wrong_types(path: Path) -> None:
    # A table that is not STRICT any more could hold anything; the schema is put back afterwards.
    conn = sqlite3.connect(path)
    sql = conn.execute("SELECT sql FROM sqlite_master WHERE name = 'log'").fetchone()[0]
    edit(path, "UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '') WHERE name = 'log'")
    edit(
        path,
        "UPDATE log SET commitment = 'text of thirty-two characters ...' WHERE seq = 5",
        "UPDATE log SET kind = 7 WHERE seq = 6",
        "UPDATE log SET hash = 1.5 WHERE seq = 7",
    )
    conn.close()
    edit(path, f"UPDATE sqlite_master SET sql = '{sql}' WHERE name = 'log'")
    with RunFile(path) as file:
        assert {5, 6, 7} <= {p.entry for p in file.problems}


def test_any_number_of_entries_claimed(path: Path) -> None:
    edit(path, f"UPDATE log SET seq = {1 << 62} WHERE seq = (SELECT max(seq) FROM log)")
    with RunFile(path) as file:
        assert [p.code for p in file.problems] == ["entry-missing", "value-missing"]


def append(path: Path, kind: str, payload: bytes) -> int:
    """A well-chained entry with any content, as a hostile writer would make it."""
    conn = sqlite3.connect(path)
    seq, previous = conn.execute("SELECT max(seq), hash FROM log").fetchone()
    commit = e.commitment(bytes(32), payload)
    digest = e.link(previous, seq + 1, kind, commit)
    conn.execute("INSERT INTO log VALUES (?, ?, ?, ?)", (seq + 1, kind, commit, digest))
    conn.execute("INSERT INTO vault VALUES (?, ?, ?)", (seq + 1, bytes(32), payload))
    conn.commit()
    conn.close()
    return int(seq) + 1


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b"null",
        b'{"id":"x"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"body":{"kind":"no.such.kind"}}',
        b'{"id": ' + b"9" * 5000 + b"}",
        b" " * (MAX_PAYLOAD + 1) + b"{}",
    ],
)
@pytest.mark.parametrize("kind", ["observation", "purge", "signature"])
def test_content_that_is_none(path: Path, kind: str, payload: bytes) -> None:
    seq = append(path, kind, payload)
    with RunFile(path) as file, pytest.raises(RunFileError, match=f"entry {seq} "):
        _ = list(file.observations()), file.purges(), file.signatures()
    assert ("entry-form", seq) in {(p.code, p.entry) for p in verify(path).problems}


def test_session_that_is_none_is_refused(path: Path) -> None:
    append(path, "session", b"{}")
    with pytest.raises(RunFileError, match="SessionStart"):
        RunFile(path)


@given(st.binary(max_size=200))
def test_load_any_bytes(data: bytes) -> None:
    try:
        value = load(data)
    except ValueError:
        return
    assert isinstance(value, dict)


def test_read_only_folder_and_wal_left_by_a_killed_run(tmp_path: Path) -> None:
    """A reader never changes what a killed run left: the -wal stays for the resume."""
    path = tmp_path / "a.run"

    async def work() -> dict[str, bytes]:
        store = RunStore.create(path, header())
        await store.plan(units(2))
        await write_units(store, 0, 2)
        left = {p.name: p.read_bytes() for p in tmp_path.iterdir() if p.suffix != ".run-shm"}
        await store.close()
        return left

    left = asyncio.run(work())
    killed = tmp_path / "killed"
    killed.mkdir()
    for name in ("a.run", "a.run-wal"):
        (killed / name).write_bytes(left[name])
    for _ in range(2):
        with RunFile(killed / "a.run") as file:
            assert len(file.statuses()) == 2
        verify(killed / "a.run")
    assert (killed / "a.run").read_bytes() == left["a.run"]
    assert (killed / "a.run-wal").read_bytes() == left["a.run-wal"]
    assert RunStore.resume(killed / "a.run").recovered == ()


def test_canonical_tells_contents_apart(tmp_path: Path) -> None:
    """Equal for two runs of the same network; different as soon as one answer, status or plan differs."""
    plan, seen, ended = units(2), [o for o, _ in observations(0, 5)], [status(0), status(1)]
    base = projection(plan, seen, ended)
    again = [o for o, _ in observations(0, 5)]
    assert projection(reversed(plan), reversed(again), [status(1, 3), status(0, 2)]) == base
    turned = [s.model_copy(update={"asks": s.asks[::-1]}) for s in ended]
    assert turned != ended
    assert projection(plan, seen, turned) == base
    assert projection(plan[:1], seen, ended) != base
    assert projection(plan, seen[1:], ended) != base
    assert projection(plan, seen, ended[:1]) != base
    other = ended[0].model_copy(update={"reason": "cut short"})
    assert projection(plan, seen, [other, ended[1]]) != base
    stripped = seen[0].model_copy(update={"raw": ()})
    assert projection(plan, [stripped, *seen[1:]], ended) != base


def test_end_and_ledger_of_a_live_run(tmp_path: Path) -> None:
    path = tmp_path / "a.run"

    async def work() -> None:
        store = RunStore.create(path, header())
        await store.reserve([ledger(1, 9)])
        with RunFile(path) as file:
            assert not file.ended
            assert [x.packets for x in file.ledger()] == [9]
        await store.end(end())

    asyncio.run(work())
