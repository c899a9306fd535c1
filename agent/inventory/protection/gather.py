"""Everything observed -> what protects each host. A channel more is a source of traces more, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.inventory.protection import told_by_endpoint
from agent.inventory.protection.find import protection
from agent.inventory.software import told_by_snmp
from agent.model.asset import Asset
from agent.model.attribution import Provider
from agent.model.base import Id
from agent.model.observation import Observation
from agent.model.protection import ProtectionItem


def gather(
    observations: Iterable[tuple[str, Observation]],
    assets: Sequence[Asset],
    providers: Iterable[Provider],
    key: bytes,
) -> tuple[ProtectionItem, ...]:
    """*key*: the engagement's id key."""
    asset_of: dict[Id, Id] = {e: a.id for a in assets for e in a.evidence}
    seen = tuple(observations)
    traces = (*told_by_snmp.traces(seen, asset_of), *told_by_endpoint.traces(seen, asset_of))
    return protection(traces, providers, key)
