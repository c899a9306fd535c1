"""`Account`, its ways in (`Grant`) and what depends on it (`Depends`)."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from agent.model.attribution import Attribution
from agent.model.base import Id, M, Tri, Us
from agent.model.known import Known
from agent.model.ref import Ref


class Grant(M):
    """May this subject pass this door? "no" needs the status of a finished, strong question."""

    door: str
    target: Ref
    verdict: Literal["yes", "no", "conditional", "unknown"]
    path: tuple[Ref, ...] = ()
    status: tuple[str, ...] = ()
    evidence: tuple[Id, ...] = ()

    @model_validator(mode="after")
    def _no_needs_status(self) -> Self:
        if self.verdict == "no" and not self.status:
            raise ValueError("a door is closed only where somebody looked")
        return self


class Depends(M):
    """What stops working when the account does: service, task, SPN, RADIUS, LDAP bind, scan-to-folder, backup."""

    kind: str
    consumer: Ref
    evidence: tuple[Id, ...]


class Account(M):
    """No secret, hash or hint of one is ever a field here. `key` is SID, uid or name in `realm`, never the bare name."""

    id: Id
    realm: Ref
    name: str
    key: Ref
    nature: Known[str]
    enabled: Known[bool]
    last_logon: Known[Us]
    secret_changed: Known[Us]
    expires: Known[Us]
    member_of: tuple[tuple[Ref, ...], ...] = ()
    grants: tuple[Grant, ...] = ()
    used_by: tuple[Depends, ...] = ()
    used_by_complete: Tri = "unknown"
    owner: Attribution
    person: str | None = None
