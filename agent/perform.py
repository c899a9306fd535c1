"""One session of a run from gate to signature: checks the right to look, opens the store, builds the context, starts the engine."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata
from ipaddress import ip_address
from pathlib import Path

from agent.catalogs.digest import catalogues_sha256
from agent.context import RunContext, slow_judge
from agent.contract import Probe, RawError
from agent.credentials import AccountBook
from agent.engagement.engagement import Engagement
from agent.engagement.gate import Refusal, gate
from agent.engagement.scoping import ot_ranges, scope_for, slow_ranges
from agent.model.run import RunHeader, SessionEnd, Vantage
from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.ears import Ears
from agent.net.nmap_port import NmapPort, NmapWish
from agent.net.pacer import Pacer
from agent.net.raw_port import RawHelper, raw_available
from agent.net.udp import LiveDatagrams
from agent.net.vantage import is_loopback, vantage
from agent.run import Engine, Progress
from agent.store.errors import write_error
from agent.store.reader import RunFile
from agent.store.writer import RunStore

TOTAL_PPS = 1000
HOST_PPS = 50
SLOW_PPS = 10
OWN_MACHINE = 50
"""Caps by send time: in all, to one host, to a host where care was asked for (runZero's defaults are 1,000 and 40)."""


@dataclass(frozen=True)
class RunRequest:
    """What the technician asked for on the command line: `only` holds names of probes and addresses of hosts; `port_offset` is the
    loopback lab's port map."""

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


@dataclass
class Performing:
    """A session under way: `await main()` runs it; `stop()` ends it cleanly with a partial run."""

    engagement: Engagement
    request: RunRequest
    progress: Progress | None = None
    _engine: Engine | None = None
    _stopped: str = ""
    path: Path = field(default_factory=Path)

    def stop(self, why: str) -> None:
        self._stopped = why
        if self._engine is not None:
            self._engine.stop(why)

    async def main(self) -> SessionEnd:
        """Raises `Refusal` before anything is sent where the right to look is missing, and `StoreError` on a full disk."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            # Windows, or not the main thread: KeyboardInterrupt is all there is.
            with suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, self.stop, f"stopped by {number.name}")
        site = self._site()
        probes = self._probes()
        scope = scope_for(self.engagement, site, wide=self.request.wide)
        passed = gate(
            self.engagement,
            site,
            now=time.time(),
            scope=scope,
            outside_window=self.request.outside_window,
            only=tuple(n for n in self.request.only if is_address(n)),
        )
        if passed.only:
            scope = ScopeRule.model_validate({**scope.model_dump(), "allowed": passed.only})
        return await self._session(site, scope, probes)

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

        if self.request.resume and self.request.only:
            # The units left out would pass for done.
            raise Refusal(2, "--resume goes on with all that is left", "Leave --only out.")
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
                raw = await RawHelper.start(scope, where)
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
        # This machine's own addresses need no care.
        faster = OWN_MACHINE if is_loopback(scope) else 1
        pacer = Pacer(TOTAL_PPS * faster, HOST_PPS * faster, SLOW_PPS * faster)
        ranges = slow_ranges(self.engagement, site)
        dialer = LiveDialer(scope, pacer, slow_judge(ranges), self.request.port_offset)
        nmap = self._nmap(scope)
        opted_in = ot_ranges(self.engagement, site)
        datagrams = LiveDatagrams(
            scope,
            pacer,
            where,
            slow_judge(ranges),
            self.request.port_offset,
            slow_judge(opted_in),
            self.engagement.quiet,
        )
        store = self._open(site, scope, where)
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

    def _open(self, site: str, scope: ScopeRule, where: Vantage) -> RunStore:
        runs = self.engagement.runs
        try:
            runs.mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(runs, error) from None
        if self.request.resume:
            self.path = unfinished(runs, site)
            return RunStore.resume(self.path)
        now = time.time_ns() // 1000
        run_id = secrets.token_hex(8)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now // 1_000_000))
        self.path = runs / f"{stamp}-{site}-{run_id[:6]}.run"
        header = RunHeader(
            run_id=run_id,
            engagement=self.engagement.id,
            site=site,
            started=now,
            tool_version=metadata.version("handover-audit"),
            catalogues_sha256=catalogues_sha256(),
            client_toml_sha256=self.engagement.client_sha256,
            mandate_sha256=self.engagement.mandate_sha256,
            mandate_signed_by=self.engagement.client.mandate.signed_by,
            operator=self.request.operator,
            vantage=where,
            scope=scope,
            profile="quiet" if self.engagement.quiet else "normal",
        )
        return RunStore.create(self.path, header)


def is_address(text: str) -> bool:
    """Is *text* an IP address, and so the name of a host in `--only`?"""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def unfinished(runs: Path, site: str) -> Path:
    """The newest run of *site* that did not end complete. Raises `Refusal` (2) when there is none."""
    for path in sorted(runs.glob("*.run"), reverse=True):
        with RunFile(path) as file:
            if file.header.site != site or file.header.kind != "run":
                continue
            if not file.ends or file.ends[-1].outcome in ("interrupted", "killed", "partial"):
                return path
    raise Refusal(2, f"no unfinished run of site '{site}'", "Leave --resume out to start one.")
