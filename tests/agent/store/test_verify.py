"""What `verify` says of an untouched run, of damage beside its entries, and of what came after the noted head."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import get_args

import pytest

from agent.store import entry as e
from agent.store.problem import TEXTS, Code, Problem
from agent.store.verify import verify
from agent.store.words import head_words
from tests.agent.store.sample import finished_run


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
