"""`python -m tests.scanners.link_child SCOPE-JSON [quiet]`: runs the link's probes where this process stands, prints what they found.

A process of its own, because a test moves it into a network namespace and takes its rights away.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any

from agent.context import RunContext
from agent.model.bodies import ArpEntry, IcmpEcho
from agent.model.ledger import LedgerEntry
from agent.model.observation import Observation
from agent.model.run import SessionEnd, UnitPlan
from agent.model.scope import ScopeRule
from agent.model.status import ProbeStatus
from agent.net.dialer import LiveDialer
from agent.net.pacer import Pacer
from agent.net.raw_port import RawHelper, raw_available
from agent.net.vantage import vantage
from agent.run import Engine
from scanners.arp import Arp
from scanners.icmp import Icmp
from scanners.neighbours import Neighbours


class Memory:
    session = 0

    def __init__(self) -> None:
        self.observations: list[Observation] = []
        self.statuses: list[ProbeStatus] = []
        self.ledger: list[LedgerEntry] = []

    async def plan(self, units: Sequence[UnitPlan]) -> None: ...
    async def reserve(self, entries: Sequence[LedgerEntry]) -> None: ...
    async def end(self, end: SessionEnd) -> None: ...

    async def add(self, observation: Observation, raw: Sequence[bytes] = ()) -> None:
        self.observations.append(observation)

    async def settle(self, status: ProbeStatus, ledger: Sequence[LedgerEntry]) -> None:
        self.statuses.append(status)
        self.ledger += ledger

    def finished(self) -> frozenset[tuple[str, str]]:
        return frozenset()

    def ends(self) -> dict[tuple[str, str], ProbeStatus | None]:
        return {(s.probe, s.unit): s for s in self.statuses}

    def seen(self, kind: str) -> list[Observation]:
        return [o for o in self.observations if o.body.kind == kind]


class NoAccounts:
    def handles(self, purpose: str, site: str) -> tuple[str, ...]:
        return ()


async def look(scope: ScopeRule, quiet: bool) -> dict[str, Any]:
    can, why = raw_available()
    where = vantage("siege", scope, raw=can)
    raw = await RawHelper.start(scope, where) if can else None
    pacer, store = Pacer(1000, 50, 10), Memory()
    ctx = RunContext(
        site="siege",
        scope=scope,
        vantage=where,
        quiet=quiet,
        dial=LiveDialer(scope, pacer),
        pace=pacer,
        raw=raw,
        raw_why=why,
        accounts=NoAccounts(),
        seen_kind=store.seen,
    )
    try:
        await Engine((Arp(), Neighbours(), Icmp()), ctx, store, b"key").run()
    finally:
        if raw is not None:
            await raw.close()
    sent: dict[str, int] = {}
    for entry in store.ledger:
        key = f"{entry.target} {entry.transport}"
        sent[key] = sent.get(key, 0) + entry.packets
    bodies = [(o.subject.value, o.body) for o in store.observations]
    return {
        "raw": can,
        "address": where.address,
        "arp": sorted([h, b.mac] for h, b in bodies if isinstance(b, ArpEntry)),
        "icmp": sorted([h, b.ttl] for h, b in bodies if isinstance(b, IcmpEcho)),
        "alive": {
            a.subject.value: a.outcome
            for s in store.statuses
            for a in s.asks
            if a.kind == "host.alive" and a.subject is not None
        },
        "units": {s.key: [s.outcome, s.reason] for s in store.statuses},
        "sent": sent,
    }


if __name__ == "__main__":
    rule = ScopeRule.model_validate_json(sys.argv[1])
    print(json.dumps(asyncio.run(look(rule, "quiet" in sys.argv))))
