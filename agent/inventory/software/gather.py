"""Everything observed -> the remote-access software of the inventory. A channel more is a source of traces more, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.inventory.software import told_by_endpoint, told_by_snmp
from agent.inventory.software.approved import places_of
from agent.inventory.software.find import software
from agent.inventory.software.reinstall import with_reinstall_paths
from agent.model.asset import Asset
from agent.model.attribution import Provider
from agent.model.observation import Observation
from agent.model.software import SoftwareItem


def gather(
    observations: Iterable[tuple[str, Observation]],
    assets: Sequence[Asset],
    providers: Iterable[Provider],
    key: bytes,
) -> tuple[SoftwareItem, ...]:
    """*key*: the engagement's id key."""
    asset_of = {e: a.id for a in assets for e in a.evidence}
    seen = tuple(observations)
    traces = (
        *told_by_snmp.traces(seen, asset_of),
        *told_by_endpoint.traces(seen, asset_of),
    )
    known = tuple(providers)
    places = places_of(assets) if any(p.on for p in known) else {}
    return with_reinstall_paths(software(traces, known, key, places), traces)
