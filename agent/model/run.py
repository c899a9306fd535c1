"""What a run says of itself: where it stood, what it was allowed, what it planned, how it ended."""

from __future__ import annotations

from typing import Literal

from agent.model.base import Id, M, Us
from agent.model.ref import Ref
from agent.model.scope import ScopeRule


class Vantage(M):
    """The point we looked from.

    `on_link`: networks reached from it without a router, where a host must answer ARP to speak IPv4. `mode`: raw packets, without
    privileges, the loopback lab, or a file that was imported.
    """

    site: str
    host: str
    interface: str | None = None
    address: str | None = None
    gateway_mac: str | None = None
    on_link: tuple[str, ...] = ()
    mode: Literal["raw", "unprivileged", "lab-loopback", "import"] = "unprivileged"
    platform: str = ""
    port_offset: int = 0


class RunHeader(M):
    """First entry of a run's log. `run_id` is random; hashes are SHA-256 hex; `only`, `with_nmap` and `ports` as they were asked for, and
    hold for every session.
    """

    run_id: str
    engagement: Id
    site: str
    kind: Literal["run", "import"] = "run"
    started: Us
    tool_version: str
    catalogues_sha256: str
    client_toml_sha256: str
    mandate_sha256: str
    mandate_signed_by: str
    operator: str
    vantage: Vantage
    scope: ScopeRule
    profile: Literal["normal", "quiet"] = "normal"
    public_key: str = ""
    source: str = ""
    only: tuple[str, ...] = ()
    with_nmap: tuple[str, ...] = ()
    ports: str = "msp"


class SessionFacts(M):
    """Who took a run up again, from where and on whose word; what the header says holds for the first session only."""

    operator: str
    vantage: Vantage
    scope_sha256: str
    client_toml_sha256: str
    mandate_sha256: str
    mandate_signed_by: str
    tool_version: str
    catalogues_sha256: str
    profile: Literal["normal", "quiet"]


class Resumed(M):
    """A later session of a run, from 1; `facts` is None in files written before they were recorded."""

    session: int
    started: Us
    facts: SessionFacts | None = None


class UnitPlan(M):
    """One planned unit of work: `unit` is the journal key (a target or a shard), `targets` the literal addresses it may touch."""

    probe: str
    unit: str
    subject: Ref | None = None
    targets: tuple[str, ...] = ()
    params: dict[str, str] = {}


class SessionEnd(M):
    """How a session of a run ended; a run that was resumed has several sessions."""

    session: int
    outcome: Literal["complete", "partial", "interrupted", "killed"]
    ended: Us
    reason: str = ""
