"""One session of a run from gate to signature: checks the right to look, opens the store, builds the context, starts the engine."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

from agent.care import Care
from agent.catalogs.port_sets import port_set
from agent.context import RunContext, slow_judge
from agent.contract import Probe, RawError
from agent.credentials import AccountBook
from agent.engagement.engagement import Engagement
from agent.engagement.gate import Refusal, gate
from agent.engagement.scoping import ot_ranges, scope_for, slow_ranges
from agent.engagement.until import Watch, until
from agent.model.run import RunHeader, SessionEnd, Vantage
from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.door import Doors
from agent.net.ears import Ears
from agent.net.gateway import Gateway
from agent.net.nmap_port import NmapPort, NmapWish
from agent.net.pacer import Pacer
from agent.net.rates import PROFILES, Profile, raw_caps
from agent.net.raw_port import RawHelper, raw_available
from agent.net.udp import LiveDatagrams
from agent.net.vantage import is_loopback, vantage
from agent.opening import begin, check_same_scope, header_of, take_up, unfinished
from agent.run import Engine, Progress
from agent.stopping import stop_signals
from agent.store.writer import RunStore

MOST_ARP_PPS = 5000
"""Broadcasts a second on a link, at most when asked for by flag."""
OWN_MACHINE = 50
"""How much faster this machine may be asked than a network."""


UNSEALED = "Warning: msp.toml names an age key, but this version does not encrypt run files: keep the engagement on an encrypted disk."
CLOCK_S = 1.0
"""Between two looks at the clock: how late the end of a scan window may be noticed."""


@dataclass(frozen=True)
class RunRequest:
    """What the technician asked for on the command line: `only` holds names of probes and addresses of hosts; `port_offset` is the
    loopback lab's port map; `ports` a set of ports or a list of them; `arp_pps` broadcasts a second on the link."""

    site: str | None = None
    only: tuple[str, ...] = ()
    resume: bool = False
    outside_window: bool = False
    wide: bool = False
    use_raw: bool = True
    retry_accounts: tuple[str, ...] = ()
    with_nmap: tuple[str, ...] = ()
    deadline_s: float | None = None
    operator: str = ""
    port_offset: int = 0
    fast: bool = False
    ports: str | None = None
    arp_pps: int | None = None


