"""How often silence was only a lost packet, over a whole sweep by connects: what decides whether silence is asked once more.

A port that spoke on a later try had been asked in vain: packets get lost here (or something limits their rate). Where none is lost, two
tries are enough, and a firewall that drops is not asked a third time.
"""

from __future__ import annotations

from dataclasses import dataclass

TRIES, MOST_TRIES = 2, 4
"""As a rule, and where packets get lost: with 1 % lost each way four tries miss one open port in six million."""
FEW = 10
"""One silent port in so many that speak is rather a loss than a filter."""


@dataclass
class Lost:
    recovered: int = 0

    def spoke_late(self, ports: int) -> None:
        self.recovered += ports

    def again(self, tries: int, silent: int, asked: int, spoke: bool) -> bool:
        """Ask *silent* of *asked* ports of one host once more, after *tries*? *spoke*: somebody is known to be there."""
        if not silent or tries >= MOST_TRIES:
            return False
        return tries < TRIES or (spoke and (self.recovered > 0 or silent * FEW <= asked))
