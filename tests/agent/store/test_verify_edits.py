"""Edited tables: `verify` names what was deleted, changed, swapped, doubled, cut off or added."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.store.errors import RunFileError
from agent.store.verify import verify
from tests.agent.store.tampering import content, edit, last


def entry_of(path: Path, kind: str) -> int:
    """Number of the third entry of *kind*."""
    return [row[0] for row in content(path)[0] if row[1] == kind][2]  # type: ignore[return-value]


def delete_entry(path: Path) -> int:
    seq = entry_of(path, "observation")
    edit(path, "DELETE FROM log WHERE seq = ?", seq)
    edit(path, "DELETE FROM vault WHERE seq = ?", seq)
    return seq


def delete_entry_and_close_the_gap(path: Path) -> int:
    seq = delete_entry(path)
    edit(path, "UPDATE log SET seq = seq - 1 WHERE seq > ?", seq)
    edit(path, "UPDATE vault SET seq = seq - 1 WHERE seq > ?", seq)
    return seq


def delete_value(path: Path) -> int:
    seq = entry_of(path, "status")
    edit(path, "DELETE FROM vault WHERE seq = ?", seq)
    return seq


def change_value(path: Path) -> int:
    seq = entry_of(path, "status")
    edit(
        path,
        "UPDATE vault SET payload = CAST(replace(payload, 'done', 'gone') AS BLOB) WHERE seq = ?",
        seq,
    )
    return seq


def swap_values(path: Path) -> int:
    seq = entry_of(path, "observation")
    for a, b in ((seq, -1), (seq + 1, seq), (-1, seq + 1)):
        edit(path, "UPDATE vault SET seq = ? WHERE seq = ?", b, a)
    return seq


def swap_entries(path: Path) -> int:
    seq = swap_values(path)
    for a, b in ((seq, -1), (seq + 1, seq), (-1, seq + 1)):
        edit(path, "UPDATE log SET seq = ? WHERE seq = ?", b, a)
    return seq


def duplicate_entry(path: Path) -> int:
    end, seq = last(path), entry_of(path, "observation")
    edit(
        path,
        "INSERT INTO log SELECT ?, kind, commitment, hash FROM log WHERE seq = ?",
        end + 1,
        seq,
    )
    edit(path, "INSERT INTO vault SELECT ?, salt, payload FROM vault WHERE seq = ?", end + 1, seq)
    return end + 1


def cut_the_end(path: Path) -> int:
    end = last(path)
    edit(path, "DELETE FROM log WHERE seq > ?", end - 2)
    edit(path, "DELETE FROM vault WHERE seq > ?", end - 2)
    return end - 2


def change_kind(path: Path) -> int:
    seq = entry_of(path, "status")
    edit(path, "UPDATE log SET kind = 'ledger' WHERE seq = ?", seq)
    return seq


def stray_value(path: Path) -> int:
    edit(path, "INSERT INTO vault VALUES (9999, x'00', x'7b7d')")
    return 9999


@pytest.mark.parametrize(
    "tamper",
    [
        delete_entry,
        delete_entry_and_close_the_gap,
        delete_value,
        change_value,
        swap_values,
        swap_entries,
        duplicate_entry,
        cut_the_end,
        change_kind,
        stray_value,
    ],
)
def test_edited_log(
    tmp_path: Path, original: tuple[Path, str], tamper: Callable[[Path], int]
) -> None:
    path = tmp_path / "a.run"
    shutil.copy(original[0], path)
    seq = tamper(path)
    verdict = verify(path, [original[1]])
    assert not verdict.intact
    assert seq in {p.entry for p in verdict.problems}, verdict
    # Without the outside head a run cut short looks like one that was killed: said so, and not signed.
    assert not verify(path).intact
    assert verify(path).signed_by is None
    if tamper is not cut_the_end:
        assert not verdict.self_consistent


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("UPDATE blob SET bytes = x'00' WHERE id = 3", "blob-changed"),
        ("UPDATE blob SET sha256 = zeroblob(32) WHERE id = 3", "blob-missing"),
        ("DELETE FROM blob WHERE id = 3", "blob-missing"),
        ("INSERT INTO blob VALUES (999, zeroblob(32), x'00')", "blob-stray"),
        ("INSERT INTO blob SELECT 999, sha256, bytes FROM blob WHERE id = 3", "blob-stray"),
    ],
)
def test_edited_raw_answers(
    tmp_path: Path, original: tuple[Path, str], sql: str, code: str
) -> None:
    path = tmp_path / "a.run"
    shutil.copy(original[0], path)
    edit(path, sql)
    verdict = verify(path, [original[1]])
    assert not verdict.self_consistent
    assert code in [p.code for p in verdict.problems]
    assert all(p.named for p in verdict.problems)


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE journal (a)",
        "CREATE INDEX i ON log (kind)",
        "CREATE TRIGGER t AFTER INSERT ON log BEGIN DELETE FROM vault; END",
        "CREATE VIEW v AS SELECT 1",
        "ALTER TABLE log ADD COLUMN note TEXT",
    ],
)
def test_edited_side_tables(tmp_path: Path, original: tuple[Path, str], sql: str) -> None:
    path = tmp_path / "a.run"
    shutil.copy(original[0], path)
    edit(path, sql)
    with pytest.raises(RunFileError, match="tables were changed"):
        verify(path, [original[1]])
