"""`RunContext`: what the probes of one run may use (see `agent.contract.Context`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address

from agent.contract import Accounts, Dialer, NmapPort, Pacer, RawPort
from agent.model.observation import Observation
from agent.model.run import Vantage
from agent.model.scope import ScopeRule, parse_range


@dataclass(frozen=True)
class RunContext:
    site: str
    scope: ScopeRule
    vantage: Vantage
    quiet: bool
    dial: Dialer
    pace: Pacer
    raw: RawPort | None
    raw_why: str
    accounts: Accounts
    seen_kind: Callable[[str], Iterable[Observation]] = field(repr=False)
    slow_ranges: tuple[str, ...] = ()
    nmap: NmapPort | None = None

    def slow(self, host: str) -> bool:
        return slow_judge(self.slow_ranges)(host)

    def seen(self, kind: str) -> Iterable[Observation]:
        return self.seen_kind(kind)


@cache
def slow_judge(ranges: tuple[str, ...]) -> Callable[[str], bool]:
    """Tells whether care was asked for an address: it lies in one of *ranges*."""
    nets = [net for text in ranges for net in parse_range(text)]
    return lambda host: any(ip_address(host) in net for net in nets)
