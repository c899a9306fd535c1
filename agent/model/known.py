"""`Known` replaces "value or None": known, absent, unreadable, not asked and in conflict are five different things."""

from __future__ import annotations

from typing import Generic, Literal, Self, TypeVar

from pydantic import model_validator

from agent.model.base import Id, M

T = TypeVar("T")
KnownState = Literal["known", "absent", "unreadable", "not_asked", "conflict"]


class Why(M):
    """One reason of a decision: which feature, what it matched, how much it weighs."""

    feature: str
    matched: str
    weight: int
    strong: bool
    evidence: tuple[Id, ...] = ()


class Known(M, Generic[T]):
    """A value with its standing. `candidates` are all the values told, newest first, each with its observations.

    `known` has a value and evidence; `conflict` keeps every candidate; `absent` names the statuses of the strong, answered questions
    that support it (silence supports nothing).
    """

    state: KnownState
    value: T | None = None
    candidates: tuple[tuple[T, tuple[Id, ...]], ...] = ()
    status: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.state == "known":
            if self.value is None or not any(ids for _, ids in self.candidates):
                raise ValueError("known needs a value and evidence")
        elif self.value is not None:
            raise ValueError(f"{self.state} has no value")
        if self.state == "conflict" and len(self.candidates) < 2:
            raise ValueError("a conflict keeps at least two candidates")
        if self.state == "absent" and not self.status:
            raise ValueError("absent needs the status of a strong question that was answered")
        return self

    @classmethod
    def of(cls, value: T, evidence: tuple[str, ...]) -> Self:
        """A known value with the observations that say so."""
        return cls(state="known", value=value, candidates=((value, evidence),))

    @classmethod
    def not_asked(cls, *status: str) -> Self:
        return cls(state="not_asked", status=status)

    @classmethod
    def unreadable(cls, *status: str) -> Self:
        return cls(state="unreadable", status=status)
