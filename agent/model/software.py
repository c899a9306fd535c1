"""Installed, running or left-over software, judged one instance at a time."""

from __future__ import annotations

from typing import Literal

from agent.model.attribution import Attribution
from agent.model.base import Id, M
from agent.model.known import Known


class Artefact(M):
    """A trace: service, process, package, task, path, registry value, policy, open port."""

    kind: str
    name: str
    value: str
    evidence: tuple[Id, ...]


class SoftwareItem(M):
    """`asset` None: seen only in a policy. `product` None: seen, not in the catalogue. `instance` keys are on the catalogue's list."""

    id: Id
    asset: Id | None
    product: str | None
    category: str
    form: Literal["running", "installed", "configured", "residue", "reported"]
    artefacts: tuple[Artefact, ...]
    instance: dict[str, str] = {}
    version: Known[str]
    owner: Attribution
    reinstalled_by: tuple[Id, ...] = ()
