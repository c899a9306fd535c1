"""What protects a host (antivirus, EDR, backup), in which state, whose it is, and what of it gets in each other's way."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from agent.model.attribution import Attribution
from agent.model.base import Id, M, Tri
from agent.model.known import Known
from agent.model.software import Artefact

ProtectionKind = Literal["antivirus", "edr", "backup"]
ProtectionForm = Literal["running", "installed", "passive", "off", "residue", "unknown"]
ConflictKind = Literal[
    "two_engines",
    "defender_server",
    "two_edr",
    "goes_with_rmm",
    "tamper_locked",
    "tenant_former",
    "backup_former",
    "two_backups",
    "two_rmm",
    "service_account",
]
Open = Literal["mode", "server", "engine", "runs", "delivery", "owner", "patching"]


class ProtectionItem(M):
    """One product on one host.

    `form`: `off` is stopped or switched off, and somebody looked; `installed` says nothing of whether it runs; `unknown`: it runs, and
    whether it is active or passive was not told, or told in two ways. `engine`: does its real-time engine watch the files of the host?
    `updated`: newest day (ISO 8601) told for its signatures, or of a backup for its last copy. `accounts`: domain accounts its services
    log on with. `instance` keys are on the catalogue's list.
    """

    id: Id
    asset: Id
    product: str
    kind: ProtectionKind
    builtin: bool
    form: ProtectionForm
    engine: Tri
    artefacts: tuple[Artefact, ...]
    version: Known[str]
    updated: Known[str]
    instance: dict[str, str] = {}
    accounts: tuple[str, ...] = ()
    owner: Attribution

    @property
    def evidence(self) -> tuple[Id, ...]:
        """Every observation it rests on."""
        return tuple(sorted({e for a in self.artefacts for e in a.evidence}))


class Conflict(M):
    """What does not go together on a host. `items`: ids of the protection and software items it is about, `products` their products.

    `verdict` unknown: it would be one, if what `open` names were so. Never a "no": what is no conflict is not listed.
    """

    id: Id
    asset: Id
    kind: ConflictKind
    verdict: Literal["yes", "unknown"]
    open: tuple[Open, ...] = ()
    products: tuple[str, ...]
    items: tuple[Id, ...]
    evidence: tuple[Id, ...]

    @model_validator(mode="after")
    def _says_what_is_open(self) -> Self:
        if (self.verdict == "unknown") != bool(self.open):
            raise ValueError(
                "an unknown verdict says what is not known, a certain one has nothing open"
            )
        return self
