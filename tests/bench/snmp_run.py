"""Our side of the bench part `snmp`, in a process of its own: the collector through the run engine into a run file.

`python -m tests.bench.snmp_run FOLDER NET COUNT PORT`; prints one JSON object. The community, or the secret of the SNMPv3
user LAB_USER, comes from the environment (LAB_COMMUNITY).
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from agent.context import RunContext
from agent.credentials import AccountBook
from agent.engagement.engagement import load_engagement
from agent.model.bodies import IcmpEcho
from agent.model.bodies_snmp import SnmpSystem, SnmpTable
from agent.model.observation import Observation
from agent.model.ref import addr
from agent.model.run import Vantage
from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.door import Doors
from agent.net.pacer import Pacer
from agent.net.rates import PROFILES
from agent.net.udp import LiveDatagrams
from agent.opening import begin, header_of
from agent.perform import OWN_MACHINE
from agent.run import Engine
from agent.store.reader import RunFile
from collectors.snmp.probe import Snmp
from collectors.snmp.tables import tables
from fixtures.lab import load_client
from fixtures.lab.engagement import write_engagement

SITE = "siege"
ACCOUNT = '\n[[account]]\nid = "snmp"\nfor = "snmp"\nsecret = "env:LAB_COMMUNITY"\n'


COLUMNS = {t.name: len(t.columns) for t in tables()}


@dataclass
class Result:
    wall: float
    cpu: float
    mib: float
    objects: int
    agents: int
    outcome: str
    partial: int


async def _run(folder: Path, net: str, count: int, port: int) -> Result:
    write_engagement(folder, load_client(), 91, date.today())
    client = folder / "client.toml"
    user = os.environ.get("LAB_USER")
    account = ACCOUNT + (f'user = "{user}"\n' if user else "")
    client.write_text(client.read_text("utf-8") + account, "utf-8")
    engagement = load_engagement(folder)
    scope = ScopeRule(allowed=(f"{net}.0/24",), actions=("sweep", "devices"))
    where = Vantage(site=SITE, host="bench", mode="lab-loopback")
    pacer = Pacer.at(PROFILES["normal"].times(OWN_MACHINE))
    offset = port - 161
    door = LiveDatagrams(scope, pacer, where, port_offset=offset)
    store = begin(engagement, header_of(engagement, "bench", scope, where))
    sights = [_there(f"{net}.{i}") for i in range(1, count + 1)]
    ctx = RunContext(
        site=SITE,
        scope=scope,
        vantage=where,
        quiet=False,
        dial=LiveDialer(scope, pacer, lambda _: False, offset, doors=Doors(None, None)),
        pace=pacer,
        raw=None,
        raw_why="bench",
        accounts=AccountBook(engagement, guard=lambda: None),
        seen_kind=lambda kind: [o for o in sights if o.body.kind == kind],
        udp=door,
    )
    start, used = time.monotonic(), _cpu()
    try:
        end = await Engine([Snmp()], ctx, store, engagement.key).run()
    finally:
        await door.close()
        await store.close()
    wall, cpu = time.monotonic() - start, _cpu() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    objects = agents = 0
    with RunFile(store.path) as file:
        partial = sum(s.outcome != "done" for s in file.statuses())
        for o in file.observations():
            if isinstance(o.body, SnmpTable):
                asked = COLUMNS[o.body.table]
                objects += sum(c is not None for r in o.body.rows for c in r[-asked:])
            elif isinstance(o.body, SnmpSystem):
                agents += 1
                objects += len(o.body.model_fields_set) - len(_MADE)
    return Result(wall, cpu, peak, objects, agents, end.outcome, partial)


_MADE = ("enterprise", "vendor", "unknown")


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _there(host: str) -> Observation:
    return Observation(
        id="0" * 32,
        probe="ping",
        probe_rev=1,
        unit="u",
        subject=addr(SITE, host),
        standing="direct",
        channel="icmp",
        at=1,
        mono=1,
        body=IcmpEcho(),
    )


if __name__ == "__main__":
    result = asyncio.run(_run(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
    print(json.dumps(result.__dict__))
