"""Asks a program of the system itself: only such that print what is there, with a time limit and nothing of our environment."""

from __future__ import annotations

import shutil
import subprocess

SECONDS = 30.0
MOST_BYTES = 16_000_000
_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def output(command: tuple[str, ...], seconds: float = SECONDS) -> str | None:
    """What *command* prints; None where there is no such program, it fails, or takes too long."""
    program = shutil.which(command[0], path=_PATH)
    if program is None:
        return None
    try:
        done = subprocess.run(
            (program, *command[1:]),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            # Secrets of accounts may stand in our own environment.
            env={"PATH": _PATH, "LC_ALL": "C"},
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    if done.returncode != 0:
        return None
    return done.stdout[:MOST_BYTES].decode("utf-8", "replace")
