"""Heads of run chains noted outside this machine, told through the environment: `verify` and the reports compare with the same ones."""

from __future__ import annotations

import os

KNOWN_HEADS = "HANDOVER_KNOWN_HEADS"


def known_heads() -> frozenset[str]:
    """The heads in HANDOVER_KNOWN_HEADS, in words or digits, parted by commas.

    Not from a file of the engagement: who can change a run could change that file too.
    """
    told = os.environ.get(KNOWN_HEADS, "").split(",")
    return frozenset(head.strip() for head in told if head.strip())
