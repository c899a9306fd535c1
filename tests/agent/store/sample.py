"""A small believable run to write: units, observations with raw answers, statuses, ledger entries."""

from __future__ import annotations

import asyncio
import hashlib
import time
from pathlib import Path

from agent.model.bodies import Banner, HostName, IcmpEcho
from agent.model.ledger import LedgerEntry
from agent.model.observation import Blob, Observation, observation_id
from agent.model.ref import addr
from agent.model.run import RunHeader, SessionEnd, UnitPlan, Vantage
from agent.model.scope import ScopeRule
from agent.model.status import Ask, ProbeStatus
from agent.store.writer import RunStore

KEY = b"k" * 32
PROBE = "banners"


def header(run_id: str = "r-1") -> RunHeader:
    return RunHeader(
        run_id=run_id,
        engagement="0" * 32,
        site="hq",
        started=now(),
        tool_version="0.1.0",
        catalogues_sha256="c" * 64,
        client_toml_sha256="d" * 64,
        mandate_sha256="e" * 64,
        mandate_signed_by="A. Client",
        operator="O. Perator",
        vantage=Vantage(site="hq", host="laptop"),
        scope=ScopeRule(allowed=("127.0.0.0/8",), actions=("sweep",)),
    )


def now() -> int:
    return time.time_ns() // 1000


def ip(unit: int) -> str:
    return f"127.0.{unit // 250}.{unit % 250 + 1}"


def units(count: int) -> list[UnitPlan]:
    return [UnitPlan(probe=PROBE, unit=f"u{i}", targets=(ip(i),)) for i in range(count)]


def observations(unit: int, each: int) -> list[tuple[Observation, tuple[bytes, ...]]]:
    """Their times and volatile fields differ at every call, as in life; the raw answer of each port carries the clock, too."""
    made: list[tuple[Observation, tuple[bytes, ...]]] = []
    for n in range(each):
        if n % 5 == 3:
            made.append((observation(unit, IcmpEcho(ttl=64, rtt_us=now() % 1000)), ()))
        elif n % 5 == 4:
            made.append((observation(unit, HostName(name=f"host{unit}", source="dns")), ()))
        else:
            raw = f"220 service {n} of host {unit} at {now()}\r\n".encode()
            body = Banner(port=n + 1, protocol="ftp", text=f"220 service {n} of host {unit} été")
            made.append((observation(unit, body, (raw,)), (raw,)))
    return made


def observation(
    unit: int, body: Banner | IcmpEcho | HostName, raw: tuple[bytes, ...] = (), at: int = 0
) -> Observation:
    subject = addr("hq", ip(unit))
    blobs = tuple(
        Blob(sha256=hashlib.sha256(data).hexdigest(), size=len(data), stored=len(data))
        for data in raw
    )
    return Observation(
        id=observation_id(KEY, PROBE, 1, f"u{unit}", subject, None, body),
        probe=PROBE,
        probe_rev=1,
        unit=f"u{unit}",
        subject=subject,
        standing="direct",
        channel="tcp",
        at=at or now(),
        mono=time.monotonic_ns() // 1000,
        body=body,
        raw=blobs,
    )


def ledger(unit: int, packets: int, *, settle: bool = False) -> LedgerEntry:
    return LedgerEntry(
        entry="settle" if settle else "reserve",
        probe=PROBE,
        unit=f"u{unit}",
        target=ip(unit),
        transport="tcp",
        packets=packets,
        bytes=packets * 60,
        at=now(),
    )


def status(unit: int, session: int = 0) -> ProbeStatus:
    subject = addr("hq", ip(unit))
    asks = tuple(
        Ask(kind=kind, subject=subject, strength="strong", outcome="answered")
        for kind in ("banner", "echo")
    )
    return ProbeStatus.of(PROBE, f"u{unit}", session, "done", asks, now(), now())


def end(session: int = 0) -> SessionEnd:
    return SessionEnd(session=session, outcome="complete", ended=now())


async def write_units(store: RunStore, first: int, last: int, each: int = 5) -> None:
    """Units *first* to *last* - 1, from reservation to status."""
    for unit in range(first, last):
        await store.reserve([ledger(unit, 10)])
        for item, raw in observations(unit, each):
            await store.add(item, raw)
        await store.settle(status(unit, store.session), [ledger(unit, 7, settle=True)])


def finished_run(path: Path, count: int = 6, each: int = 5, sessions: int = 1) -> str:
    """Write a complete run to *path*, its units spread over *sessions*; returns the head."""

    async def work() -> str:
        store = RunStore.create(path, header())
        await store.plan(units(count))
        for session in range(sessions):
            if session:
                store = RunStore.resume(path)
            await write_units(
                store, count * session // sessions, count * (session + 1) // sessions, each
            )
            await store.end(end(session))
        return store.head

    return asyncio.run(work())
