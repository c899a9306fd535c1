"""`RunContext`: what the probes of one run may use (see `agent.contract.Context`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from typing import Protocol

from agent.contract import (
    Accept,
    Accounts,
    Datagram,
    Datagrams,
    Dialer,
    Ears,
    Emit,
    NmapPort,
    OutOfScope,
    Pacer,
    RawPort,
    UdpAnswers,
)
from agent.model.observation import Observation
from agent.model.run import Vantage
from agent.model.scope import ScopeRule, parse_range


class NoDatagrams:
    """`contract.Datagrams` of a context that has no door for them, such as a plan's: every question is refused, nothing is sent."""

    async def ask(
        self,
        host: str,
        port: int,
        request: bytes,
        accept: Accept,
        *,
        emit: Emit,
        timeout_s: float = 1.0,
        tries: int = 2,
        any_port: bool = False,
        limit: int = 1,
        more_s: float = 0.0,
    ) -> UdpAnswers:
        raise OutOfScope(self.may_shout())

    async def shout(
        self,
        group: str,
        port: int,
        request: bytes,
        accept: Accept,
        *,
        emit: Emit,
        window_s: float = 3.0,
        tries: int = 2,
        ttl: int = 1,
        limit: int = 1024,
    ) -> tuple[Datagram, ...]:
        raise OutOfScope(self.may_shout())

    def may_shout(self) -> str:
        return "no datagram may be sent from here"


class Caring(Protocol):
    """Who is treated with care for what was seen of them (`agent.care`)."""

    def why(self, host: str) -> str: ...
    def look(self, seen: Callable[[str], Iterable[Observation]]) -> None: ...


class NoCare:
    def why(self, host: str) -> str:
        return ""

    def look(self, seen: Callable[[str], Iterable[Observation]]) -> None:
        """Nothing is remembered."""


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
    ot_ranges: tuple[str, ...] = ()
    ears: Ears | None = None
    udp: Datagrams = field(default_factory=NoDatagrams)
    ports: str = "msp"
    arp_pps: int = 500
    care: Caring = field(default_factory=lambda: NoCare())

    def slow(self, host: str) -> bool:
        return slow_judge(self.slow_ranges)(host) or bool(self.care.why(host))

    def ot(self, host: str) -> bool:
        return slow_judge(self.ot_ranges)(host)

    def seen(self, kind: str) -> Iterable[Observation]:
        return self.seen_kind(kind)


@cache
def slow_judge(ranges: tuple[str, ...]) -> Callable[[str], bool]:
    """Tells whether an address lies in one of *ranges*: those for which care was asked, or those opted in to."""
    nets = [net for text in ranges for net in parse_range(text)]
    return lambda host: any(ip_address(host) in net for net in nets)
