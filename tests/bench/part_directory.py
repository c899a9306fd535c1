"""Directory: 12,000 accounts read from a real Samba, beside ldapsearch, ldap3 and (where it is given) ldapdomaindump on the same domain.

Each works in a process of its own over LDAPS, its modules loaded before. `fetch`: 20 attributes of every account, ours through the run's
own dialer without a cap on packets and once more at the rates of the profile "normal". `audit`: all tables with descriptors, then
inventory, membership, ways and rules. HANDOVER_LDAPDOMAINDUMP names the command (it is no dependency). Needs root, samba-ad-dc and
ldap-utils.
"""

from __future__ import annotations

import asyncio
import importlib
import multiprocessing
import os
import resource
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from fixtures.directory.bulk import COMPUTERS, USERS, controller
from fixtures.directory.controller import ADMIN_PASSWORD, Controller
from tests.bench import Figure

QUERY = "(|(sAMAccountType=805306368)(sAMAccountType=805306369))"
ATTRIBUTES = (
    *("objectSid", "sAMAccountName", "description", "adminCount", "whenCreated", "whenChanged"),
    *("userAccountControl", "primaryGroupID", "pwdLastSet", "lastLogonTimestamp"),
    *("accountExpires", "msNPAllowDialin", "msDS-SupportedEncryptionTypes", "userPrincipalName"),
    *("displayName", "mail", "telephoneNumber", "company", "scriptPath", "servicePrincipalName"),
)
CACHE = Path("build/bench")
ROUNDS = 3
SECONDS, MEGABYTES = 60.0, 400.0
Told = tuple[float, float, float]
"""Seconds, seconds of CPU, peak in MB."""


