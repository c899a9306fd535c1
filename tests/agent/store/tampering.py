"""What the tests of `verify` share: a run's content read without our code, and edited by hand."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from agent.store.verify import Verdict

Content = tuple[list[tuple[object, ...]], ...]


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


def named(verdict: Verdict) -> bool:
    return any(p.named for p in verdict.problems)


def edit(path: Path, sql: str, *values: object) -> None:
    conn = sqlite3.connect(path)
    conn.execute(sql, values)
    conn.commit()
    conn.close()


def last(path: Path) -> int:
    return len(content(path)[0])
