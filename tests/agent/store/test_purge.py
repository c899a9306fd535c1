"""What was erased is nowhere in the file, in no encoding, free pages included; the chain still verifies."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from agent.model.bodies import Banner, HostName
from agent.store.errors import RunFileError, StoreError
from agent.store.purge import purge
from agent.store.reader import RunFile
from agent.store.verify import verify
from agent.store.writer import RunStore
from tests.agent.store.sample import end, finished_run, header, observation, units, write_units

PERSON = "Zephyrine Quatrebarbes"


def forms(text: str) -> list[bytes]:
    """*text* as it may lie in a file; base64 in its three alignments, without the ends that depend on the neighbours."""
    plain = text.encode()
    base = [base64.b64encode(bytes(n) + plain)[n and 4 : -4].replace(b"=", b"") for n in range(3)]
    return [
        plain,
        text.encode("utf-16le"),
        text.encode("utf-16be"),
        plain.hex().encode(),
        plain.hex().upper().encode(),
        *base,
    ]


def found(path: Path, text: str) -> bool:
    data = path.read_bytes()
    return any(form in data for form in forms(text))


def without_person(kind: str, content: dict[str, Any]) -> bool:
    return PERSON not in str(content)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "a.run"

    async def work() -> None:
        store = RunStore.create(path, header())
        await store.plan(units(4))
        await write_units(store, 0, 2)
        raw = f"220 mailbox of {PERSON}\r\n".encode() * 300
        shared = b"kept by another"
        for item, answers in (
            (
                observation(3, Banner(port=25, text=f"Welcome {PERSON}"), (raw, shared)),
                (raw, shared),
            ),
            (observation(3, Banner(port=26, text="nobody"), (shared,)), (shared,)),
            (observation(3, HostName(name=f"laptop of {PERSON}", source="sheet")), ()),
            (
                observation(3, Banner(port=25, text=f"Welcome {PERSON}"), (raw, shared)),
                (raw, shared),
            ),
        ):
            await store.add(item, answers)
        await write_units(store, 2, 4)
        await store.end(end())

    asyncio.run(work())
    return path


def test_nothing_is_left(run: Path) -> None:
    assert found(run, PERSON)
    before = run.stat().st_size
    with RunFile(run) as file:
        entries = file.entries
        kept = [o.id for o in file.observations() if PERSON not in str(o)]
    # Two observations, and the sighting of one of them, which names nobody.
    assert purge(run, without_person, "asked on 2 May 2026") == 3
    assert not found(run, PERSON)
    assert run.stat().st_size < before
    assert list(run.parent.iterdir()) == [run]
    with RunFile(run) as file:
        assert not file.problems
        assert [o.id for o in file.observations()] == kept
        assert all(file.raw(b.sha256) for o in file.observations() for b in o.raw)
        assert (file.entries, file.erased) == (entries + 2, 3)
        record = file.purges()[0]
        assert (record.erased, record.reason) == (3, "asked on 2 May 2026")
        assert sum(b - a + 1 for a, b in record.entries) == 3


def test_chain_still_verifies(run: Path) -> None:
    old = verify(run).head
    assert verify(run, [old]).intact
    purge(run, without_person)
    verdict = verify(run)
    assert verdict.self_consistent
    assert verdict.signed_by
    assert verdict.erased == 3
    assert verify(run, [verdict.head_words]).intact
    # The old head vouches for what came before the erasure, and says so.
    then = verify(run, [old])
    assert not then.intact
    assert then.known_until == verdict.entries - 2


def test_twice_and_of_everything(run: Path) -> None:
    purge(run, without_person)
    assert purge(run, without_person) == 0
    with RunFile(run) as file:
        entries = file.entries - file.erased
    assert purge(run, lambda kind, _: False) > 10
    verdict = verify(run)
    assert verdict.self_consistent
    assert verdict.signed_by
    with RunFile(run) as file:
        assert file.entries - file.erased < entries
        # Who audited under which mandate stays.
        assert file.header.operator == "O. Perator"
        assert list(file.observations()) == []
        assert file.canonical() == b""


def test_resumed_after_a_purge(run: Path) -> None:
    purge(run, without_person)

    async def work() -> None:
        store = RunStore.resume(run)
        assert len(store.finished()) == 4
        await store.add(observation(9, Banner(port=1, text="new")))
        await store.end(end(1))

    asyncio.run(work())
    verdict = verify(run)
    assert verdict.self_consistent
    assert verdict.signed_by
    assert not found(run, PERSON)


def test_value_brought_back_is_noticed(run: Path) -> None:
    copy = run.with_name("copy.run")
    copy.write_bytes(run.read_bytes())
    purge(run, without_person)
    with RunFile(run) as file:
        seq = file.purges()[0].entries[0][0]
    conn = sqlite3.connect(run)
    conn.execute("ATTACH ? AS old", (str(copy),))
    conn.execute("INSERT INTO vault SELECT * FROM old.vault WHERE seq = ?", (seq,))
    conn.commit()
    conn.close()
    assert ("value-kept", seq) in {(p.code, p.entry) for p in verify(run).problems}


def test_not_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    store = RunStore.create(path, header())
    with pytest.raises(StoreError, match="another handover"):
        purge(path, without_person)
    asyncio.run(store.close())


def test_nothing_is_changed_when_the_choice_fails(run: Path) -> None:
    before = verify(run).head

    def keep(kind: str, content: dict[str, Any]) -> bool:
        raise LookupError("no such person")

    with pytest.raises(LookupError):
        purge(run, keep)
    assert verify(run).head == before
    assert found(run, PERSON)


def test_no_run(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    with pytest.raises(RunFileError, match="not there"):
        purge(path, without_person)
    sqlite3.connect(path).execute("CREATE TABLE log (a)").connection.close()
    with pytest.raises(RunFileError, match="not a run of ours"):
        purge(path, without_person)


def test_damaged_run_is_not_signed_again(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    finished_run(path)
    conn = sqlite3.connect(path)
    conn.execute("UPDATE vault SET payload = x'7b7d' WHERE seq = 9")
    conn.commit()
    conn.close()
    with pytest.raises(RunFileError, match="entry 9"):
        purge(path, lambda kind, _: kind != "status")


def test_a_name_only_in_a_raw_answer_takes_its_observation(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    raw, other = f"220 mailbox of {PERSON}".encode(), b"220 of nobody"

    async def work() -> None:
        store = RunStore.create(path, header())
        for port, data in ((25, raw), (26, other)):
            await store.add(observation(3, Banner(port=port, text="cut"), (data,)), (data,))
        await store.end(end())

    asyncio.run(work())
    assert purge(path, without_person) == 0
    assert purge(path, without_person, keep_raw=lambda data: PERSON.encode() not in data) == 1
    assert not found(path, PERSON)
    with RunFile(path) as file:
        assert [o.body.model_dump()["port"] for o in file.observations()] == [26]
    assert verify(path).self_consistent
