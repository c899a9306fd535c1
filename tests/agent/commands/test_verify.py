"""`handover verify`: a head that was noted and is not found never ends as if all were well, wherever it was told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.store.verify import verify
from tests.agent.commands.conftest import one_run
from tests.agent.commands.inside import Inside

WRONG = "ab" * 32


def test_head_that_is_not_found(filled: Path, inside: Inside) -> None:
    code, out, _ = inside("verify", filled, "--head", WRONG)
    assert code == 3 and "head known outside:   NO" in out


def test_heads_of_the_environment(
    filled: Path, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDOVER_KNOWN_HEADS", f" {verify(one_run(filled)).head_words} ,")
    code, out, _ = inside("verify", filled)
    assert code == 0 and "verdict:              intact" in out
    shown = json.loads(inside("show", filled, "runs", "--json")[1])["runs"]
    assert [r["known_outside"] for r in shown] == [True]
    monkeypatch.setenv("HANDOVER_KNOWN_HEADS", WRONG)
    code, out, _ = inside("verify", filled)
    assert code == 3 and "head known outside:   NO" in out


def test_a_damaged_run_does_not_hide_the_others(filled: Path, inside: Inside) -> None:
    name = one_run(filled).name
    (filled / "runs" / "0.run").write_bytes(b"SQLite format 3\0 torn")
    code, out, err = inside("verify", filled)
    assert code == 3 and "0.run" in err and name in out