@dataclass
class Performing:
    """A session under way: `await main()` runs it; `stop()` ends it cleanly with a partial run."""

    engagement: Engagement
    request: RunRequest
    progress: Progress | None = None
    _engine: Engine | None = None
    _stopped: str = ""
    path: Path = field(default_factory=Path)
    say: Callable[[str], None] = field(default_factory=lambda: _to_stderr)
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    _old: tuple[Path, RunHeader] | None = None
    _watch: Watch | None = None
    over: bool = False
    """The session has ended and its run file is closed."""

    def stop(self, why: str) -> None:
        self._stopped = why
        if self._engine is not None:
            self._engine.stop(why)

    async def main(self) -> SessionEnd:
        """Raises `Refusal` before anything is sent where the right to look is missing, and `StoreError` on a full disk."""
        if why := self._odd():
            raise Refusal(2, why, "See handover run --help.")
        with stop_signals(self.stop, self._hurry):
            end = await self._gated()
            self.over = True
            return end

    def _hurry(self) -> None:
        if self._engine is not None:
            self._engine.hurry()

    async def _gated(self) -> SessionEnd:
        site = self._site()
        if self.request.resume:
            self._take_narrowing(site)
        probes = self._probes()
        scope = scope_for(self.engagement, site, wide=self.request.wide)
        now = self.clock()
        passed = gate(
            self.engagement,
            site,
            now=now,
            scope=scope,
            outside_window=self.request.outside_window,
            only=tuple(n for n in self.request.only if is_address(n)),
        )
        if passed.only:
            scope = scope.model_copy(update={"allowed": passed.only})
        if self._old is not None:
            check_same_scope(self._old[1], scope)
        end = until(
            self.engagement,
            passed.site,
            now,
            outside_window=self.request.outside_window,
        )
        self._watch = Watch(passed, end, self.clock)
        if self.engagement.msp.age is not None:
            # Who configured it may rely on it.
            self.say(UNSEALED)
        clock = asyncio.create_task(self._mind_the_clock(self._watch))
        try:
            return await self._session(site, scope, probes)
        finally:
            clock.cancel()

    async def _mind_the_clock(self, watch: Watch) -> None:
        """By the wall clock, in small steps: a laptop's sleep stops every other timer."""
        while not (why := watch.expired()):
            await asyncio.sleep(CLOCK_S)
        self.stop(why)

    def _take_narrowing(self, site: str) -> None:
        if self.request.only:
            # The units left out would pass for done.
            raise Refusal(2, "--resume goes on with all that is left", "Leave --only out.")
        path, header = unfinished(self.engagement.runs, self.engagement.id, site, self.say)
        if self.request.ports not in (None, header.ports):
            why = f"--resume goes on with the ports the run began with ({header.ports})"
            raise Refusal(2, why, "Leave --ports out.")
        self._old = path, header
        nmap = self.request.with_nmap or header.with_nmap
        self.request = replace(self.request, only=header.only, with_nmap=nmap, ports=header.ports)

    def _profile(self) -> Profile:
        """Quiet was agreed with the client: nobody at the keyboard lifts it."""
        return "quiet" if self.engagement.quiet else "fast" if self.request.fast else "normal"

    def _odd(self) -> str:
        """What of the request cannot be, in words; empty where all can."""
        try:
            port_set(self.request.ports or "msp")
        except ValueError as error:
            return f"--ports takes msp, wide or a list of TCP ports: {error}"
        if self.request.arp_pps is not None and not 1 <= self.request.arp_pps <= MOST_ARP_PPS:
            return f"--arp-rate takes 1 to {MOST_ARP_PPS} broadcasts a second"
        return ""

    def _site(self) -> str:
        sites = [s.id for s in self.engagement.client.site]
        if self.request.site is None:
            if len(sites) == 1:
                return sites[0]
            raise Refusal(2, f"which site? ({', '.join(sites)})", "Add --site ID.")
        if self.request.site not in sites:
            raise Refusal(
                2,
                f"client.toml has no site '{self.request.site}'",
                f"Sites: {', '.join(sites) or 'none'}.",
            )
        return self.request.site

    def _probes(self) -> Sequence[Probe]:
        from agent.registry import ON_DEMAND, PROBES

        known = (*PROBES, *ON_DEMAND) if self.request.with_nmap else PROBES
        names = {p.name for p in known}
        wanted = [n for n in self.request.only if not is_address(n)]
        if wrong := [n for n in wanted if n not in names]:
            raise Refusal(
                2,
                f"--only takes a probe or an address; '{wrong[0][:64]}' is neither",
                f"Probes: {', '.join(sorted(names))}.",
            )
        return [p for p in known if not wanted or p.name in wanted]

    async def _session(self, site: str, scope: ScopeRule, probes: Sequence[Probe]) -> SessionEnd:
        accounts = AccountBook(self.engagement)
        for account in self.request.retry_accounts:
            accounts.retry(account)
        available, why = raw_available()
        if not self.request.use_raw:
            available, why = False, "switched off with --no-raw"
        if is_loopback(scope):
            available, why = False, "the loopback lab has no link layer"
        where = vantage(site, scope, raw=available, port_offset=self.request.port_offset)
        if available and where.interface is None:
            available, why = False, "no interface of this machine is in the scope's network"
        raw: RawHelper | None = None
        if available:
            try:
                caps = raw_caps(PROFILES[self._profile()], self.request.arp_pps)
                raw = await RawHelper.start(scope, where, caps)
            except RawError as error:
                # Raw packets are an accelerator: the run goes on without, and says why.
                why = str(error)
                where = where.model_copy(update={"mode": "unprivileged"})
        ears: Ears | None = None
        try:
            if raw is not None and where.interface is not None:
                # An ear more or less costs the run nothing else: the unit that reads it says that there was none.
                with suppress(RawError):
                    ears = await Ears.start(where.interface)
            return await self._engine_run(site, scope, probes, where, raw, why, accounts, ears)
        finally:
            if ears is not None:
                await ears.close()
            if raw is not None:
                await raw.close()

    async def _engine_run(
        self,
        site: str,
        scope: ScopeRule,
        probes: Sequence[Probe],
        where: Vantage,
        raw: RawHelper | None,
        why: str,
        accounts: AccountBook,
        ears: Ears | None,
    ) -> SessionEnd:
        rates = PROFILES[self._profile()]
        if is_loopback(scope):
            rates = PROFILES["normal"].times(OWN_MACHINE)
        pacer = Pacer.at(rates)
        doors = Doors(rates.handshakes, rates.connections)
        ranges = slow_ranges(self.engagement, site)
        offset = self.request.port_offset
        opted_in = ot_ranges(self.engagement, site)
        care = Care(ranges)
        dialer = LiveDialer(
            scope,
            pacer,
            care.slow,
            offset,
            ot=slow_judge(opted_in),
            doors=doors,
            gateway=Gateway() if is_loopback(scope) else Gateway.beyond(where.on_link),
        )
        nmap = self._nmap(scope)
        datagrams = LiveDatagrams(
            scope,
            pacer,
            where,
            care.slow,
            offset,
            slow_judge(opted_in),
            self.engagement.quiet,
        )
        store = self._open(scope, where)
        ctx = RunContext(
            site=site,
            scope=scope,
            vantage=where,
            quiet=self.engagement.quiet,
            dial=dialer,
            pace=pacer,
            raw=raw,
            raw_why=why,
            accounts=accounts,
            seen_kind=store.seen,
            slow_ranges=ranges,
            ports=self.request.ports or self.engagement.site(site).ports,
            arp_pps=self.request.arp_pps or int(rates.link_pps),
            care=care,
            nmap=nmap,
            ot_ranges=opted_in,
            ears=ears,
            udp=datagrams,
        )
        try:
            self._engine = Engine(
                probes,
                ctx,
                store,
                self.engagement.key,
                progress=self.progress,
                deadline_s=self.request.deadline_s,
                before_layer=self._watch.why_stop if self._watch else str,
                last_call=ears.last_call if ears else lambda: None,
                scrub=accounts.scrub,
            )
            if self._stopped:
                self._engine.stop(self._stopped)
            return await self._engine.run()
        finally:
            await datagrams.close()
            await store.close()

    def _nmap(self, scope: ScopeRule) -> NmapPort | None:
        if not self.request.with_nmap:
            return None
        try:
            wish = NmapWish.parse(self.request.with_nmap)
        except ValueError as error:
            raise Refusal(
                2, f"--with-nmap: {error}", "Such as: --with-nmap 192.0.2.7:22,443"
            ) from None
        for host in wish.hosts:
            if (verdict := scope.judge(host)) != "allowed":
                raise Refusal(2, f"--with-nmap: {host} is {verdict}", "Name hosts of the scope.")
        return NmapPort(scope, wish, self.request.port_offset)

    def _open(self, scope: ScopeRule, where: Vantage) -> RunStore:
        wish = self.request
        if self._old is not None:
            store = take_up(self.engagement, self._old[0], wish.operator, scope, where)
        else:
            ports = wish.ports or self.engagement.site(where.site).ports
            header = header_of(
                self.engagement, wish.operator, scope, where, wish.only, wish.with_nmap, ports
            )
            store = begin(self.engagement, header)
        self.path = store.path
        return store


def is_address(text: str) -> bool:
    """Is *text* an IP address, and so the name of a host in `--only`?"""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _to_stderr(words: str) -> None:
    print(words, file=sys.stderr)
