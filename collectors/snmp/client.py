"""Asking one agent over the run's door for datagrams: GET with fall-backs, column walks, and which community it takes.

For the SNMP collector. `Session` is what an agent looks like once it has let us in; `CommunitySession` is SNMPv1 and v2c (RFC 1157, RFC
3416), `collectors.snmp.usm` SNMPv3. An answer counts where version, community, PDU and the random request id are those of the question,
and the door hears nobody but the host that was asked. Nothing is ever set, and no community tried that client.toml does not give.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

from agent.contract import Context, Emit
from collectors.snmp.ber import BerError, Oid
from collectors.snmp.message import (
    GET,
    NO_ERROR,
    NO_SUCH_NAME,
    TOO_BIG,
    Response,
    VarBind,
    Version,
    request,
    response,
)
from collectors.snmp.walk import Column, Question, Walk

PORT = 161
TIMEOUT_S = 1.0
TRIES = 2
MOST_GET = 12
"""Objects of one GET: what small agents put into one answer."""
MOST_PACKETS = 6000
"""To one agent, so that one that never ends does not hold the run: what is left then ends by `cap`."""
Miss = Literal["silent", "broken", "closed", "cap", "refused"]
"""Why there is no answer; `broken`: datagrams came, and none was an answer; `refused`: an SNMPv3 report said no."""


class Session(Protocol):
    """An agent that lets us in."""

    @property
    def version(self) -> Version:
        """As the walk takes it: 0 where only GETNEXT is known."""
        ...

    async def ask(self, question: Question) -> Response | Miss:
        """One question, with its retries. Raises `OutOfScope`, `OSError`."""
        ...

    def of_vlan(self, number: int) -> Session:
        """The bridge tables of one VLAN on a Cisco switch, which has them apart."""
        ...


@dataclass
class Budget:
    """Packets that may still be sent to one agent."""

    left: int = MOST_PACKETS


@dataclass
class CommunitySession:
    """SNMPv1 or v2c with one community."""

    ctx: Context
    emit: Emit
    host: str
    version: Version
    community: bytes = field(repr=False)
    budget: Budget = field(default_factory=Budget)

    def of_vlan(self, number: int) -> CommunitySession:
        """Community string indexing (Cisco: "SNMP Community String Indexing"): `community@vlan`."""
        return replace(self, community=self.community + b"@%d" % number)

    async def ask(self, question: Question, *, tries: int = TRIES) -> Response | Miss:
        if self.budget.left < tries:
            return "cap"
        ident = secrets.randbits(31) or 1
        packet = request(
            self.version,
            self.community,
            ident,
            question.names,
            pdu=question.pdu,
            repetitions=question.repetitions,
        )
        heard: list[Response] = []
        strange = False

        def mine(data: bytes) -> bool:
            nonlocal strange
            try:
                got = response(data)
            except BerError:
                strange = True
                return False
            same = (got.version, got.community, got.request_id)
            if same != (self.version, self.community, ident):
                strange = True
                return False
            heard.append(got)
            return True

        def counted(data: bytes) -> bool:
            return not heard and mine(data)

        # A retry repeats the same question: its answer may come late.
        answers = await self.ctx.udp.ask(
            self.host, PORT, packet, counted, emit=self.emit, timeout_s=TIMEOUT_S, tries=tries
        )
        self.budget.left -= 1 if heard else tries
        if heard:
            return heard[0]
        return "closed" if answers.closed else "broken" if strange else "silent"


@dataclass
class Got:
    """Outcome of a GET: objects there are, those the agent says it has not, and why others are unknown."""

    found: dict[Oid, VarBind] = field(default_factory=dict[Oid, VarBind])
    absent: set[Oid] = field(default_factory=set[Oid])
    missed: dict[Oid, Miss | Literal["error", "too_big"]] = field(
        default_factory=dict[Oid, "Miss | Literal['error', 'too_big']"]
    )


async def get(session: Session, oids: Sequence[Oid]) -> Got:
    """The objects *oids*, at most 12 a packet; less at a time where the agent finds that too big, or says nothing."""
    out = Got()
    left = [tuple(oids[i : i + MOST_GET]) for i in range(0, len(oids), MOST_GET)]
    while left:
        some = left.pop(0)
        answer = await session.ask(Question.of(some, GET))
        if isinstance(answer, str):
            if answer in ("closed", "cap", "refused") or len(some) == 1:
                out.missed.update(dict.fromkeys(some, answer))
            else:
                left[:0] = _halves(some)
        elif answer.error_status == TOO_BIG:
            if len(some) == 1:
                out.missed[some[0]] = "too_big"
            else:
                left[:0] = _halves(some)
        elif answer.error_status != NO_ERROR:
            rest = _without_named(out, some, answer)
            if rest:
                left.insert(0, rest)
        else:
            _take(out, some, answer.bindings)
    return out


def _halves(some: tuple[Oid, ...]) -> list[tuple[Oid, ...]]:
    middle = (len(some) + 1) // 2
    return [some[:middle], some[middle:]]


def _without_named(out: Got, some: tuple[Oid, ...], answer: Response) -> tuple[Oid, ...]:
    """SNMPv1 names the one object it has not (RFC 1157 4.1.2) and says nothing of the others: ask again without it."""
    if not 1 <= answer.error_index <= len(some):
        out.missed.update(dict.fromkeys(some, "error"))
        return ()
    named = some[answer.error_index - 1]
    if answer.error_status == NO_SUCH_NAME:
        out.absent.add(named)
    else:
        out.missed[named] = "error"
    return tuple(o for o in some if o != named)


def _take(out: Got, some: tuple[Oid, ...], rows: tuple[VarBind, ...]) -> None:
    told = {row.oid: row for row in rows}
    for oid in some:
        row = told.get(oid)
        if row is None:
            out.missed[oid] = "error"
        elif row.absent:
            out.absent.add(oid)
        else:
            out.found[oid] = row


async def walk(session: Session, roots: tuple[Oid, ...], cap: int) -> list[Column]:
    """The columns under *roots*, at most *cap* rows each; every one says how it ended."""
    going = Walk.of(session.version, roots, cap)
    while (question := going.question()) is not None:
        answer = await session.ask(question)
        if not isinstance(answer, str):
            going.answer(answer)
        elif answer == "broken":
            going.garbage()
        elif answer == "silent":
            going.silence()
        else:
            going.give_up(answer if answer in ("cap", "refused") else "silent")
    return going.columns


FIRST: Oid = (1, 3, 6, 1, 2, 1, 1, 2, 0)
"""sysObjectID.0: every agent has it (RFC 3418), and it is short."""


async def knock(
    ctx: Context, emit: Emit, host: str, community: bytes, budget: Budget
) -> CommunitySession | Miss:
    """A session with *community*, or why there is none: silence may be a wrong community, an access list, or no agent at all.

    v2c first, then v1 in the place of a retry; where only v1 answers, v2c once more, as the first datagram may have been lost.
    """
    first = Question.of((FIRST,), GET)
    v2 = CommunitySession(ctx, emit, host, 1, community, budget)
    v1 = CommunitySession(ctx, emit, host, 0, community, budget)
    answer = await v2.ask(first, tries=1)
    if not isinstance(answer, str):
        return v2
    if answer == "closed":
        return answer
    old = await v1.ask(first, tries=1)
    if isinstance(old, str):
        return "broken" if "broken" in (answer, old) else old
    again = await v2.ask(first, tries=1)
    return v1 if isinstance(again, str) else v2
