"""`ChecklistItem`: an item of the onboarding checklist and where it stands. A tick carries its evidence."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from agent.model.base import Id, M, Us
from agent.model.known import Known
from agent.model.ref import Ref

ItemState = Literal[
    "open", "clear", "unknown", "to_ask", "to_do", "done", "cannot_be_had", "not_applicable"
]


class Line(M):
    """One member of an item's denominator: a device, an account, a site."""

    subject: Ref
    label: str = ""
    state: Literal["open", "clear", "unknown", "done"]
    findings: tuple[Id, ...] = ()
    statuses: tuple[str, ...] = ()
    evidence: tuple[Id, ...] = ()


class ChecklistItem(M):
    """In mode `evidence` an item is clear only when its denominator is known, above zero, and every member has a clear or done line.

    `not_applicable` and `cannot_be_had` are a person's decision: `by` and `at` are set.
    """

    id: str
    step: int
    mode: Literal["evidence", "intake", "action"]
    state: ItemState
    denominator: Known[int]
    lines: tuple[Line, ...] = ()
    answer: str | None = None
    by: str | None = None
    at: Us | None = None
    due: Us | None = None

    @model_validator(mode="after")
    def _clear_is_proved(self) -> Self:
        if self.state in ("not_applicable", "cannot_be_had") and (not self.by or self.at is None):
            raise ValueError(f"{self.id}: {self.state} is decided by a person on a date")
        if self.mode == "evidence" and self.state == "clear":
            whole = self.denominator.state == "known" and self.denominator.value == len(self.lines)
            if not whole or not self.lines:
                raise ValueError(f"{self.id}: clear needs a known denominator and a line a member")
            if any(line.state not in ("clear", "done") for line in self.lines):
                raise ValueError(f"{self.id}: clear, but a line is not")
        if self.mode == "intake" and self.state in ("open", "clear"):
            raise ValueError(f"{self.id}: an intake item is asked or answered, not judged")
        return self
