"""`Hit`: one place where a rule holds, before hits of one rule on one asset become one finding."""

from __future__ import annotations

from dataclasses import dataclass, field

from agent.model.attribution import Attribution
from agent.model.finding import Severity
from agent.model.ref import Ref


@dataclass(frozen=True)
class Hit:
    """`assets`: ids of whom it is about; `severity` and `conf` override the rule's."""

    subject: Ref
    assets: tuple[str, ...]
    evidence: tuple[str, ...]
    params: dict[str, str | int] = field(default_factory=dict[str, str | int])
    severity: Severity | None = None
    conf: int | None = None
    owner: Attribution | None = None
