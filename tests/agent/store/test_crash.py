"""Killed at any moment, a run can be read, copied and resumed, and ends as if nothing had happened."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from agent.store.errors import RunFileError
from agent.store.failpoint import NAMES, hit
from agent.store.ledger import ledger_totals
from agent.store.reader import RunFile
from agent.store.verify import verify
from agent.store.wal import append_new_pages
from tests.agent.store.child import UNITS
from tests.agent.store.sample import ip

ROOT = Path(__file__).parents[3]
POINTS = [
    *((name, 1) for name in NAMES),
    ("before-commit", 3),
    ("before-commit", 9),
    ("after-commit", 3),
    ("after-commit", 9),
    ("before-reserve-commit", 4),
    ("after-reserve-commit", 4),
    ("after-send", 7),
    ("in-checkpoint", 2),
    ("in-checkpoint", 8),
]


def start(path: Path, failpoint: str = "", checkpoint: str = "5") -> subprocess.Popen[str]:
    env = {k: v for k, v in os.environ.items() if k != "HANDOVER_FAILPOINT"}
    if failpoint:
        env["HANDOVER_FAILPOINT"] = failpoint
    wire = path.with_suffix(".wire")
    command = [sys.executable, "-m", "tests.agent.store.child", str(path), str(wire), checkpoint]
    return subprocess.Popen(command, env=env, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def run(path: Path, failpoint: str = "", checkpoint: str = "5") -> tuple[int, str]:
    process = start(path, failpoint, checkpoint)
    out, _ = process.communicate(timeout=60)
    return process.returncode, out


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("undisturbed") / "a.run"
    assert run(path)[0] == 0
    with RunFile(path) as file:
        assert len(file.statuses()) == UNITS
        return file.canonical()


def not_below_the_wire(path: Path) -> None:
    wire = path.with_suffix(".wire")
    sent: Counter[str] = Counter()
    for line in wire.read_text().splitlines() if wire.exists() else ():
        unit, count = line.split()
        sent[ip(int(unit[1:]))] += int(count)
    with RunFile(path) as file:
        totals = ledger_totals(file.ledger())
    for target, packets in sent.items():
        assert totals[target, "tcp"][0] >= packets, target


def readable(path: Path, undisturbed: bytes) -> int:
    """Number of entries; all of them whole, and nothing in them that an undisturbed run would not hold."""
    with RunFile(path) as file:
        assert not file.problems
        assert set(file.canonical().splitlines()) <= set(undisturbed.splitlines())
        for item in file.observations():
            assert all(file.raw(blob.sha256) is not None for blob in item.raw)
        return file.entries


def resumed(path: Path, undisturbed: bytes) -> str:
    code, out = run(path)
    assert code == 0, out
    with RunFile(path) as file:
        assert file.canonical() == undisturbed
        assert file.ended
    verdict = verify(path)
    assert verdict.self_consistent
    assert verdict.signed_by
    assert verify(path, [verdict.head_words]).intact
    beside = {p.name for p in path.parent.glob(path.name + "*")} - {path.name + ".damaged"}
    assert beside == {path.name}
    return out


def copied_alone(path: Path, tmp_path: Path, undisturbed: bytes) -> int:
    copy = tmp_path / "copy" / "b.run"
    copy.parent.mkdir()
    shutil.copy(path, copy)
    return readable(copy, undisturbed)


@pytest.mark.parametrize(
    ("name", "n", "checkpoint"),
    [(*p, "0") for p in POINTS] + [(*p, "5") for p in POINTS if p[1] > 1],
)
def test_killed_at_fail_point(
    tmp_path: Path, undisturbed: bytes, name: str, n: int, checkpoint: str
) -> None:
    path = tmp_path / "a.run"
    code, _ = run(path, f"{name}:{n}", checkpoint)
    if code == 0:
        # With few checkpoints the later ones are never reached.
        assert (name, checkpoint) == ("in-checkpoint", "5")
        return
    assert code == -signal.SIGKILL
    if path.exists():
        assert copied_alone(path, tmp_path, undisturbed) >= 1
        entries = readable(path, undisturbed)
        not_below_the_wire(path)
    else:
        # Killed before the file had its name: there is nothing to resume, and nothing was sent.
        assert n == 1
        assert name in ("before-commit", "after-commit", "in-checkpoint")
        assert not path.with_suffix(".wire").exists()
        entries = 0
    resumed(path, undisturbed)
    not_below_the_wire(path)
    if entries:
        verdict = verify(path)
        assert verdict.entries > entries


@pytest.mark.parametrize("part", range(5))
def test_killed_at_random_moments(tmp_path: Path, undisturbed: bytes, part: int) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    for n in range(5):
        folder = tmp_path / str(n)
        folder.mkdir()
        path = folder / "a.run"
        # Twice: a resumed run is killed as well.
        for _ in range(2):
            process = start(path, checkpoint=dice.choice(["0", "0.01", "5"]))
            assert process.stdout
            process.stdout.readline()
            time.sleep(dice.uniform(0, 0.25))
            process.kill()
            process.communicate()
            readable(path, undisturbed)
            not_below_the_wire(path)
        # A kill may have come in the middle of a checkpoint: then the copy says where it is cut.
        copy = folder / "copy.run"
        shutil.copy(path, copy)
        with RunFile(copy) as file:
            assert set(file.canonical().splitlines()) <= set(undisturbed.splitlines())
        resumed(path, undisturbed)
        not_below_the_wire(path)


def killed(path: Path) -> tuple[bytes, bytes]:
    """A run killed with much in its -wal: the bytes of the single file, and of the -wal."""
    code, _ = run(path, "after-send:8")
    assert code == -signal.SIGKILL
    return path.read_bytes(), path.with_name(path.name + "-wal").read_bytes()


def test_torn_wal(tmp_path: Path, undisturbed: bytes) -> None:
    path = tmp_path / "a.run"
    main, wal = killed(path)
    dice = random.Random(1)
    sizes = [0, 31, 33, len(wal) - 1, *(dice.randrange(len(wal)) for _ in range(4))]
    notes: set[str] = set()
    for n, size in enumerate(sizes):
        torn = tmp_path / str(n) / "a.run"
        torn.parent.mkdir()
        torn.write_bytes(main)
        torn.with_name("a.run-wal").write_bytes(wal[:size])
        readable(torn, undisturbed)
        notes |= set(resumed(torn, undisturbed).split())
    assert "wal-tail" in notes


def test_wal_with_flipped_bytes(tmp_path: Path, undisturbed: bytes) -> None:
    path = tmp_path / "a.run"
    main, wal = killed(path)
    for at in (5, 40, len(wal) // 2):
        torn = tmp_path / str(at) / "a.run"
        torn.parent.mkdir()
        torn.write_bytes(main)
        torn.with_name("a.run-wal").write_bytes(wal[:at] + bytes((wal[at] ^ 255,)) + wal[at + 1 :])
        readable(torn, undisturbed)
        resumed(torn, undisturbed)


def test_lost_wal_is_reported(tmp_path: Path, undisturbed: bytes) -> None:
    path = tmp_path / "a.run"
    killed(path)
    path.with_name("a.run-wal").unlink()
    path.with_name("a.run-shm").unlink()
    assert "wal-missing" in resumed(path, undisturbed)
    with RunFile(path) as file:
        assert file.starts[-1].recovered == ("wal-missing",)
        assert [e.outcome for e in file.ends] == ["killed", "complete"]


def test_copied_in_the_middle_of_a_checkpoint(tmp_path: Path, undisturbed: bytes) -> None:
    """Whatever part of it a copy has caught: all that the checkpoint before had brought in is there, and nothing wrong."""
    salvaged = 0
    for n, failpoints in enumerate(
        (["after-send:2"], ["after-send:8"], ["after-send:7", "after-send:3"])
    ):
        path = tmp_path / str(n) / "a.run"
        path.parent.mkdir()
        for failpoint in failpoints:
            assert run(path, failpoint)[0] == -signal.SIGKILL
        with RunFile(path) as file:
            full = file.entries
        main = path.read_bytes()
        least = copied_alone(path, path.parent, undisturbed)
        pages = committed_pages(path.with_name("a.run-wal").read_bytes())
        for k, data in enumerate(copies_on_the_way(main, pages)):
            torn = tmp_path / f"{n}-{k}" / "a.run"
            torn.parent.mkdir()
            torn.write_bytes(data)
            with RunFile(torn) as file:
                assert set(file.canonical().splitlines()) <= set(undisturbed.splitlines())
                whole = min([p.entry for p in file.problems if p.entry], default=file.entries + 1)
                assert least < whole <= full + 1
            if k % 5 == 0:
                salvaged += "salvaged" in resumed(torn, undisturbed)
    assert salvaged


def test_a_value_that_came_before_its_entry(tmp_path: Path, undisturbed: bytes) -> None:
    """What a checkpoint leaves that had written a page of values and not yet the page of their entries."""
    path = tmp_path / "a.run"
    assert run(path, "after-send:8")[0] == -signal.SIGKILL
    torn = tmp_path / "copy" / "a.run"
    torn.parent.mkdir()
    torn.write_bytes(path.read_bytes())
    with contextlib.closing(sqlite3.connect(torn)) as conn:
        last = conn.execute("SELECT max(seq) FROM log").fetchone()[0]
        conn.execute("INSERT INTO vault VALUES (?, ?, ?)", (last + 1, b"salt", b"value"))
        conn.commit()
    assert not torn.with_name("a.run-wal").exists()
    assert "salvaged" in resumed(torn, undisturbed)


def copies_on_the_way(main: bytes, pages: dict[int, bytes]) -> list[bytes]:
    """The file after each page that a checkpoint writes: new ones first (see `agent.store.wal`), then all in order."""
    size = len(main)
    new = [number for number in sorted(pages) if number * len(pages[number]) > size]
    order = [*new, *sorted(pages)]
    return [
        with_pages(main, {p: pages[p] for p in order[:count]}) for count in range(1, len(order) + 1)
    ]


def test_new_pages_are_appended_before_a_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    assert run(path, "after-send:8")[0] == -signal.SIGKILL
    main = path.read_bytes()
    wal = path.with_name("a.run-wal")
    pages = committed_pages(wal.read_bytes())
    fd = os.open(path, os.O_RDWR)
    count = append_new_pages(fd, wal)
    os.close(fd)
    data = path.read_bytes()
    assert data[: len(main)] == main
    assert len(data) == max(pages) * 4096
    assert count == len(data) // 4096 - len(main) // 4096 > 5
    assert all(data[(n - 1) * 4096 : n * 4096] == pages[n] for n in pages if n * 4096 > len(main))


def committed_pages(wal: bytes) -> dict[int, bytes]:
    """Page number -> its newest image (https://www.sqlite.org/fileformat.html#the_write_ahead_log)."""
    (size,) = struct.unpack(">I", wal[8:12])
    pages: dict[int, bytes] = {}
    pending: dict[int, bytes] = {}
    for at in range(32, len(wal), 24 + size):
        number, commit = struct.unpack(">II", wal[at : at + 8])
        pending[number] = wal[at + 24 : at + 24 + size]
        if commit:
            pages |= pending
            pending = {}
    return pages


def with_pages(main: bytes, pages: dict[int, bytes]) -> bytes:
    torn = bytearray(main)
    for number, page in pages.items():
        first = (number - 1) * len(page)
        torn.extend(bytes(max(0, first - len(torn))))
        torn[first : first + len(page)] = page
    return bytes(torn)


def test_damaged_in_the_middle_is_not_resumed(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    assert run(path)[0] == 0
    data = bytearray(path.read_bytes())
    at = data.rindex(b"host3")
    data[at] ^= 1
    path.write_bytes(data)
    from agent.store.writer import RunStore

    with pytest.raises(RunFileError, match="entry"):
        RunStore.resume(path)


def test_fail_point_must_exist() -> None:
    with pytest.raises(KeyError):
        hit("between-two-stools")
