"""Agents of the lab on 127.0.0.0/8, and the door through which the product asks them; for the tests of client, USM and collector."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeVar

from agent.context import RunContext
from agent.contract import Refused
from agent.model.scope import ScopeRule
from agent.net.udp import LiveDatagrams
from fixtures.lab.snmp.agent import Agent, Manners
from fixtures.lab.snmp.mib import Mib, read
from fixtures.lab.snmp.responder import Responder
from tests.agent.net.peers import NET, OFFSET, Books, context, fast_pacer

T = TypeVar("T")
HOST, ELSEWHERE = f"{NET}.21", f"{NET}.22"
PORT = 161 + OFFSET
SCOPE = ScopeRule(allowed=(f"{NET}.0/24",), actions=("sweep", "devices"))
SYSTEM = """1.3.6.1.2.1.1.1.0|4|Switch of the lab
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.9.1.2
1.3.6.1.2.1.1.3.0|67|123456
1.3.6.1.2.1.1.5.0|4|sw1
"""


def interfaces(rows: int) -> str:
    return "".join(
        f"1.3.6.1.2.1.2.2.1.2.{i}|4|port {i}\n1.3.6.1.2.1.2.2.1.3.{i}|2|6\n"
        f"1.3.6.1.2.1.2.2.1.6.{i}|4x|001b21{i:06x}\n"
        for i in range(1, rows + 1)
    )


def agent(text: str = SYSTEM, community: bytes = b"lab-read", **manners: object) -> Agent:
    return Agent(Mib.of(read(text)), (community,), replace(Manners(), **manners))  # type: ignore[arg-type]


def asking(
    agents: Mapping[str, Agent],
    act: Callable[[RunContext, Books], Awaitable[T]],
    accounts: Accounts | None = None,
    seen: tuple[tuple[str, object], ...] = (),
) -> tuple[T, Books]:
    """Serve *agents* by address, and let *act* ask them."""

    async def main() -> tuple[T, Books]:
        responder = Responder()
        plain = context(seen, scope=SCOPE)  # type: ignore[arg-type]
        door = LiveDatagrams(SCOPE, fast_pacer(), plain.vantage, port_offset=OFFSET)
        ctx = replace(plain, udp=door, accounts=accounts or plain.accounts)
        books = Books()
        try:
            for host, one in agents.items():
                responder.serve(one, host, PORT, ELSEWHERE)
            return await act(ctx, books), books
        finally:
            await door.close()
            responder.close()

    return asyncio.run(main())


@dataclass
class Lent:
    _value: str = field(repr=False)

    def reveal(self) -> str:
        return self._value


@dataclass
class Try:
    ends: list[str]
    host: str

    def accepted(self) -> None:
        self.ends.append(f"accepted {self.host}")

    def refused(self, why: str = "") -> None:
        self.ends.append(f"refused {self.host}")

    def withdrawn(self, why: str = "") -> None:
        self.ends.append(f"withdrawn {self.host}")


@dataclass
class Accounts:
    """id -> (user, secret), in order; `barred` are (id, host)."""

    known: Mapping[str, tuple[str, str]]
    ends: list[str] = field(default_factory=list[str])
    barred: frozenset[tuple[str, str]] = frozenset()

    def handles(self, purpose: str, site: str) -> tuple[str, ...]:
        return tuple(self.known) if purpose == "snmp" else ()

    def user(self, account_id: str) -> str:
        return self.known[account_id][0]

    @contextmanager
    def _lent(self, secret: str):  # type: ignore[no-untyped-def]
        yield Lent(secret)

    def lend(self, account_id: str) -> AbstractContextManager[Lent]:
        return self._lent(self.known[account_id][1])

    @contextmanager
    def _try(self, account_id: str, host: str):  # type: ignore[no-untyped-def]
        if (account_id, host) in self.barred:
            raise Refused(f"account '{account_id}' is not tried on {host}")
        yield Try(self.ends, host)

    def try_here(self, account_id: str, host: str) -> AbstractContextManager[Try]:
        return self._try(account_id, host)
