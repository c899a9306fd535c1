"""Paired measurements: each figure is taken beside its peer in the same run, as the machines are shared and noisy."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One measured figure. `holds` tells whether `value` meets `goal`; `paired_with` names the peer measured in the same run."""

    part: str
    figure: str
    value: float
    unit: str
    goal: str
    holds: bool
    paired_with: str

    def row(self) -> dict[str, object]:
        return asdict(self)
