"""`Finding`: a rule that holds for some subjects, with evidence and parameters and no prose."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agent.model.attribution import Attribution
from agent.model.base import Id, M, Permille
from agent.model.ref import Ref

Severity = Literal["info", "low", "medium", "high", "critical"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")


class Finding(M):
    """Text = catalogue[language] % params. `key` = H(rule, asset or account ids): equal across runs. `accepted`: who, when, why."""

    key: Id
    rule: str
    rule_rev: int
    subjects: tuple[Ref, ...] = Field(min_length=1)
    assets: tuple[Id, ...] = ()
    severity: Severity
    conf: Permille
    params: dict[str, str | int] = {}
    evidence: tuple[Id, ...] = Field(min_length=1)
    owner: Attribution | None = None
    closes: tuple[str, ...] = ()
    accepted: str | None = None
