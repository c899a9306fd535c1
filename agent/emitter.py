"""What a probe's `emit` really is: builds the observation, counts questions and packets, refuses once the unit has ended."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Protocol

from agent.clock import Clock
from agent.contract import Probe, Transport, UnitEnded
from agent.counting import PacketCount, UnitTally
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
        reserved: Mapping[tuple[str, Transport], tuple[int, int]],
    ) -> None:
        self._probe, self._unit, self._sink, self._key, self._clock = probe, unit, sink, key, clock
        self._queued, self._since, self._waited = 0, clock.mono_us(), 0
        self._counts = PacketCount(
            f"{probe.name}/{unit.unit}", reserved, clock.mono_us, self._clocked
        )
        self._ended = False
        self.asks: list[Ask] = []
        self._caps: list[str] = []
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
        if name not in self._caps:
            self._caps.append(name)

    def sent(self, target: str, transport: Transport, packets: int, size: int) -> None:
        """Called before the packets leave: what was not reserved is not sent. Raises `OutOfScope` above the reservation."""
        self._counts.sent(target, transport, packets, size)

    def tally(self, target: str, transport: Transport) -> UnitTally:
        return self._counts.tally(target, transport)

    @contextmanager
    def queued(self) -> Generator[None, None, None]:
        self._clocked()
        self._queued += 1
        try:
            yield
        finally:
            self._clocked()
            self._queued -= 1

    def waited_us(self) -> int:
        """How long the unit did nothing but wait for its turn."""
        self._clocked()
        return self._waited

    def end(self) -> None:
        self._ended = True
        self._counts.end()

    @property
    def caps(self) -> tuple[str, ...]:
        """Limits that were met: those the probe named, and reservations that were not enough."""
        return (*self._caps, *self._counts.over)

    def settlements(self, at: Us, *, full: bool = False) -> tuple[LedgerEntry, ...]:
        """What really left, one entry a target and transport, zero included. *full*: the unit did not end when it was told to, what it
        still sends is not known: the reservation counts.
        """
        return tuple(
            LedgerEntry(
                entry="settle",
                probe=self._probe.name,
                unit=self._unit.unit,
                target=target,
                transport=transport,
                packets=left.packets,
                bytes=left.bytes,
                at=at,
                # Booked at one blow for a program of others: its rate is not ours to tell.
                peak_pps=0 if self._probe.needs.estimated else peak,
                estimated=self._probe.needs.estimated,
            )
            for target, transport, left, peak in self._counts.settled(full=full)
        )

    def _clocked(self) -> None:
        now = self._clock.mono_us()
        if self._queued and not self._counts.counting:
            self._waited += now - self._since
        self._since = now

    def _open(self) -> None:
        if self._ended:
            raise UnitEnded(f"{self._probe.name}/{self._unit.unit} has ended")
