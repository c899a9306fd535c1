"""`python -m tests.scanners.udp.child SCOPE-JSON HOSTS PROBE...`: runs UDP probes where this process stands, prints what they found.

A process of its own, because a test moves it into a network namespace and takes its rights away. HOSTS are taken to be there.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from agent.context import RunContext
from agent.model.bodies import ArpEntry
from agent.model.observation import Observation, observation_id
from agent.model.ref import addr
from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.ears import Ears
from agent.net.pacer import Pacer
from agent.net.raw_port import RawHelper, raw_available
from agent.net.udp import LiveDatagrams
from agent.net.vantage import vantage
from agent.registry import PROBES
from agent.run import Engine
from scanners.udp.asking import AFTER
from tests.scanners.link_child import Memory, NoAccounts
from tests.scanners.udp.house import HOUSE, QUIET

# LLDP of the quiet host (the house speaks it now and then, too), CDP of the house, an offer of the server nobody knows of, its client.
WANTED = {
    ("link.neighbour", "lldp", QUIET),
    ("link.neighbour", "cdp", HOUSE),
    ("dhcp.server", "", ""),
    ("dhcp.client", "", ""),
}


def there(host: str) -> Observation:
    """Stands for what the sweep found."""
    body, subject = ArpEntry(mac="00:00:5e:00:53:01"), addr("siege", host)
    return Observation(
        id=observation_id(b"key", AFTER[0], 1, host, subject, None, body),
        probe=AFTER[0],
        probe_rev=1,
        unit=host,
        subject=subject,
        standing="direct",
        channel="arp",
        at=1,
        mono=1,
        body=body,
    )


def _said(o: Observation) -> tuple[str, str, str]:
    protocol = str(getattr(o.body, "protocol", ""))
    return o.body.kind, protocol, o.subject.value if protocol else ""


async def _until_heard(ears: Ears, store: Memory) -> None:
    """The house announces itself every few seconds. Ends once all is stored, or after 40 s."""
    for _ in range(400):
        # lldpd now and then leaves its address out for a moment: that is not yet all it says.
        said = {_said(o) for o in store.observations if getattr(o.body, "addresses", True)}
        if said >= WANTED:
            break
        await asyncio.sleep(0.1)
    ears.last_call()


async def look(scope: ScopeRule, hosts: list[str], names: list[str]) -> dict[str, Any]:
    can, why = raw_available()
    where = vantage("siege", scope, raw=can)
    pacer, store = Pacer(1000, 50, 10), Memory()
    known = [there(h) for h in hosts]
    door = LiveDatagrams(scope, pacer, where)
    ears = await Ears.start(where.interface) if can and where.interface else None
    ctx = RunContext(
        site="siege",
        scope=scope,
        vantage=where,
        quiet=False,
        dial=LiveDialer(scope, pacer),
        pace=pacer,
        # What needs the right to raw packets, but uses none of them.
        raw=RawHelper(scope, where) if can else None,
        raw_why=why,
        accounts=NoAccounts(),
        seen_kind=lambda kind: [o for o in [*known, *store.observations] if o.body.kind == kind],
        udp=door,
        ears=ears,
    )
    try:
        probes = [p for p in PROBES if p.name in names]
        async with asyncio.TaskGroup() as group:
            if ears is not None:
                group.create_task(_until_heard(ears, store))
            # Not told by the engine: the test listens until the house has said all.
            await Engine(probes, ctx, store, b"key").run()
    finally:
        await door.close()
        if ears is not None:
            await ears.close()
    sent: dict[str, int] = {}
    for entry in store.ledger:
        key = f"{entry.target} {entry.transport}"
        sent[key] = sent.get(key, 0) + entry.packets
    return {
        "address": where.address,
        "seen": [
            [o.probe, str(o.subject), o.standing, o.body.kind, o.body.model_dump(mode="json")]
            for o in store.observations
        ],
        "asks": [
            [s.probe, str(a.subject), a.outcome, a.strength] for s in store.statuses for a in s.asks
        ],
        "units": {s.key: [s.outcome, s.reason] for s in store.statuses},
        "sent": sent,
    }


if __name__ == "__main__":
    rule = ScopeRule.model_validate_json(sys.argv[1])
    print(json.dumps(asyncio.run(look(rule, sys.argv[2].split(","), sys.argv[3:]))))
