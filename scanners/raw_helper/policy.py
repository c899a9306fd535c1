"""How long to wait for an answer and how often to ask again, from what the network itself has shown. Pure.

Round trips: the estimator of RFC 6298 (without its floor of a second, which is meant for the whole internet). Loss: a host that answers
nearly every port, open or closed, tells how many first tries go unanswered; each try has its own source port, so that a late answer to
the first is not taken for an answer to the second.
"""

from __future__ import annotations

from dataclasses import dataclass

RTO_FLOOR_S, RTO_CEILING_S, RTO_UNKNOWN_S = 0.12, 1.0, 0.25
HORIZON_FLOOR_S, HORIZON_UNKNOWN_S = 0.01, 0.03
MAX_TRIES = 4
TRIES_UNKNOWN = 2
ENOUGH = 300
"""Answers after which not one loss means less than 1 % of loss, in 19 of 20 cases (rule of three)."""
MISS = 3e-5
"""Share of the open ports that may be missed for loss."""
TALKATIVE = 0.8


@dataclass
class RoundTrip:
    """Seconds. `rto`: when a try counts as unanswered. `horizon`: until when an answer is to be reckoned with."""

    smooth: float | None = None
    spread: float = 0.0

    def seen(self, seconds: float) -> None:
        seconds = max(0.0, seconds)
        if self.smooth is None:
            self.smooth, self.spread = seconds, seconds / 2
            return
        self.spread += (abs(self.smooth - seconds) - self.spread) / 4
        self.smooth += (seconds - self.smooth) / 8

    @property
    def _late(self) -> float:
        return (self.smooth or 0.0) + 4 * self.spread

    @property
    def rto(self) -> float:
        if self.smooth is None:
            return RTO_UNKNOWN_S
        return min(max(self._late, RTO_FLOOR_S), RTO_CEILING_S)

    @property
    def horizon(self) -> float:
        if self.smooth is None:
            return HORIZON_UNKNOWN_S
        return min(max(self._late, HORIZON_FLOOR_S), RTO_FLOOR_S)


@dataclass
class Loss:
    """Questions that were answered on their first try, and on a later one."""

    first: int = 0
    later: int = 0

    def seen(self, tried: int) -> None:
        if tried <= 1:
            self.first += 1
        else:
            self.later += 1

    @property
    def rate(self) -> float | None:
        """Share of first tries that got lost, request or answer; None while too little was seen to tell."""
        total = self.first + self.later
        if self.later == 0 and total < ENOUGH:
            return None
        return self.later / total

    def tries(self, *, matters: bool, talkative: bool) -> int:
        """How often an unanswered port is asked at most. *matters*: one of the ports that are asked first. *talkative*: its host
        answers nearly everything else, so that silence there is more likely a loss than a filter."""
        rate = self.rate
        if rate is None:
            return TRIES_UNKNOWN
        if rate == 0.0:
            return TRIES_UNKNOWN if matters or talkative else 1
        return enough_for(rate)


def enough_for(rate: float) -> int:
    """Tries after which less than `MISS` of the questions is still unanswered at a loss of *rate* a try."""
    # The first loss that is seen is one of few: it says that there is loss, not yet how much.
    rate = min(max(rate, 0.01), 0.5)
    tries = TRIES_UNKNOWN
    while rate**tries > MISS and tries < MAX_TRIES:
        tries += 1
    return tries
