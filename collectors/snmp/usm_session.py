"""One agent asked as an SNMPv3 user over the run's door: discovery, time window, questions (RFC 3414 sections 3.1, 3.2 and 4).

The engine's boots and time are believed from signed messages only; what the unsigned report of discovery says is what the first question
is written with, no more. A report that the agent sends ends the asking with its name, so a wrong user or key is told and never waited for.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from agent.contract import Context, Emit
from collectors.snmp import client, usm
from collectors.snmp.ber import BerError
from collectors.snmp.client import FIRST, PORT, TRIES, Budget, Miss
from collectors.snmp.message import GET, REPORT, Response, Version, question
from collectors.snmp.usm import AUTH, PRIV, REPORTABLE, Envelope
from collectors.snmp.usm_keys import Keys, User, UsmError
from collectors.snmp.walk import Question

WINDOW_S = 150
"""RFC 3414 2.2.3."""


@dataclass
class _Time:
    """The engine's clock as last told in a signed message."""

    boots: int
    seconds: int
    at: float

    def now(self, clock: float) -> int:
        return max(0, min(self.seconds + int(clock - self.at), usm.MOST_TIME))


@dataclass
class UsmSession:
    """`why`: what the agent's last report said, as `usm.REPORTS` has it."""

    ctx: Context
    emit: Emit
    host: str
    user: User
    context: bytes = b""
    budget: Budget = field(default_factory=Budget)
    now: Callable[[], float] = time.monotonic
    version: Version = 1
    why: str = ""
    _keys: Keys | None = None
    _time: _Time | None = None
    _sure: bool = False

    @property
    def known(self) -> bool:
        """Was the discovery answered?"""
        return self._keys is not None

    def of_vlan(self, number: int) -> UsmSession:
        """Cisco's context of a VLAN, `vlan-12`; the keys and the clock stay."""
        return replace(self, context=b"vlan-%d" % number)

    async def ask(self, question: Question, *, tries: int = TRIES) -> Response | Miss:
        """Raises `OutOfScope`, `OSError`."""
        # A clock that was wrong is put right by the report; one that is wrong again has rebooted in between.
        for _ in range(3):
            if (self._keys is None or self._time is None) and (miss := await self._discover()):
                return miss
            got = await self._once(question, tries)
            if got != "again":
                return got
        return "refused"

    async def _discover(self) -> Miss | None:
        """Engine id and a first guess of its time, without user and key."""
        ident = _ident()
        body = question(ident, (), pdu=GET)
        asked = Envelope(ident, REPORTABLE, b"", 0, 0, b"", scoped=usm.scoped_pdu(b"", b"", body))
        heard: list[Envelope] = []

        def mine(data: bytes) -> bool:
            try:
                e = usm.read(data)
                tag, *_ = usm.opened(e, None)
            except (BerError, UsmError):
                return False
            if e.ident == ident and tag == REPORT and 5 <= len(e.engine) <= 32:
                heard.append(e)
            return bool(heard)

        if miss := await self._send(usm.written(asked), mine, TRIES):
            return miss
        e = heard[0]
        try:
            self._keys = Keys(self.user, e.engine)
        except UsmError:
            self.why = "no key"
            return "refused"
        self._time, self._sure = _Time(e.boots, e.seconds, self.now()), False
        return None

    async def _once(self, wanted: Question, tries: int) -> Response | Miss | Literal["again"]:
        keys, clock = self._keys, self._time
        assert keys is not None and clock is not None
        ident, request = _ident(), _ident()
        body = question(request, wanted.names, pdu=wanted.pdu, repetitions=wanted.repetitions)
        flags = REPORTABLE | (AUTH if self.user.auth else 0) | (PRIV if self.user.privacy else 0)
        asked = Envelope(
            ident,
            flags,
            keys.engine,
            clock.boots,
            clock.now(self.now()),
            self.user.name,
            scoped=usm.scoped_pdu(keys.engine, self.context, body),
        )
        answers: list[Response] = []
        reports: list[str] = []

        def mine(data: bytes) -> bool:
            try:
                e = usm.read(data)
                if e.ident != ident:
                    return False
                signed = usm.genuine(data, e, keys)
                if e.flags & AUTH and not signed:
                    return False
                tag, _, name, got = usm.opened(e, keys)
            except (BerError, UsmError):
                return False
            if tag == REPORT:
                said = usm.report_of(got)
                if said == "notInTimeWindow" and self.user.auth and not signed:
                    return False
                if signed:
                    # Signed, and about a number nobody could know before: it cannot be an old one, whatever time it tells.
                    self._time, self._sure = _Time(e.boots, e.seconds, self.now()), True
                if said == "unknownEngineID":
                    self._keys = None
                reports.append(said)
                return True
            if e.flags & (AUTH | PRIV) != flags & (AUTH | PRIV) or e.engine != keys.engine:
                return False
            if e.user != self.user.name or name != self.context or got.request_id != request:
                return False
            if signed and not self._set_clock(e):
                return False
            answers.append(got)
            return True

        def counted(data: bytes) -> bool:
            return not answers and not reports and mine(data)

        miss = await self._send(usm.written(asked, keys), counted, tries)
        if answers:
            return answers[0]
        if reports:
            self.why = reports[0]
            return "again" if self.why in ("notInTimeWindow", "unknownEngineID") else "refused"
        return miss or "silent"

    def _set_clock(self, e: Envelope) -> bool:
        """Take the time of the signed message *e*; False where it is an old one (RFC 3414 3.2, 7b)."""
        clock, now = self._time, self.now()
        assert clock is not None
        if self._sure and (
            e.boots < clock.boots
            or (e.boots == clock.boots and e.seconds < clock.now(now) - WINDOW_S)
        ):
            return False
        self._time, self._sure = _Time(e.boots, e.seconds, now), True
        return True

    async def _send(
        self, packet: bytes, accept: Callable[[bytes], bool], tries: int
    ) -> Miss | None:
        if self.budget.left < tries:
            return "cap"
        strange = False

        def noted(data: bytes) -> bool:
            nonlocal strange
            taken = accept(data)
            strange = strange or not taken
            return taken

        answers = await self.ctx.udp.ask(
            self.host, PORT, packet, noted, emit=self.emit, timeout_s=client.TIMEOUT_S, tries=tries
        )
        self.budget.left -= 1 if answers.heard else tries
        if answers.heard:
            return None
        return "closed" if answers.closed else "broken" if strange else "silent"


def _ident() -> int:
    return secrets.randbits(31) or 1


async def knock(session: UsmSession) -> Miss | None:
    """None where the agent lets the user in. A wrong key may be met by silence: `refused` all the same, as discovery was answered."""
    got = await session.ask(Question.of((FIRST,), GET))
    if isinstance(got, Response):
        return None
    if session.known and got in ("silent", "broken"):
        session.why = "no answer to this user, level or key"
        return "refused"
    return got
