"""Installed, running or left-over software, judged one instance at a time."""

from __future__ import annotations

from typing import Literal

from agent.model.attribution import Attribution
from agent.model.base import Id, M
from agent.model.known import Known

Form = Literal["running", "installed", "configured", "residue", "reported"]


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
    form: Form
    artefacts: tuple[Artefact, ...]
    instance: dict[str, str] = {}
    version: Known[str]
    owner: Attribution
    reinstalled_by: tuple[Id, ...] = ()


TraceKind = Literal[
    "service",
    "process",
    "package",
    "task",
    "run_key",
    "driver",
    "wmi_subscription",
    "safeboot",
    "failure_action",
    "browser_extension",
    "firewall_rule",
    "listener",
    "connection",
    "unit",
    "launchd",
    "cron",
    "authorized_key",
    "path",
    "registry_value",
    "local_user",
    "policy_package",
    "policy_script",
    "policy_task",
    "name_asked",
    "banner",
    "certificate",
]


class Trace(M):
    """One row that may be a sign of remote access, wherever it was seen: an endpoint document, SNMP, a policy, a banner.

    `host`: asset it was seen on, None for what stands in a policy only. `name`: service key, base name of a program, uninstall name,
    task path, host name asked for. `command`: program with its arguments, already redacted. `values`: identifiers the catalogue names
    exactly; nothing else of a registry key or configuration file is ever read.
    """

    host: Id | None
    kind: TraceKind
    channel: str
    name: str
    display: str = ""
    command: str = ""
    path: str = ""
    account: str = ""
    publisher: str = ""
    version: str = ""
    state: Literal["running", "stopped", "present", "unknown"] = "unknown"
    values: dict[str, str] = {}
    evidence: tuple[Id, ...]
