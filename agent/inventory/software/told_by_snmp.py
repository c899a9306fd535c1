"""Traces in what SNMP agents tell: running programs and installed software (RFC 2790), services of Windows (LanMgr-Mib-II)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agent.model.base import Id
from agent.model.bodies_snmp import Cell, SnmpTable
from agent.model.observation import Observation
from agent.model.software import Trace

_ACTIVE = 1
"""svSvcOperatingState: only what runs is listed."""


def traces(
    observations: Iterable[tuple[str, Observation]], asset_of: Mapping[Id, Id]
) -> Iterator[Trace]:
    """*asset_of*: observation -> asset."""
    for _, o in observations:
        host = asset_of.get(o.id)
        if host is None or not isinstance(o.body, SnmpTable):
            continue
        if o.body.table not in ("processes", "software", "services"):
            continue
        for row in o.body.records():
            if (trace := _trace(o.body.table, row, host, o.id)) is not None:
                yield trace


def _trace(table: str, row: dict[str, Cell], host: Id, evidence: Id) -> Trace | None:
    name = row.get("name")
    if not isinstance(name, str) or not name.strip():
        return None
    if table == "processes":
        path = row.get("path")
        return Trace(
            host=host,
            kind="process",
            channel="snmp",
            name=name.strip(),
            path=path.strip() if isinstance(path, str) else "",
            state="running",
            evidence=(evidence,),
        )
    if table == "software":
        return Trace(
            host=host, kind="package", channel="snmp", name=name.strip(), evidence=(evidence,)
        )
    running = row.get("state") in (None, _ACTIVE)
    return Trace(
        host=host,
        kind="service",
        channel="snmp",
        # The agent lists what the service manager shows.
        name=name.strip(),
        display=name.strip(),
        state="running" if running else "unknown",
        evidence=(evidence,),
    )
