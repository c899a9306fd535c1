"""`Inventory`: what is here, recomputed from observations; the order in which they arrived never matters."""

from __future__ import annotations

from agent.model.account import Account
from agent.model.asset import Asset
from agent.model.base import Id, M
from agent.model.console import Console, ConsoleCoverage
from agent.model.directory import DirectoryDomain
from agent.model.inspection import Inspection, LocalAdmin
from agent.model.judged import Conflict
from agent.model.nps import NpsServer
from agent.model.protection import Conflict as Clash
from agent.model.protection import ProtectionItem
from agent.model.service import Service
from agent.model.software import SoftwareItem
from agent.model.topology import Topology


class Inventory(M):
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
    conflicts: tuple[Conflict, ...] = ()
    topologies: tuple[Topology, ...] = ()
    labels: dict[Id, str] = {}
