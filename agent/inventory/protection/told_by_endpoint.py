"""Traces of protection in what machines told of themselves (`handover collect`): of each table of each machine, its newest telling.

A document has a thousand rows and few of them mean anything here: a row is made a trace only where it names a product.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Literal

from agent.catalogs.protection import by_id, called, public_keys
from agent.inventory.protection.signs import STATE, UPDATED, signs
from agent.inventory.software.told_by_endpoint import newest
from agent.model.base import Id
from agent.model.bodies_endpoint import EndpointTable
from agent.model.endpoint_document import Cell
from agent.model.endpoint_tables import TABLES
from agent.model.observation import Observation
from agent.model.software import Trace, TraceKind

_KINDS: dict[str, TraceKind] = {
    "services": "service",
    "processes": "process",
    "packages": "package",
    "drivers": "driver",
    "units": "unit",
    "launchd": "launchd",
    "paths": "path",
    "values": "registry_value",
    "protection": "package",
}
"""Table -> kind of trace."""
_STATES: dict[str, Literal["running", "stopped"]] = {
    "running": "running",
    "active": "running",
    "stopped": "stopped",
    "disabled": "stopped",
    "inactive": "stopped",
    "failed": "stopped",
}


def traces(
    observations: Iterable[tuple[str, Observation]], asset_of: Mapping[Id, Id]
) -> Iterator[Trace]:
    """*asset_of*: observation -> asset."""
    for host, o in newest(observations, asset_of):
        assert isinstance(o.body, EndpointTable)
        if o.body.table in _KINDS:
            for row in o.body.rows:
                if (trace := _meaning(o.body.table, row)) is not None:
                    yield trace.model_copy(update={"host": host, "evidence": (o.id,)})


@lru_cache(maxsize=1 << 14)
def _meaning(table: str, row: tuple[Cell, ...]) -> Trace | None:
    """The trace that a row is, without host and evidence. Machines of one client have most of their rows in common."""
    cells = {
        column: cell if isinstance(cell, str) else ""
        for column, cell in zip(TABLES[table], row, strict=False)
    }
    if table == "values":
        known = cells["tool"] in by_id() and cells["key"] in public_keys()
        values = {cells["key"]: cells["value"]}
        return _trace(table, name=cells["tool"], values=values) if known else None
    if table == "protection":
        values = {STATE: cells["state"], UPDATED: cells["updated"]}
        # A firewall protects too, and is none of these.
        known = cells["kind"] in ("antivirus", "backup") and bool(called(cells["name"]))
        return _trace(table, name=cells["name"], values=values) if known else None
    kept = {c: cells.get(c, "") for c in ("display", "command", "path", "account", "version")}
    state = _STATES.get(cells.get("state", ""), "unknown")
    trace = _trace(table, name=cells.get("name", ""), state=state, **kept)
    return trace if signs(trace) else None


def _trace(table: str, **fields: Any) -> Trace:
    # Made of checked rows: nothing is left to validate.
    empty: dict[str, Any] = {"display": "", "command": "", "path": "", "account": "", "version": ""}
    rest: dict[str, Any] = {"publisher": "", "state": "unknown", "values": {}, "evidence": ()}
    said: dict[str, Any] = {"host": None, "kind": _KINDS[table], "channel": "endpoint", **fields}
    return Trace.model_construct(**(empty | rest | said))
