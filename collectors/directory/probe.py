"""The directory collector: for each domain whose controllers were met, one account of client.toml, once, then everything it shows.

Only questions: nothing is ever written. An ordinary user is enough for most of it; what such a user may not read is told apart from what
is not there (`collectors.directory.readable`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.contract import Context, Emit, Needs, Refused, Transport
from agent.model.bodies_directory import DirectoryAccess
from agent.model.bodies_services import LdapRootDse
from agent.model.ref import Ref
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from collectors.directory.access import Miss, Session, enter
from collectors.directory.client import LdapError
from collectors.directory.collect import CONFIDENTIAL, Collector, domain_of, root
from collectors.directory.tables import DIRECTORY
from scanners.targets import answered, host_ref

PURPOSE = "directory"
MOST_PACKETS, PACKET = 60_000, 120
MOST_CONTROLLERS = 3
_AT_DOOR = frozenset({"unreachable", "no_tls", "certificate", "strong_auth"})
"""Another controller, or another account, may do better: the password never left."""
BESIDE = ("members", "records", "descriptors", "aces")
"""Tables that come from no search of their own."""


def questions() -> tuple[str, ...]:
    names = {a.table for a in DIRECTORY} | {s.table for a in DIRECTORY for s in a.several}
    return tuple(sorted(names | set(BESIDE)))


@dataclass(frozen=True)
class Directory:
    name: str = "directory"
    rev: int = 1
    needs: Needs = field(
        default_factory=lambda: Needs(
            action="directory", account=PURPOSE, deadline_s=1800, after=("services",)
        )
    )
    emits: frozenset[str] = frozenset({"directory.access", "directory.table"})
    asks: Mapping[str, Strength] = field(
        default_factory=lambda: {
            "directory.access": "strong",
            **{f"directory.{name}": "strong" for name in questions()},
        }
    )

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        """One unit a domain, with the controllers of it that answered."""
        hosts: dict[str, dict[str, str]] = {}
        inside = answered(ctx, LdapRootDse.KIND)
        for o in ctx.seen(LdapRootDse.KIND):
            body = o.body
            if not isinstance(body, LdapRootDse) or o.subject.value not in inside:
                continue
            if body.active_directory and body.dns_host_name and body.default_naming_context:
                domain = domain_of(body.default_naming_context)
                hosts.setdefault(domain, {})[o.subject.value] = body.dns_host_name
        for domain, named in sorted(hosts.items()):
            chosen = sorted(named, key=inside.index)[:MOST_CONTROLLERS]
            yield UnitPlan(
                probe=self.name,
                unit=domain,
                subject=domain_ref(domain),
                targets=tuple(chosen),
                params={host: named[host] for host in chosen},
            )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {(host, "tcp"): (MOST_PACKETS, MOST_PACKETS * PACKET) for host in unit.targets}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        domain, subject = unit.unit, domain_ref(unit.unit)
        got = await self._entered(unit, ctx, emit)
        if isinstance(got, Miss):
            emit.ask("directory.access", subject, _outcome(got))
            raise Refused(f"{domain}: {got}")
        session, host = got
        emit.ask("directory.access", subject, "answered")
        try:
            await _tell(session, domain, host, ctx, emit)
        finally:
            await session.ldap.close()

    async def _entered(
        self, unit: UnitPlan, ctx: Context, emit: Emit
    ) -> tuple[Session, str] | Miss:
        """Each account once; the next controller only while no password has left."""
        miss = Miss("unreachable")
        for account in ctx.accounts.handles(PURPOSE, ctx.site):
            for host in unit.targets:
                name = unit.params[host]
                got = await enter(ctx, emit, host, name, unit.unit, account)
                body = DirectoryAccess(
                    domain=unit.unit,
                    controller=name,
                    how=got.how if isinstance(got, Session) else "",
                    outcome="bound" if isinstance(got, Session) else got.outcome,
                    code="" if isinstance(got, Session) else got.code[:120],
                )
                await emit(host_ref(ctx, host), body, channel="ldap", account=account)
                if isinstance(got, Session):
                    return got, host
                miss = got
                if got.outcome not in _AT_DOOR:
                    break
        return miss


async def _tell(session: Session, domain: str, host: str, ctx: Context, emit: Emit) -> None:
    subject = domain_ref(domain)
    try:
        told = await root(session.ldap)
    except (LdapError, OSError, TimeoutError) as error:
        emit.cap(f"{domain}: {error}")
        return
    if told.domain != domain:
        emit.cap(f"{domain}: the controller now speaks for {told.domain}")
        return
    collector = Collector(session.ldap, told)
    async for table in collector.tables():
        await emit(subject, table, channel="ldap", via=host_ref(ctx, host), account=session.account)
        if table.end == CONFIDENTIAL:
            # An ordinary user does not ask what only administrators are shown.
            continue
        if table.end:
            emit.cap(f"{table.table}: {table.end}")
        if table.last:
            emit.ask(f"directory.{table.table}", subject, "error" if table.end else "answered")
    if collector.once.bad:
        emit.cap(f"{collector.once.bad} security descriptors could not be read")


def domain_ref(domain: str) -> Ref:
    """How observations name a domain."""
    return Ref(kind="domain", ns="", value=domain)


def _outcome(miss: Miss) -> AskOutcome:
    if miss.outcome == "unreachable":
        return "silent"
    return "error" if miss.outcome == "broken" else "refused"
