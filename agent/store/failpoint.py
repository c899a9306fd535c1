"""Fail points: named moments at which a crash test lets the process kill itself, as a power cut would.

Nothing happens unless the environment holds HANDOVER_FAILPOINT, either `name` (first time it is reached) or `name:3` (third time).
"""

from __future__ import annotations

import os
import signal
from collections import Counter

NAMES: tuple[str, ...] = (
    "before-commit",
    "after-commit",
    "before-reserve-commit",
    "after-reserve-commit",
    "in-checkpoint",
    "after-send",
    "before-end",
    "after-end",
)
"""Every moment that can be named. `after-send` lies in the engine: packets have left, the ledger is not settled."""

_hits: Counter[str] = Counter()


def hit(name: str) -> None:
    """Die here, without any clean-up, when the environment asks for it. Raises `KeyError` for a name that is not in `NAMES`."""
    if name not in NAMES:
        raise KeyError(name)
    wanted = os.environ.get("HANDOVER_FAILPOINT")
    if not wanted:
        return
    _hits[name] += 1
    if wanted == f"{name}:{_hits[name]}" or (wanted == name and _hits[name] == 1):
        # Windows has no SIGKILL; TerminateProcess, which SIGTERM means there, is as abrupt.
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
