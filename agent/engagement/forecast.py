"""What a run would send, worst case, before it sends anything: every probe is asked for its units and their cost.

Probes that plan from what others found are asked for one made-up host with three open ports; they give a cost per such host.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Never

from agent.context import RunContext
from agent.contract import Emit, Knock, OutOfScope, Probe, Stream, SweepJob, Swept
from agent.engagement.engagement import Engagement
from agent.engagement.scoping import ot_ranges, slow_ranges
from agent.model.base import Us
from agent.model.bodies import ArpEntry, Body, IcmpEcho, TcpPort
from agent.model.observation import Observation, observation_id
from agent.model.ref import addr
from agent.model.run import Vantage
from agent.model.scope import ScopeRule
from agent.run import missing

SAMPLE_PORTS = (22, 80, 443)
IDLE = "nothing to do from here"


@dataclass(frozen=True)
class Forecast:
    """Worst case of one probe. `per_host`: the figures are for one host with `SAMPLE_PORTS` open, their number is not known yet.

    `skipped` says why the probe would not run; then nothing is sent.
    """

    probe: str
    action: str
    units: int = 0
    packets: int = 0
    bytes: int = 0
    per_host: bool = False
    skipped: str = ""


def forecasts(
    engagement: Engagement,
    site: str,
    scope: ScopeRule,
    vantage: Vantage,
    probes: Sequence[Probe],
    *,
    raw_why: str = "",
    ports: str | None = None,
) -> tuple[Forecast, ...]:
    """One for each of *probes*. *raw_why* is why there are no raw packets; empty when there are. *ports* wins over client.toml."""
    accounts = _Configured(engagement)

    def context(seen: dict[str, list[Observation]]) -> RunContext:
        return RunContext(
            site=site,
            scope=scope,
            vantage=vantage,
            quiet=engagement.quiet,
            dial=_NoWire(),
            pace=_NoWire(),
            raw=None if raw_why else _NoWire(),
            raw_why=raw_why,
            accounts=accounts,
            seen_kind=lambda kind: seen.get(kind, []),
            slow_ranges=slow_ranges(engagement, site),
            ports=ports or engagement.site(site).ports,
            ot_ranges=ot_ranges(engagement, site),
        )

    nothing = context({})
    sample = context(_sample(engagement, site, scope))
    return tuple(_forecast(probe, nothing, sample) for probe in probes)


def _forecast(probe: Probe, nothing: RunContext, sample: RunContext) -> Forecast:
    action = probe.needs.action
    if why := missing(probe, nothing):
        return Forecast(probe.name, action, skipped=why)
    units = list(probe.plan(nothing))
    per_host = not units
    if per_host:
        units = list(probe.plan(sample))
    if not units:
        return Forecast(probe.name, action, skipped=IDLE)
    sent = [cost for unit in units for cost in probe.cost(unit).values()]
    return Forecast(
        probe.name,
        action,
        units=len(units),
        packets=sum(packets for packets, _ in sent),
        bytes=sum(size for _, size in sent),
        per_host=per_host,
    )


def _sample(engagement: Engagement, site: str, scope: ScopeRule) -> dict[str, list[Observation]]:
    host = next(scope.hosts(), None)
    if host is None:
        return {}
    bodies: Iterable[Body] = (
        ArpEntry(mac="00:00:5e:00:53:01"),
        IcmpEcho(),
        *(TcpPort(port=port) for port in SAMPLE_PORTS),
    )
    seen: dict[str, list[Observation]] = {}
    at: Us = 0
    for body in bodies:
        subject = addr(site, host)
        seen.setdefault(body.kind, []).append(
            Observation(
                id=observation_id(engagement.key, "plan", 1, "sample", subject, None, body),
                probe="plan",
                probe_rev=1,
                unit="sample",
                subject=subject,
                standing="direct",
                channel="plan",
                at=at,
                mono=0,
                body=body,
            )
        )
    return seen


@dataclass(frozen=True)
class _Configured:
    """The accounts of client.toml by handle; a plan never fetches a secret."""

    engagement: Engagement

    def handles(self, purpose: str, site: str) -> tuple[str, ...]:
        accounts = self.engagement.client.account
        return tuple(a.id for a in accounts if a.for_ == purpose and a.at in (None, site))


class _NoWire:
    """Stands where a run has dialer, pacer and raw port: a plan that tried to send is stopped here."""

    async def connect(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> Stream:
        self._refuse()

    async def knock(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> Knock:
        self._refuse()

    async def turn(self, host: str, packets: int = 1, *, slow: bool = False) -> None:
        self._refuse()

    async def arp(
        self, interface: str, source_ip: str, targets: tuple[str, ...], rate: int
    ) -> Mapping[str, tuple[str, ...]]:
        self._refuse()

    async def icmp(
        self, interface: str, source_ip: str, targets: Mapping[str, str], rate: int
    ) -> Mapping[str, tuple[int, int]]:
        self._refuse()

    async def sweep(self, job: SweepJob, heard: Callable[[Swept], Awaitable[None]]) -> None:
        self._refuse()

    def _refuse(self) -> Never:
        raise OutOfScope("a plan sends nothing")
