"""How the looking ended: one `ProbeStatus` for every planned (probe, unit), with what was asked and how it was answered."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from agent.model.base import M, Us
from agent.model.ref import Ref

Strength = Literal["strong", "weak"]
AskOutcome = Literal["answered", "negative", "silent", "refused", "error"]
UnitOutcome = Literal["done", "partial", "failed", "refused", "skipped"]


class Ask(M):
    """One question about one subject, such as "which of the msp ports of X are open?".

    A weak question can open an item and never clears one. RST, NXDOMAIN, noSuchObject are `negative`; silence is nothing.
    """

    kind: str
    subject: Ref | None
    strength: Strength
    outcome: AskOutcome


class ProbeStatus(M):
    """The end of one unit of work. Counts are of questions: asked = answered + negative + silent + refused + errors."""

    probe: str
    unit: str
    session: int = Field(ge=0)
    outcome: UnitOutcome
    asks: tuple[Ask, ...] = ()
    asked: int = Field(ge=0, default=0)
    answered: int = Field(ge=0, default=0)
    negative: int = Field(ge=0, default=0)
    silent: int = Field(ge=0, default=0)
    refused: int = Field(ge=0, default=0)
    errors: int = Field(ge=0, default=0)
    caps_hit: tuple[str, ...] = ()
    reason: str = ""
    params: dict[str, str] = {}
    started: Us
    ended: Us
    cursor: str | None = None

    @model_validator(mode="after")
    def _counts(self) -> Self:
        total = self.answered + self.negative + self.silent + self.refused + self.errors
        if self.asked != total:
            raise ValueError(f"asked = {self.asked}, but the outcomes add up to {total}")
        if self.outcome == "done" and (self.refused or self.errors or self.caps_hit):
            raise ValueError("a unit with refusals, errors or caps hit is not done")
        if self.outcome != "done" and not self.reason:
            raise ValueError(f"a unit that ended {self.outcome} needs a reason")
        return self

    @classmethod
    def of(
        cls,
        probe: str,
        unit: str,
        session: int,
        outcome: UnitOutcome,
        asks: tuple[Ask, ...],
        started: Us,
        ended: Us,
        reason: str = "",
        caps_hit: tuple[str, ...] = (),
        params: dict[str, str] | None = None,
        cursor: str | None = None,
    ) -> Self:
        """A status whose counts are taken from its *asks*."""

        def n(outcome_: AskOutcome) -> int:
            return sum(a.outcome == outcome_ for a in asks)

        return cls(
            probe=probe,
            unit=unit,
            session=session,
            outcome=outcome,
            asks=asks,
            asked=len(asks),
            answered=n("answered"),
            negative=n("negative"),
            silent=n("silent"),
            refused=n("refused"),
            errors=n("error"),
            caps_hit=caps_hit,
            reason=reason,
            params=params or {},
            started=started,
            ended=ended,
            cursor=cursor,
        )

    @property
    def key(self) -> str:
        """Name of the status within a run, as `Known.status` and `Line.statuses` quote it."""
        return f"{self.probe}/{self.unit}"
