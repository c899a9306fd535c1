"""The SNMP collector: for every host that is there, the accounts of client.toml for SNMP, one after the other, then everything it tells.

Only questions: nothing is ever set. A given community that is refused on a host is not tried there again; a wrong one may raise an
authenticationFailure trap (RFC 3418), which the plan says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from agent.contract import Context, Emit, Lending, Needs, Refused, Transport
from agent.model.bodies_snmp import SnmpAccess, SnmpSystem
from agent.model.ref import mac as mac_ref
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from collectors.snmp import meaning, rounds, usm_session
from collectors.snmp.cells import WELL_KNOWN
from collectors.snmp.client import MOST_PACKETS, PORT, Budget, CommunitySession, Miss, knock
from collectors.snmp.rounds import Walked
from collectors.snmp.told import told
from collectors.snmp.usm_keys import UsmError, user_of
from collectors.snmp.usm_session import UsmSession
from scanners.targets import answered, host_ref
from scanners.udp.asking import AFTER, FRAME, LIVE, udp_ref

PURPOSE = "snmp"
LARGEST = 1472
"""Octets of a question, at most: it is never fragmented."""
GROUPS = (
    "identity",
    "interfaces",
    "neighbours",
    "routes",
    "bridge",
    "links",
    "wireless",
    "power",
    "printer",
    "virtual",
    "host",
    "access",
)
ABREAST, TALKING = 512, 48
"""Hosts asked at once whether they let us in, of whom many are silent until the time is up; and agents that tell at once."""
NO_ANSWER = "an agent is there and did not answer"
T = TypeVar("T")
AnySession = CommunitySession | UsmSession
WORST: tuple[AskOutcome, ...] = ("error", "silent", "refused", "answered", "negative")
"""Of the tables of a group, the outcome that is told."""


@dataclass(frozen=True)
class Snmp:
    name: str = "snmp"
    rev: int = 1
    needs: Needs = field(
        default_factory=lambda: Needs(
            action="devices",
            account=PURPOSE,
            deadline_s=600,
            abreast=ABREAST,
            after=(*AFTER, "snmp_engine"),
        )
    )
    emits: frozenset[str] = frozenset(
        {
            "snmp.access",
            "snmp.system",
            "snmp.table",
            "device.identity",
            "device.attribute",
            "host.name",
            "arp.entry",
        }
    )
    asks: Mapping[str, Strength] = field(
        default_factory=lambda: {
            "snmp.access": "weak",
            "snmp.system": "strong",
            **{f"snmp.{group}": "strong" for group in GROUPS},
        }
    )

    _talking: asyncio.Semaphore = field(
        default_factory=lambda: asyncio.Semaphore(TALKING), repr=False, compare=False
    )

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        for host in answered(ctx, *LIVE, "snmp.engine"):
            if host != ctx.vantage.address:
                yield UnitPlan(
                    probe=self.name, unit=host, subject=host_ref(ctx, host), targets=(host,)
                )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {(unit.targets[0], "udp"): (MOST_PACKETS, MOST_PACKETS * (FRAME + LARGEST))}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]
        if not isinstance(ctx.accounts, Lending):
            raise Refused("accounts cannot be used here")
        with ExitStack() as lent:
            opened = await self._open(host, ctx, emit, ctx.accounts, lent)
            if opened is not None:
                with emit.queued():
                    await self._talking.acquire()
                try:
                    await tell(*opened, host, ctx, emit)
                finally:
                    self._talking.release()

    async def _open(
        self, host: str, ctx: Context, emit: Emit, accounts: Lending, lent: ExitStack
    ) -> tuple[str, AnySession] | None:
        """(account, session) of the first account that is taken. The secret stays lent as long as *lent*."""
        alive = any(o.subject.value == host for o in ctx.seen("snmp.engine"))
        budget = Budget()
        last: AskOutcome = "silent"
        for account in accounts.handles(PURPOSE, ctx.site):
            # It may ask a person, or start a program: not in the loop's thread.
            secret = await asyncio.to_thread(lent.enter_context, accounts.lend(account))
            try:
                knocking = _knocking(
                    accounts.user(account), secret.reveal(), ctx, emit, host, budget
                )
            except UsmError as error:
                emit.cap(f"account '{account}': {error}")
                last = "error"
                continue
            try:
                with ExitStack() as trying:
                    begun = accounts.try_here(account, host)
                    attempt = await _on_disk(partial(trying.enter_context, begun))
                    got, why = await knocking()
                    if not isinstance(got, str):
                        await _on_disk(attempt.accepted)
                        emit.ask("snmp.access", udp_ref(ctx, host, PORT), "answered")
                        return account, got
                    if got == "refused" or (alive and got not in ("closed", "cap")):
                        await _on_disk(partial(attempt.refused, why or NO_ANSWER))
                        last = "refused"
                    else:
                        await _on_disk(partial(attempt.withdrawn, got))
                        last = _outcome(got, last)
                    if got == "closed":
                        break
            except Refused:
                last = "refused"
        emit.ask("snmp.access", udp_ref(ctx, host, PORT), last)
        return None


def _knocking(
    user: str, secret: str, ctx: Context, emit: Emit, host: str, budget: Budget
) -> Callable[[], Awaitable[tuple[AnySession | Miss, str]]]:
    """How an account is tried: an SNMPv3 user where it names one, else a community. Raises `UsmError`."""
    session = UsmSession(ctx, emit, host, user_of(user, secret), budget=budget) if user else None

    async def knocked() -> tuple[AnySession | Miss, str]:
        if session is None:
            return await knock(ctx, emit, host, secret.encode(), budget), ""
        return await usm_session.knock(session) or session, session.why

    return knocked


async def _on_disk(act: Callable[[], T]) -> T:
    """Attempts are written and synced before a packet leaves; that must not hold up the loop."""
    return await asyncio.to_thread(act)


def _outcome(miss: Miss, before: AskOutcome) -> AskOutcome:
    return "negative" if miss == "closed" else "error" if miss == "broken" else before


async def tell(account: str, session: AnySession, host: str, ctx: Context, emit: Emit) -> None:
    """Everything the agent says, into the store."""
    here = host_ref(ctx, host)
    channel = "snmp"
    if isinstance(session, UsmSession):
        access = SnmpAccess(version="v3", security=session.user.security)
    else:
        known = session.community in WELL_KNOWN
        access = SnmpAccess(version="v2c" if session.version else "v1", well_known=known)
    await emit(here, access, channel=channel, account=account)
    system = await rounds.system(session)
    await emit(here, system, channel=channel, account=account)
    emit.ask("snmp.system", here, "error" if system.unknown else "answered")
    for body in meaning.of_system(system):
        await emit(here, body, channel=channel, account=account)
    if (values := await told(session, system)) is not None:
        await emit(here, values, channel=channel, account=account)
        for column, end in values.ends.items():
            emit.cap(f"{values.table}.{column}: {end}")
    by_group: dict[str, list[Walked]] = {}
    async for walked in rounds.collect(session):
        by_group.setdefault(walked.table.group, []).append(walked)
        for limit in meaning.limits((walked,)):
            emit.cap(limit)
        if not walked.rows and not walked.ends:
            continue
        for table in walked.bodies():
            await emit(here, table, channel=channel, account=account)
        if walked.table.name == "entity":
            for body in (*meaning.of_entity(system, walked), *meaning.of_stack(system, walked)):
                await emit(here, body, channel=channel, account=account)
        if walked.table.group == "wireless":
            await _access_points(system, walked, account, host, ctx, emit)
        if walked.table.group == "neighbours":
            await _neighbours(walked, account, host, ctx, emit)
    for group, several in by_group.items():
        outcomes = {w.outcome for w in several}
        emit.ask(f"snmp.{group}", here, next(o for o in WORST if o in outcomes))


async def _access_points(
    system: SnmpSystem, walked: Walked, account: str, host: str, ctx: Context, emit: Emit
) -> None:
    """A controller knows its access points by model and serial, wherever they hang: reported, until a sweep meets them."""
    for mac, bodies in meaning.of_access_points(system, walked):
        for body in bodies:
            await emit(
                mac_ref(ctx.site, mac),
                body,
                channel="snmp",
                via=host_ref(ctx, host),
                standing="reported",
                account=account,
            )


async def _neighbours(walked: Walked, account: str, host: str, ctx: Context, emit: Emit) -> None:
    lab = ctx.vantage.mode == "lab-loopback"
    for address, entry in meaning.neighbours(walked, lab=lab):
        await emit(
            host_ref(ctx, address),
            entry,
            channel="snmp",
            via=host_ref(ctx, host),
            standing="reported",
            account=account,
        )
