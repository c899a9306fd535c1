"""What a probe's `emit` really is: builds the observation, counts questions and packets, refuses once the unit has ended."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Protocol

from agent.clock import Clock
from agent.contract import OutOfScope, Probe, Transport, UnitEnded
from agent.model.base import Us
from agent.model.bodies import Body
from agent.model.ledger import LedgerEntry
from agent.model.observation import Blob, Observation, Standing, observation_id
from agent.model.ref import Ref
from agent.model.run import UnitPlan
from agent.model.status import Ask, AskOutcome

RAW_LIMIT = 64 * 1024


class ContractError(Exception):
    """A probe did what it had not declared; a defect of the probe, never of the client's network."""


class Sink(Protocol):
    async def add(self, observation: Observation, raw: tuple[bytes, ...] = ()) -> None: ...


class UnitEmit:
    """`contract.Emit` for one unit."""

    def __init__(
        self,
        probe: Probe,
        unit: UnitPlan,
        sink: Sink,
        key: bytes,
        clock: Clock,
        reserved: dict[tuple[str, Transport], tuple[int, int]],
    ) -> None:
        self._probe, self._unit, self._sink, self._key, self._clock = probe, unit, sink, key, clock
        self._reserved = reserved
        self._left: dict[tuple[str, Transport], list[int]] = {k: [0, 0, 0, 0, 0] for k in reserved}
        self._ended = False
        self.asks: list[Ask] = []
        self._asked: Counter[tuple[str, str]] = Counter()
        self.caps: list[str] = []
        self.observations = 0

    async def __call__(
        self,
        subject: Ref,
        body: Body,
        *,
        channel: str,
        via: Ref | None = None,
        standing: Standing = "direct",
        account: str | None = None,
        raw: bytes | None = None,
        redactions: tuple[str, ...] = (),
    ) -> None:
        self._open()
        if body.kind not in self._probe.emits:
            raise ContractError(
                f"{self._probe.name} emitted {body.kind!r}, which it does not declare"
            )
        blobs: tuple[Blob, ...] = ()
        stored = b""
        if raw is not None:
            stored = raw[:RAW_LIMIT]
            digest = hashlib.sha256(stored).hexdigest()
            blobs = (Blob(sha256=digest, size=len(raw), stored=len(stored), redactions=redactions),)
        probe, unit = self._probe, self._unit
        observation = Observation(
            id=observation_id(self._key, probe.name, probe.rev, unit.unit, subject, via, body),
            probe=probe.name,
            probe_rev=probe.rev,
            unit=unit.unit,
            subject=subject,
            via=via,
            standing=standing,
            channel=channel,
            account=account,
            at=self._clock.now_us(),
            mono=self._clock.mono_us(),
            body=body,
            raw=blobs,
        )
        await self._sink.add(observation, (stored,) if blobs else ())
        self.observations += 1

    def ask(self, kind: str, subject: Ref | None, outcome: AskOutcome) -> None:
        self._open()
        strength = self._probe.asks.get(kind)
        if strength is None:
            raise ContractError(f"{self._probe.name} asked {kind!r}, which it does not declare")
        self.asks.append(Ask(kind=kind, subject=subject, strength=strength, outcome=outcome))

    def cap(self, name: str) -> None:
        self._open()
        if name not in self.caps:
            self.caps.append(name)

    def sent(self, target: str, transport: Transport, packets: int, size: int) -> None:
        """Called before the packets leave: what was not reserved is not sent. Raises `OutOfScope` above the reservation."""
        key = (target, transport)
        if self._ended and key in self._reserved:
            # Too late to be refused: what the kernel sent for a connection that was open then has left.
            late, most = self._left[key], self._reserved[key]
            late[0], late[1] = min(late[0] + packets, most[0]), min(late[1] + size, most[1])
        self._open()
        limit = self._reserved.get(key)
        if limit is None:
            raise OutOfScope(f"{target} ({transport}) was not reserved by {self._probe.name}")
        row = self._left[key]
        if row[0] + packets > limit[0] or row[1] + size > limit[1]:
            raise OutOfScope(f"{target} ({transport}): more than the {limit[0]} packets reserved")
        row[0] += packets
        row[1] += size
        second = self._clock.mono_us() // 1_000_000
        if row[3] != second:
            row[3], row[4] = second, 0
        row[4] += packets
        row[2] = max(row[2], row[4])

    def end(self) -> None:
        self._ended = True

    def settlements(self, at: Us, *, full: bool = False) -> tuple[LedgerEntry, ...]:
        """What really left, one entry a target and transport, zero included. *full*: the unit was cut off, what its connections
        still sent while they were torn down is not known: the reservation counts.
        """
        return tuple(
            LedgerEntry(
                entry="settle",
                probe=self._probe.name,
                unit=self._unit.unit,
                target=target,
                transport=transport,
                packets=self._reserved[target, transport][0] if full else row[0],
                bytes=self._reserved[target, transport][1] if full else row[1],
                at=at,
                # Booked at one blow for a program of others: its rate is not ours to tell.
                peak_pps=0 if self._probe.needs.estimated else row[2],
                estimated=self._probe.needs.estimated,
            )
            for (target, transport), row in sorted(self._left.items())
        )

    def _open(self) -> None:
        if self._ended:
            raise UnitEnded(f"{self._probe.name}/{self._unit.unit} has ended")
