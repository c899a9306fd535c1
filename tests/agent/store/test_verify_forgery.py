"""A chain made anew by whoever holds the file: only a head known outside tells, when he signs it himself."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.model.base import canonical
from agent.store import entry as e
from agent.store.scan import load
from agent.store.signing import SessionKey
from agent.store.verify import verify
from tests.agent.store.sample import header

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