def figures() -> Iterable[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        domain = controller(CACHE, Path(folder) / "d")
        try:
            domain.start()
            yield from _measured(domain)
        finally:
            domain.stop()


def _measured(domain: Controller) -> Iterable[Figure]:
    kinds = {"ldapsearch": _ldapsearch, "ldap3": _ldap3, "ours": _ours, "normal": _ours_normal}
    best: dict[str, Told] = {}
    # Seconds and CPU are compared each by its best round.

    for _ in range(ROUNDS):
        for name, work in kinds.items():
            told = _alone(work, domain)
            old = best.get(name, told)
            best[name] = (min(old[0], told[0]), min(old[1], told[1]), min(old[2], told[2]))
    floor, own = best["ldapsearch"], best["ours"]
    yield _figure("fetch_vs_ldapsearch", own[0] / floor[0], "x", "<= 1.3", own[0] <= 1.3 * floor[0])
    share = own[1] / best["ldap3"][1]
    yield _figure("fetch_cpu_vs_ldap3", share, "x", "<= 0.2", share <= 0.2, "ldap3")
    paced = best["normal"][0] / floor[0]
    yield _figure("fetch_normal_profile_vs_ldapsearch", paced, "x", "-", True)
    audit = _alone(_audit, domain)
    yield _figure("audit_s", audit[0], "s", f"<= {SECONDS:.0f}", audit[0] <= SECONDS)
    yield _figure("audit_cpu_s", audit[1], "s", "-", True)
    yield _figure("audit_mb", audit[2], "MB", f"<= {MEGABYTES:.0f}", audit[2] <= MEGABYTES)
    if os.environ.get("HANDOVER_LDAPDOMAINDUMP"):
        dumped = _alone(_domaindump, domain)
        times = dumped[0] / audit[0]
        yield _figure(
            "audit_faster_than_ldapdomaindump", times, "x", ">= 5", times >= 5, "ldapdomaindump"
        )


def _figure(
    name: str, value: float, unit: str, goal: str, holds: bool, peer: str = "ldapsearch"
) -> Figure:
    return Figure("directory", name, round(value, 3), unit, goal, holds, peer)


def _alone(work: object, domain: Controller) -> Told:
    """What *work* took in a new process."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(work, _plain(domain), theirs))
    process.start()
    theirs.close()
    try:
        told: Told = ours.recv()
    except EOFError:
        raise RuntimeError(f"{work} did not end well") from None
    process.join()
    return told


def _plain(domain: Controller) -> Controller:
    return Controller(domain.folder, domain.address, domain.dns, domain.netbios)


def _run(work: object, domain: Controller, answer: object) -> None:
    _load(work)
    before = _cpu()
    begun = time.monotonic()
    work(domain)  # type: ignore[operator]
    spent = time.monotonic() - begun
    peak = max(resource.getrusage(w).ru_maxrss for w in _BOTH) / 1024
    answer.send((spent, _cpu() - before, peak))  # type: ignore[attr-defined]


_BOTH = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def _cpu() -> float:
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, _BOTH))


def _load(work: object) -> None:
    """What either side imports is no part of the work: a run has it loaded already."""
    names: tuple[str, ...] = ("ldap3",) if work is _ldap3 else ()
    if work in (_ours, _ours_normal, _audit):
        names = ("tests.collectors.directory.entering", "agent.judgement.judge")
        names += ("agent.inventory.build", "collectors.directory.probe", "tests.agent.net.peers")
    for name in names:
        importlib.import_module(name)


def _user(domain: Controller) -> str:
    return f"Administrator@{domain.dns}"


def _enough(count: int) -> None:
    if count < USERS + COMPUTERS:
        raise RuntimeError(f"{count} accounts only")


def _ldapsearch(domain: Controller) -> None:
    command = [
        *("ldapsearch", "-LLL", "-x", "-E", "pr=1000/noprompt", "-o", "ldif-wrap=no"),
        *("-H", f"ldaps://{domain.address}", "-D", _user(domain), "-w", ADMIN_PASSWORD),
        *("-b", domain.base, QUERY, *ATTRIBUTES),
    ]
    env = {"PATH": os.defpath, "LDAPTLS_REQCERT": "never"}
    out = subprocess.run(command, check=True, capture_output=True, env=env).stdout
    _enough(out.count(b"\nsAMAccountName:"))


def _ldap3(domain: Controller) -> None:
    import ssl

    import ldap3

    tls = ldap3.Tls(validate=ssl.CERT_NONE)
    server = ldap3.Server(domain.address, 636, use_ssl=True, tls=tls, get_info=ldap3.NONE)
    with ldap3.Connection(server, _user(domain), ADMIN_PASSWORD, auto_bind=True) as bound:
        found = bound.extend.standard.paged_search(
            domain.base, QUERY, attributes=list(ATTRIBUTES), paged_size=1000, generator=True
        )
        _enough(sum(e["type"] == "searchResEntry" for e in found))


def _ours(domain: Controller) -> None:
    asyncio.run(_fetched(domain, normal=False))


def _ours_normal(domain: Controller) -> None:
    asyncio.run(_fetched(domain, normal=True))


async def _fetched(domain: Controller, *, normal: bool) -> None:
    from agent.net.dialer import LiveDialer
    from agent.net.door import Doors
    from agent.net.pacer import Pacer
    from agent.net.rates import PROFILES
    from collectors.directory.access import Session, enter
    from tests.agent.net.peers import Books
    from tests.collectors.directory.entering import at, reader

    ctx = at(domain, reader(domain, "Administrator", ADMIN_PASSWORD))
    if normal:
        rates = PROFILES["normal"]
        doors = Doors(rates.handshakes, rates.connections)
        ctx = replace(ctx, dial=LiveDialer(ctx.scope, Pacer.at(rates), doors=doors))
    got = await enter(ctx, Books(), domain.address, domain.host, domain.dns, "ad")
    if not isinstance(got, Session):
        raise RuntimeError(str(got))
    count = 0
    from collectors.directory.messages import either, equal

    query = either(equal("sAMAccountType", "805306368"), equal("sAMAccountType", "805306369"))
    async for _ in got.ldap.search(domain.base, 2, query, ATTRIBUTES):
        count += 1
    await got.ldap.close()
    _enough(count)


def _audit(domain: Controller) -> None:
    """From the first packet to the judgement."""
    from agent.inventory.build import build
    from agent.judgement.judge import judge
    from tests.collectors.directory.entering import collected, reader

    told = collected(domain, reader(domain, "Administrator", ADMIN_PASSWORD))
    result = judge(told, build(told))
    (one,) = result.directory
    _enough(one.users + one.computers)


def _domaindump(domain: Controller) -> None:
    with tempfile.TemporaryDirectory() as out:
        command = [
            *(os.environ["HANDOVER_LDAPDOMAINDUMP"], "-u", f"{domain.netbios}\\Administrator"),
            *("-p", ADMIN_PASSWORD, "-at", "SIMPLE", "-o", out, f"ldaps://{domain.address}"),
        ]
        subprocess.run(command, check=True, capture_output=True, env={"PATH": os.defpath})
