"""Runs `handover` as people do: in a process of its own, with a terminal or without one."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path


def handover(*args: str | Path, env: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Exit code, standard output and error of a call without a terminal."""
    done = subprocess.run(
        [sys.executable, "-m", "agent", *map(str, args)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **(env or {})},
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def typed(
    args: list[str | Path], answers: list[tuple[str, str]], kill: bool = False
) -> tuple[int, str]:
    """Exit code and all that the terminal showed: each answer is typed once its question was seen. *kill*: SIGKILL after the last one."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "agent", *map(str, args)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "dumb"},
        start_new_session=True,
    ) as child:
        os.close(theirs)
        shown, at = "", 0
        for question, answer in answers:
            until = time.monotonic() + 60
            while question not in shown[at:]:
                assert time.monotonic() < until, f"{question!r} was not asked:\n{shown}"
                shown += _read(ours)
            at = shown.index(question, at) + len(question)
            os.write(ours, answer.encode())
        if kill:
            child.kill()
        while (more := _read(ours)) or child.poll() is None:
            shown += more
        os.close(ours)
        return child.wait(), shown.replace("\r\n", "\n")


def _read(handle: int) -> str:
    ready, _, _ = select.select([handle], [], [], 0.2)
    if not ready:
        return ""
    try:
        return os.read(handle, 65536).decode("utf-8", "replace")
    except OSError:  # the other end is closed
        return ""
