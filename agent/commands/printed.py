"""The documents `handover show ENG PART --json` and `handover doctor --json` print, as models: what a program may rely on."""

from __future__ import annotations

from typing import Literal

from agent.model.account import Account
from agent.model.asset import Asset
from agent.model.base import Id, M
from agent.model.checklist import ChecklistItem
from agent.model.finding import Finding
from agent.model.inspection import Inspection, LocalAdmin
from agent.model.judged import Conflict, Judged, LedgerLine, RunFacts
from agent.model.observation import Observation
from agent.model.protection import ProtectionItem
from agent.model.service import Service
from agent.model.software import SoftwareItem
from agent.model.status import ProbeStatus


class PrintedEvidence(M):
    field: str
    oid: str
    """Object that decided; empty where a family of the catalogue says it of all its devices."""
    text: str
    """What stood there, shortened."""
    rule: str
    """Family of the catalogue, or the general rule."""


class Identified(M):
    """`handover identify --json`: one a recording. Empty texts: not known."""

    recording: str
    vendor: str = ""
    type: str = ""
    os: str = ""
    model: str = ""
    version: str = ""
    serial: str = ""
    confidence: int = 0
    """Of the weakest value that is told, permille; 0 where none is."""
    evidence: tuple[PrintedEvidence, ...] = ()
    bad_lines: int = 0
    """Lines that were not of the format and were left out."""
    error: str = ""
    """Why the file could not be read as a recording; then nothing else is told."""


class PrintedStatus(ProbeStatus):
    run: str
    """Id of the run it belongs to."""


class PrintedObservation(Observation):
    run: str
    """Id of the run it belongs to."""


class Statuses(M):
    status: tuple[PrintedStatus, ...]


class Inventory(M):
    assets: tuple[Asset, ...]
    services: tuple[Service, ...]
    accounts: tuple[Account, ...]
    software: tuple[SoftwareItem, ...]
    protection: tuple[ProtectionItem, ...]
    inspections: tuple[Inspection, ...]
    local_admins: tuple[LocalAdmin, ...]
    conflicts: tuple[Conflict, ...]


class Findings(M):
    findings: tuple[Finding, ...]


class Checklist(M):
    checklist: tuple[ChecklistItem, ...]


class Ledger(M):
    ledger: tuple[LedgerLine, ...]


class Observations(M):
    observations: tuple[PrintedObservation, ...]


class Runs(M):
    runs: tuple[RunFacts, ...]


class DoctorLine(M):
    """One thing of this machine: is it here, what it gives, what to do where it is missing."""

    name: str
    state: Literal["yes", "no", "unknown"]
    found: str
    gives: str
    step: str


class Doctor(M):
    doctor: tuple[DoctorLine, ...]


class EngagementId(M):
    id: Id


PARTS: dict[str, type[M]] = {
    "id": EngagementId,
    "status": Statuses,
    "inventory": Inventory,
    "findings": Findings,
    "checklist": Checklist,
    "ledger": Ledger,
    "observations": Observations,
    "runs": Runs,
}


def document(result: Judged, part: str) -> M:
    """*part* of the result as the model `PARTS[part]`."""
    if part == "id":
        return EngagementId(id=result.engagement.id)
    if part == "status":
        return Statuses(
            status=tuple(PrintedStatus(**dict(s), run=run) for run, s in result.statuses)
        )
    if part == "observations":
        return Observations(
            observations=tuple(
                PrintedObservation(**dict(o), run=run) for run, o in result.observations
            )
        )
    model = PARTS[part]
    return model(**{name: getattr(result, name) for name in model.model_fields})
