"""`Judged`: the whole result of an engagement, as every report and export reads it. Plain data, no prose: texts come from catalogues.

Produced by `agent.judgement.judge`; a report computes nothing beyond laying it out.
"""

from __future__ import annotations

from typing import Literal

from agent.model.account import Account
from agent.model.asset import Asset
from agent.model.attribution import Attribution
from agent.model.base import Id, M, Us
from agent.model.checklist import ChecklistItem
from agent.model.console import Console, ConsoleCoverage
from agent.model.directory import DirectoryDomain
from agent.model.finding import Finding
from agent.model.inspection import Inspection, LocalAdmin
from agent.model.known import Known
from agent.model.nps import NpsServer
from agent.model.observation import Observation
from agent.model.protection import Conflict as Clash
from agent.model.protection import ProtectionItem
from agent.model.ref import Ref
from agent.model.run import Resumed, RunHeader, SessionEnd
from agent.model.service import Service
from agent.model.software import SoftwareItem
from agent.model.status import ProbeStatus
from agent.model.topology import Topology

SUBJECTS: tuple[str, ...] = ("devices", "snmp", "accounts", "dns", "firewalls", "leftovers")
"""The six subjects of the sweep; coverage is shown for each, fed or not."""
DoorState = Literal["observed", "suspected", "not_seen", "not_examined"]


class SiteFacts(M):
    id: str
    address: str
    hours: str
    networks: tuple[str, ...]
    never: tuple[tuple[str, str], ...] = ()
    unreached: tuple[tuple[str, str], ...] = ()
    dhcp_servers: tuple[str, ...] = ()
    """Addresses that may give out addresses beside the gateway."""
    care: tuple[str, ...] = ()
    """Networks for which client.toml asks for care."""


class EngagementFacts(M):
    """What the people wrote: client, mandate, takeover. No secret and no account but its handle."""

    id: Id
    client: str
    language: Literal["en", "fr"]
    sector: str
    mandate_signed_by: str
    mandate_signed_on: str
    mandate_from: str
    mandate_to: str
    mandate_sha256: str
    mandate_allows: tuple[str, ...]
    mode: str
    former_knows: bool = False
    """May the former provider learn of the takeover already? False keeps it quiet."""
    former: tuple[str, ...]
    contract_ends: str
    operator: str
    us: str
    keep_until: str
    sites: tuple[SiteFacts, ...]


class RunFacts(M):
    """A run or import as the report shows it. `head_words` are the head of its chain in words, `verified` the three verdicts of verify.

    `clock_back`: microseconds by which the machine's clock was set back while the run lasted or since; its times are as it told them.
    """

    header: RunHeader
    ends: tuple[SessionEnd, ...]
    outcome: Literal["complete", "partial", "interrupted", "killed"]
    statuses: int
    observations: int
    head: str
    head_words: str
    self_consistent: bool
    signed_by: str | None
    known_outside: bool
    file: str
    resumed: tuple[Resumed, ...] = ()
    clock_back: Us = 0


class Unknown(M):
    """Something we could not look at, with the one step that would close it. `step` is a key of catalogs/unknowns.toml."""

    cause: str
    subject: Ref | None
    label: str
    site: str | None
    step: str
    params: dict[str, str | int] = {}
    count: int = 1
    weight: int = 1
    statuses: tuple[str, ...] = ()


class Coverage(M):
    """Share of one subject that was looked at: of `total` members (None: not even their number is known) `looked` were."""

    subject: str
    looked: int
    total: int | None
    reasons: tuple[str, ...] = ()


class Door(M):
    """A way in for a party: remote tool, VPN, firewall admin, exposed service ... One cell of the who-can-get-in matrix."""

    door: str
    party: Attribution
    party_label: str
    state: DoorState
    target: Ref | None = None
    assets: tuple[Id, ...] = ()
    evidence: tuple[Id, ...] = ()
    statuses: tuple[str, ...] = ()


class Todo(M):
    """An action for today: `action` is a key of the risk catalogue (its remediation) or of the checklist."""

    action: str
    kind: Literal["finding", "unknown", "item"]
    severity: str
    who: str
    subjects: tuple[Ref, ...]
    labels: tuple[str, ...] = ()
    params: dict[str, str | int] = {}
    evidence: tuple[Id, ...] = ()


class StepProgress(M):
    step: int
    total: int
    closed: int
    open: int
    unknown: int


class PageOne(M):
    """Counts and short lists of the first page. `None` means not examined, never zero."""

    ways_in: int | None
    ways_in_suspected: int
    ways_to_admin: int | None
    systems: int
    systems_not_looked: int
    today: tuple[Todo, ...]
    doors: tuple[Door, ...]
    what_stops: tuple[str, ...] | None
    backup: Literal["not_examined", "answered"]
    backup_facts: dict[str, str] = {}
    unknowns: tuple[Unknown, ...]
    unknown_total: int
    unknown_by_cause: dict[str, int]
    coverage: tuple[Coverage, ...]
    estate: dict[str, int]
    left_alone: int
    personal_devices: int | None
    no_rmm: int | None
    no_antivirus: int | None
    no_backup: int | None
    second_factor_foreign: int | None
    leavers: int | None
    ownerless_accounts: int | None
    administrators: int | None
    expiring: tuple[tuple[str, Us, tuple[Id, ...]], ...]
    steps: tuple[StepProgress, ...]
    sla_blockers: int
    letter: dict[str, int] | None
    since_last: dict[str, int] | None
    packets_sent: int
    bytes_sent: int
    accepted_risks: tuple[str, ...]


class LedgerLine(M):
    """Sum of what was sent to one target by one probe."""

    site: str
    target: str
    probe: str
    transport: str
    packets: int
    bytes: int
    reserved: int
    peak_pps: int
    first: Us
    last: Us
    estimated: bool = False
    care: str = ""
    """Why the target was treated with care from when it was known: an entry of fragile.toml, or `client.toml`."""


class Conflict(M):
    """Two runs disagree on a value: the newest wins, both are shown."""

    subject: Ref
    attribute: str
    newest: str
    older: str
    evidence: tuple[Id, ...]


class Judged(M):
    engagement: EngagementFacts
    at: Us
    runs: tuple[RunFacts, ...]
    assets: tuple[Asset, ...]
    services: tuple[Service, ...]
    accounts: tuple[Account, ...] = ()
    software: tuple[SoftwareItem, ...] = ()
    protection: tuple[ProtectionItem, ...] = ()
    clashes: tuple[Clash, ...] = ()
    inspections: tuple[Inspection, ...] = ()
    local_admins: tuple[LocalAdmin, ...] = ()
    consoles: tuple[Console, ...] = ()
    console_coverage: tuple[ConsoleCoverage, ...] = ()
    directory: tuple[DirectoryDomain, ...] = ()
    nps: tuple[NpsServer, ...] = ()
    findings: tuple[Finding, ...]
    checklist: tuple[ChecklistItem, ...]
    doors: tuple[Door, ...]
    unknowns: tuple[Unknown, ...]
    coverage: tuple[Coverage, ...]
    conflicts: tuple[Conflict, ...] = ()
    topologies: tuple[Topology, ...] = ()
    page_one: PageOne
    ledger: tuple[LedgerLine, ...]
    statuses: tuple[tuple[str, ProbeStatus], ...]
    """(run id, status) pairs."""
    observations: tuple[tuple[str, Observation], ...]
    """(run id, observation) pairs: the evidence, newest sighting time in `at`."""
    labels: dict[str, str] = {}
    """Asset id -> the name people call it by."""
    vendors: dict[str, Known[str]] = {}
