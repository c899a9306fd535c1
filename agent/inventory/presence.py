"""Is it still here, and at which address? Silence never takes an asset away: it may sleep, or be unplugged while we look.

An address is left only for a reason that was seen: its card turned up elsewhere, or another device holds it now.
"""

from __future__ import annotations

from collections import defaultdict

from agent.inventory.endpoint import Endpoint
from agent.inventory.history import History
from agent.model.asset import Presence


class Whereabouts:
    """Answers for every endpoint whether its holder has left the address."""

    def __init__(self, endpoints: list[Endpoint], asset_of: list[int], history: History) -> None:
        self._history = history
        self._asset_of = asset_of
        self._es = endpoints
        self._at: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._of: dict[int, list[int]] = defaultdict(list)
        for i, e in enumerate(endpoints):
            self._of[asset_of[i]].append(i)
            if e.ip:
                self._at[e.ns, e.ip].append(i)
        self.left = [self._has_left(i) for i in range(len(endpoints))]
        """By endpoint: `moved` (its card is elsewhere now), `taken` (another device holds the address), `silent`, or empty."""

    def holder(self, ns: str, ip: str) -> int | None:
        """The endpoint that holds the address now, or held it last."""
        at = self._at.get((ns, ip), [])
        return max(at, key=lambda i: (self._es[i].last, -i), default=None)

    def _last_place(self, e: Endpoint) -> int:
        return max((self._history.place(r) for r in e.runs), default=-1)

    def _has_left(self, i: int) -> str:
        e = self._es[i]
        if e.ip is None or not e.direct_runs:
            return ""
        last = self._last_place(e)
        address = (e.ns, e.ip)
        for j in self._at[address]:
            other = self._es[j]
            if self._asset_of[j] != self._asset_of[i] and any(
                self._history.place(r) > last for r in other.direct_runs
            ):
                return "taken"
        for j in self._of[self._asset_of[i]]:
            other = self._es[j]
            if j != i and e.mac and (other.ns, other.mac) == (e.ns, e.mac):
                for run in other.direct_runs:
                    if self._history.place(run) > last and address in self._history.asked[run]:
                        return "moved"
        if any(address in self._history.silent[r] for r in self._history.later(last, e.ns)):
            return "silent"
        return ""

    def presence(self, members: list[int]) -> Presence:
        """Of the asset made of the endpoints *members*."""
        direct = [i for i in members if self._es[i].direct_runs]
        if direct:
            return "unseen" if all(self.left[i] for i in direct) else "live"
        reported = any(o.standing == "reported" for i in members for _, o in self._es[i].seen)
        return "known_unseen" if reported else "claimed"

    def current(self, members: list[int]) -> set[int]:
        """The members whose address is the asset's today, or was it when it was last seen and nobody else has it since."""
        return {i for i in members if self.left[i] in ("", "silent")}
