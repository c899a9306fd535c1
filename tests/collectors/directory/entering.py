"""A run's context at the lab's directory: ports as they are, real accounts of an engagement, books for what is emitted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent.context import RunContext
from agent.contract import Refused, Trust
from agent.material import Material
from agent.model.attribution import Provider
from agent.model.bodies import Body
from agent.model.bodies_directory import DirectoryTable
from agent.model.bodies_services import LdapRootDse
from agent.model.judged import SiteFacts
from agent.model.scope import ScopeRule
from agent.net.dialer import LiveDialer
from agent.net.door import Doors
from collectors.directory.probe import Directory
from fixtures.directory.controller import Controller
from fixtures.directory.seeded import PASSWORD, READER
from tests.agent.judgement.sample import engagement, material
from tests.agent.judgement.sample_run import DAY, NOW, Run
from tests.agent.net.peers import context, fast_pacer, run_unit
from tests.collectors.snmp.agents import Lent, Try


@dataclass
class DomainBook:
    """id -> (user, secret); one trust for all; what was said of each try."""

    known: Mapping[str, tuple[str, str]]
    trust: Trust
    ends: list[str] = field(default_factory=list[str])
    barred: set[str] = field(default_factory=set[str])

    def handles(self, purpose: str, site: str) -> tuple[str, ...]:
        return tuple(self.known) if purpose == "directory" else ()

    def user(self, account_id: str) -> str:
        return self.known[account_id][0]

    @contextmanager
    def _lent(self, secret: str):  # type: ignore[no-untyped-def]
        yield Lent(secret)

    def lend(self, account_id: str) -> AbstractContextManager[Lent]:
        return self._lent(self.known[account_id][1])

    def try_here(self, account_id: str, host: str) -> AbstractContextManager[Try]:
        raise AssertionError("a domain account is never tried host by host")

    @contextmanager
    def _try(self, account_id: str, host: str):  # type: ignore[no-untyped-def]
        if account_id in self.barred:
            raise Refused(f"account '{account_id}' is not tried on {host}")
        before = len(self.ends)
        yield Try(self.ends, host)
        if len(self.ends) == before or self.ends[-1].startswith("refused"):
            self.barred.add(account_id)

    def try_once(self, account_id: str, host: str) -> AbstractContextManager[Try]:
        return self._try(account_id, host)

    def authority(self, account_id: str) -> Trust:
        return self.trust


def trusting(controller: Controller) -> Trust:
    return Trust(authority=Path(controller.authority).read_text("ascii"))


def reader(controller: Controller, user: str = READER, secret: str = PASSWORD) -> DomainBook:
    return DomainBook({"ad": (f"{user}@{controller.dns}", secret)}, trusting(controller))


def root(controller: Controller) -> tuple[str, Body]:
    """What the service probe saw of it."""
    body = LdapRootDse(
        port=389,
        active_directory=True,
        dns_host_name=controller.host,
        default_naming_context=controller.base,
        naming_contexts=(controller.base,),
    )
    return controller.address, body


def at(
    controller: Controller, book: DomainBook, seen: Iterable[tuple[str, Body]] = ()
) -> RunContext:
    scope = ScopeRule(allowed=(f"{controller.address}/32",), actions=("sweep", "directory"))
    plain = context([root(controller), *seen], scope=scope)
    door = LiveDialer(scope, fast_pacer(), doors=Doors(None, None))
    return replace(plain, dial=door, accounts=book)


def collected(
    controller: Controller, book: DomainBook, providers: tuple[Provider, ...] = ()
) -> Material:
    """What the probe tells of the domain, as the only run of an engagement."""
    books = asyncio.run(run_unit(Directory(), at(controller, book)))
    site = SiteFacts(id="hq", address="", hours="", networks=("192.0.2.0/24",))
    run = Run(site, NOW - DAY, "run-1")
    for _, body in books.bodies:
        if isinstance(body, DirectoryTable):
            run.see("directory", controller.dns, "192.0.2.1", body, at=NOW - DAY)
    return material(engagement(site), (run,), providers=providers)
