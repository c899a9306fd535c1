"""The documents `handover show ENG PART --json` and `handover doctor --json` print, as models: what a program may rely on."""

from __future__ import annotations

from typing import Literal

from agent.model.account import Account
from agent.model.asset import Asset
from agent.model.base import M
from agent.model.checklist import ChecklistItem
from agent.model.finding import Finding
from agent.model.judged import Conflict, Judged, LedgerLine, RunFacts
from agent.model.observation import Observation
from agent.model.service import Service
from agent.model.software import SoftwareItem
from agent.model.status import ProbeStatus


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


PARTS: dict[str, type[M]] = {
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
