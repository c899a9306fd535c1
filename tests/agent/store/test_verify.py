"""Tampering: `verify` names the entry or the damaged page, or the content is unchanged; never intact without a head known outside."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from agent.model.base import canonical
from agent.store import entry as e
from agent.store.errors import RunFileError
from agent.store.problem import TEXTS, Code, Problem
from agent.store.scan import load
from agent.store.signing import SessionKey
from agent.store.verify import Verdict, verify
from agent.store.words import head_words
from tests.agent.store.sample import finished_run, header

FLIPS = 2000
PARTS = 8
Content = tuple[list[tuple[object, ...]], ...]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("original") / "a.run"
    head = finished_run(path, count=6, each=8, sessions=2)
    return path, head


def content(path: Path) -> Content:
    """Every stored value, read without our code."""
    conn = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        return (
            conn.execute("SELECT * FROM log ORDER BY seq").fetchall(),
            conn.execute("SELECT * FROM vault ORDER BY seq").fetchall(),
            conn.execute("SELECT sha256, bytes FROM blob ORDER BY sha256").fetchall(),
        )
    finally:
        conn.close()


def same(path: Path, expected: Content) -> bool:
    try:
        return content(path) == expected
    except (sqlite3.Error, UnicodeDecodeError):
        return False


def test_untouched(original: tuple[Path, str]) -> None:
    path, head = original
    verdict = verify(path)
    assert (verdict.self_consistent, verdict.known_outside, verdict.intact) == (True, False, False)
    assert verdict.problems == ()
    assert verdict.signed_by
    assert verdict.head == head
    for known in (head, head.upper(), verdict.head_words, head_words(head[:32])):
        assert verify(path, ["ab" * 32, known]).intact
    wrong = verify(path, ["ab" * 32])
    assert not wrong.intact
    assert [p.code for p in wrong.problems] == ["head-unknown"]
    assert [p.code for p in verify(path, [head, "lusab babad"]).problems] == ["head-unreadable"]


@pytest.mark.parametrize("part", range(PARTS))
def test_bit_flips(tmp_path: Path, original: tuple[Path, str], part: int) -> None:
    path, head = original
    data = path.read_bytes()
    expected = content(path)
    seed = random.SystemRandom().randrange(1 << 32)
    print("seed", seed)
    dice = random.Random(seed)
    flipped = tmp_path / "a.run"
    seen = {"intact": 0, "named": 0, "refused": 0}
    for _ in range(FLIPS // PARTS):
        at, bit = dice.randrange(len(data)), dice.randrange(8)
        where = f"byte {at} (page {at // 4096 + 1}), bit {bit}"
        flipped.write_bytes(data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :])
        try:
            verdict = verify(flipped, [head])
        except RunFileError as error:
            assert "page 1" in str(error) or "newer handover" in str(error), (where, str(error))
            assert at < 4096, where
            seen["refused"] += 1
            continue
        if same(flipped, expected):
            # Free space or a field without meaning: proved unchanged, or a page is named.
            assert verdict.intact or named(verdict), (where, verdict)
        else:
            assert not verdict.intact, where
            assert not verdict.self_consistent, where
            assert named(verdict), (where, verdict)
        seen["intact" if verdict.intact else "named"] += 1
    assert seen["named"] > FLIPS // PARTS // 3


def named(verdict: Verdict) -> bool:
    return any(p.named for p in verdict.problems)


def edit(path: Path, sql: str, *values: object) -> None:
    conn = sqlite3.connect(path)
    conn.execute(sql, values)
    conn.commit()
    conn.close()


def last(path: Path) -> int:
    return len(content(path)[0])


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


Change = Callable[[str, bytes], bytes]


def forge(
    path: Path, change: Change, sign: SessionKey | None = None, noted: SessionKey | None = None
) -> None:
    """Write the whole chain anew over changed contents, as whoever holds the file can.

    With the forger's key *sign* for every session, of which the public half of *noted* (or its own) is said to be the session's.
    """
    conn = sqlite3.connect(path)
    rows = conn.execute("SELECT seq, kind, payload FROM log JOIN vault USING (seq) ORDER BY seq")
    previous = e.GENESIS
    counts, plan = dict[str, int](), hashlib.sha256()
    genuine = header()
    for seq, kind, payload in rows.fetchall():
        value = load(change(kind, payload))
        if sign is not None:
            if kind in ("header", "session"):
                value["public_key"] = (noted or sign).public
            if kind == "session":
                value["previous_head"] = previous.hex()
            if kind == "header":
                genuine = type(genuine).model_validate(value)
            if kind == "signature":
                made = sign.sign(
                    genuine, value["session"], seq - 1, counts, plan.hexdigest(), previous.hex()
                )
                value = load(change("signed", canonical(made)))
        payload = canonical(value)
        salt = os.urandom(e.SALT_SIZE)
        commit = e.commitment(salt, payload)
        previous = e.link(previous, seq, kind, commit)
        conn.execute(
            "UPDATE log SET commitment = ?, hash = ? WHERE seq = ?", (commit, previous, seq)
        )
        conn.execute("UPDATE vault SET salt = ?, payload = ? WHERE seq = ?", (salt, payload, seq))
        counts[kind] = counts.get(kind, 0) + 1
        if kind == "plan":
            plan.update(commit)
    conn.commit()
    conn.close()


def other_banner(kind: str, payload: bytes) -> bytes:
    return payload.replace(b"220 service", b"220 servant") if kind == "observation" else payload


def test_chain_made_anew_without_a_key(tmp_path: Path, original: tuple[Path, str]) -> None:
    path = tmp_path / "a.run"
    shutil.copy(original[0], path)
    forge(path, other_banner)
    verdict = verify(path, [original[1]])
    assert not verdict.intact
    assert not verdict.self_consistent
    assert {"signature-claims", "session-broken", "head-unknown"} <= {
        p.code for p in verdict.problems
    }


def test_chain_made_anew_and_signed_by_the_forger(
    tmp_path: Path, original: tuple[Path, str]
) -> None:
    """Perfect in itself, as any forgery by the holder of the file can be: only the head known outside tells."""
    path = tmp_path / "a.run"
    shutil.copy(original[0], path)
    forge(path, other_banner, SessionKey())
    verdict = verify(path)
    assert verdict.self_consistent
    assert verdict.signed_by not in (None, verify(original[0]).signed_by)
    assert not verdict.intact
    verdict = verify(path, [original[1]])
    assert not verdict.known_outside
    assert not verdict.intact
    assert [p.code for p in verdict.problems] == ["head-unknown"]


def unchanged(kind: str, payload: bytes) -> bytes:
    return payload


def test_signature_by_another_key(tmp_path: Path, original: tuple[Path, str]) -> None:
    """The forger lets the public key stand that was noted, and signs with his own."""
    path = tmp_path / "a.run"
    shutil.copy(original[0], path)
    forge(path, unchanged, SessionKey(), noted=SessionKey())
    verdict = verify(path)
    assert verdict.signed_by is None
    assert {p.code for p in verdict.problems} == {"signature-false"}


@pytest.mark.parametrize("key", ["signature", "tool_version"])
def test_signature_that_does_not_fit(tmp_path: Path, original: tuple[Path, str], key: str) -> None:
    """The right key is named, but it never made this signature over these words."""

    def change(kind: str, payload: bytes) -> bytes:
        if kind != "signed":
            return payload
        value = load(payload)
        value[key] = value[key][:-1] + ("1" if value[key][-1] == "0" else "0")
        return canonical(value)

    path = tmp_path / "a.run"
    shutil.copy(original[0], path)
    forge(path, change, SessionKey())
    verdict = verify(path)
    assert verdict.signed_by is None
    assert {p.code for p in verdict.problems} == {"signature-false"}


def test_damage_outside_all_entries(tmp_path: Path, original: tuple[Path, str]) -> None:
    """A free list that does not exist: no content is touched, yet the page is named."""
    path = tmp_path / "a.run"
    data = bytearray(original[0].read_bytes())
    data[39] ^= 1
    path.write_bytes(data)
    verdict = verify(path, [original[1]])
    assert not verdict.intact
    assert [(p.code, p.page) for p in verdict.problems] == [("page-damaged", 1)]


def test_entry_added_after_the_noted_head(tmp_path: Path) -> None:
    path = tmp_path / "a.run"
    head = finished_run(path, sessions=1)
    shutil.copy(path, tmp_path / "first.run")
    conn = sqlite3.connect(path)
    seq, previous = conn.execute("SELECT max(seq), hash FROM log").fetchone()
    salt, payload = bytes(32), b"{}"
    commit = e.commitment(salt, payload)
    digest = e.link(previous, seq + 1, "status", commit)
    conn.execute("INSERT INTO log VALUES (?, 'status', ?, ?)", (seq + 1, commit, digest))
    conn.execute("INSERT INTO vault VALUES (?, ?, ?)", (seq + 1, salt, payload))
    conn.commit()
    conn.close()
    verdict = verify(path, [head])
    assert not verdict.intact
    assert not verdict.known_outside
    assert verdict.known_until == seq
    assert {(p.code, p.entry) for p in verdict.problems} >= {
        ("entry-form", seq + 1),
        ("head-not-last", seq),
    }


@pytest.mark.parametrize("code", get_args(Code))
def test_problems_in_two_languages(code: Code) -> None:
    problem = Problem(code=code, entry=7, last=9, page=3, blob="ab", kind="status", detail="why")
    english, french = problem.text(), problem.text("fr")
    assert english != french
    assert "{" not in english + french
    assert set(TEXTS) == set(get_args(Code))
