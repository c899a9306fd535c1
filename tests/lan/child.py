"""`python -m tests.lan.child OPTIONS-JSON`: sweeps the link where this process stands, and prints what it found as one JSON object.

`how`: "sweep" (one job of the raw engine, ARP feeding ports), or "probes" (what a run does: arp or neighbours, icmp, tcp_ports);
`profile`: the caps of one;
`stop_at`: a kind of observation and how many of it end the latter.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
import time
from typing import Any

from agent.care import Care
from agent.catalogs.port_sets import in_front, port_set
from agent.context import RunContext
from agent.contract import (
    RawError,
    SweepJob,
    Swept,
    SweptHost,
    SweptMac,
    SweptPort,
    SweptSent,
)
from agent.model.bodies import ArpEntry, HostAnswer, TcpPort
from agent.model.raw_caps import RawCaps
from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.gateway import Gateway
from agent.net.pacer import Pacer
from agent.net.rates import PROFILES, raw_caps
from agent.net.raw_port import RawHelper, raw_available
from agent.net.vantage import vantage
from agent.run import Engine
from scanners.arp import Arp
from scanners.icmp import Icmp
from scanners.neighbours import Neighbours
from scanners.tcp_ports import TcpPorts
from tests.scanners.link_child import Memory, NoAccounts


async def sweep(scope: ScopeRule, options: dict[str, Any]) -> dict[str, Any]:
    """One job over the whole scope. `kill_at`: so many open ports seen, the helper is killed."""
    where = vantage("siege", scope, raw=True)
    raw = await RawHelper.start(scope, where, RawCaps(**options.get("caps", {})))
    wanted = options.get("ports", "msp")
    ports = port_set(wanted) if wanted else ()
    found: dict[str, Any] = {"open": [], "macs": [], "hosts": {}, "sent": {}, "error": ""}

    async def heard(news: Swept) -> None:
        if isinstance(news, SweptPort):
            found["open"].append((news.host, news.port))
            if len(found["open"]) == options.get("kill_at"):
                assert raw._process is not None
                os.kill(raw._process.pid, signal.SIGKILL)
        elif isinstance(news, SweptMac):
            found["macs"].append((news.host, news.mac))
        elif isinstance(news, SweptHost):
            found["hosts"][news.host] = (news.closed, news.silent, news.unasked, news.capped)
        elif isinstance(news, SweptSent):
            had = found["sent"].get(news.host, (0, 0, 0, 0))
            more = (news.arp, news.udp, news.icmp, news.tcp)
            found["sent"][news.host] = tuple(a + b for a, b in zip(had, more, strict=True))

    hosts = [h for h in options.get("hosts") or scope.hosts() if h != where.address]
    gateway = options.get("gateway")
    rate = float(options.get("caps", {}).get("broadcast", 500))
    job = SweepJob(
        dict.fromkeys(hosts, gateway), ports, in_front(ports), routed=bool(gateway), rate=rate
    )
    start = time.monotonic()
    try:
        await raw.sweep(job, heard)
    except RawError as error:
        found["error"] = str(error)
    found["wall"] = time.monotonic() - start
    await raw.close()
    return found


async def stop_at(engine: Engine, store: Memory, kind: str, count: int) -> None:
    """As Ctrl-C does, once *count* observations of *kind* are there."""
    while len(store.seen(kind)) < count:
        await asyncio.sleep(0.01)
    # In the midst of it: between two times at which the helper tells what it sent.
    await asyncio.sleep(0.07)
    engine.stop("stopped by hand")


async def probes(scope: ScopeRule, options: dict[str, Any]) -> dict[str, Any]:
    can, why = raw_available()
    where = vantage("siege", scope, raw=can)
    caps = RawCaps(**options.get("caps", {}))
    if "profile" in options:
        caps = raw_caps(PROFILES[options["profile"]], None)
    raw = await RawHelper.start(scope, where, caps) if can else None
    host_pps = options.get("host_pps", 40)
    pacer = Pacer(options.get("total_pps", 1000), host_pps, 10)
    care, store = Care(), Memory()
    ctx = RunContext(
        site="siege",
        scope=scope,
        vantage=where,
        quiet=False,
        dial=LiveDialer(scope, pacer, care.slow, gateway=Gateway.beyond(where.on_link)),
        pace=pacer,
        raw=raw,
        raw_why=why,
        accounts=NoAccounts(),
        seen_kind=store.seen,
        ports=options.get("ports", "msp"),
        care=care,
    )
    start = time.monotonic()
    engine = Engine((Arp(), Neighbours(), Icmp(), TcpPorts()), ctx, store, b"key")
    kind, count = options.get("stop_at", ("", 0))
    watch = asyncio.create_task(stop_at(engine, store, kind, count)) if kind else None
    try:
        await engine.run()
        if watch is not None:
            await watch
    finally:
        wall = time.monotonic() - start
        if raw is not None:
            await raw.close()
    sent: dict[str, int] = {}
    for entry in store.ledger:
        sent[entry.target] = sent.get(entry.target, 0) + entry.packets
    bodies = [(o.subject.value, o.body) for o in store.observations]
    return {
        "raw": can,
        "wall": wall,
        "macs": sorted({h for h, b in bodies if isinstance(b, ArpEntry)}),
        "open": sorted((h, b.port) for h, b in bodies if isinstance(b, TcpPort)),
        "answers": sorted(h for h, b in bodies if isinstance(b, HostAnswer)),
        "asks": {
            a.subject.value: a.outcome
            for s in store.statuses
            for a in s.asks
            if a.kind == "tcp.ports" and a.subject is not None
        },
        "units": {s.key: [s.outcome, s.reason, list(s.caps_hit)] for s in store.statuses},
        "sent": sent,
    }


def main() -> None:
    options: dict[str, Any] = json.loads(sys.argv[1])
    scope = ScopeRule(allowed=tuple(options["nets"]), actions=("sweep",))
    work = sweep if options["how"] == "sweep" else probes
    found = asyncio.run(work(scope, options))
    mine, child = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    found["cpu"] = sum(u.ru_utime + u.ru_stime for u in (mine, child))
    found["rss_mb"] = max(mine.ru_maxrss, child.ru_maxrss) / 1024
    print(json.dumps(found))


if __name__ == "__main__":
    main()
