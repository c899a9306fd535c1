"""`Link`: two endpoints with enough signs in common to be one device."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Link:
    """`tier`: 1 is the surest; each tier is judged as one batch. `weight` in permille, `evidence` observation ids."""

    a: int
    b: int
    tier: int
    feature: str
    matched: str
    weight: int
    evidence: tuple[str, ...]
