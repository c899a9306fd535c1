"""Traces in what machines told of themselves (`handover collect`): of each table of each machine, its newest telling.

A document has a thousand rows and few of them mean anything here: a row is made a trace only where it names a product, or starts programs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from agent.catalogs.remote_access import KINDS, named, public_keys
from agent.inventory.software.reinstall import STARTERS, said
from agent.inventory.software.signs import program
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
    "tasks": "task",
    "run_keys": "run_key",
    "drivers": "driver",
    "wmi_subscriptions": "wmi_subscription",
    "safeboot": "safeboot",
    "browser_extensions": "browser_extension",
    "firewall_rules": "firewall_rule",
    "listeners": "listener",
    "connections": "connection",
    "units": "unit",
    "launchd": "launchd",
    "cron": "cron",
    "values": "registry_value",
    "paths": "path",
}
"""Table -> kind of trace."""
_STATES = {"running": "running", "active": "running", "stopped": "stopped", "inactive": "stopped"}
_RUNS_NOW = frozenset({"process", "listener", "connection"})


def traces(
    observations: Iterable[tuple[str, Observation]], asset_of: Mapping[Id, Id]
) -> Iterator[Trace]:
    """*asset_of*: observation -> asset."""
    for host, o in newest(observations, asset_of):
        assert isinstance(o.body, EndpointTable)
        if o.body.table in _KINDS:
            for row in o.body.rows:
                for words in _meaning(o.body.table, row):
                    # Made of checked rows: nothing is left to validate.
                    yield Trace.model_construct(host=host, evidence=(o.id,), **words)


def newest(
    observations: Iterable[tuple[str, Observation]], asset_of: Mapping[Id, Id]
) -> list[tuple[Id, Observation]]:
    """(asset, observation) of the newest telling of each table of each asset.

    A table that a later look could not read keeps what the look before found.
    """
    found: dict[tuple[Id, str], Observation] = {}
    for _, o in observations:
        if isinstance(o.body, EndpointTable) and (host := asset_of.get(o.id)) is not None:
            before = found.get((host, o.body.table))
            if before is None or (o.at, o.id) > (before.at, before.id):
                found[host, o.body.table] = o
    return [(host, found[host, table]) for host, table in sorted(found)]


@lru_cache(maxsize=1 << 14)
def _meaning(table: str, row: tuple[Cell, ...]) -> tuple[dict[str, Any], ...]:
    """The traces that a row is, without host and evidence. Machines of one client have most of their rows in common."""
    cells = {
        column: cell if isinstance(cell, str) else ""
        for column, cell in zip(TABLES[table], row, strict=False)
    }
    kind = _KINDS[table]
    trace = _trace(kind, cells)
    if kind in STARTERS:
        kept = [trace] if _starts_something(trace) else []
    elif kind == "registry_value":
        kept = [trace] if cells["key"] in public_keys() else []
    else:
        texts = (trace["name"], trace["display"], trace["path"] or program(trace["command"]))
        kept = [trace] if any(text and means_something(text) for text in texts) else []
    if failure := cells.get("failure"):
        action = _words("failure_action", name=cells["name"], command=failure)
        kept += [action] if _starts_something(action) else []
    return tuple(kept)


def _trace(kind: TraceKind, cells: dict[str, str]) -> dict[str, Any]:
    path = cells.get("path") or cells.get("program") or ""
    name = cells.get("name") or cells.get("process") or cells.get("tool") or ""
    if kind == "path":
        name = path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    elif kind == "cron":
        name = cells.get("place", "")
    return _words(
        kind,
        name=name,
        display=cells.get("display", ""),
        command=cells.get("command", ""),
        path=path,
        account=cells.get("account", ""),
        publisher=cells.get("publisher", ""),
        version=cells.get("version", ""),
        state="running" if kind in _RUNS_NOW else _STATES.get(cells.get("state", ""), "unknown"),
        values={cells["key"]: cells["value"]} if kind == "registry_value" else {},
    )


def _words(kind: TraceKind, **fields: Any) -> dict[str, Any]:
    empty = {
        "display": "",
        "command": "",
        "path": "",
        "account": "",
        "publisher": "",
        "version": "",
    }
    return {"kind": kind, "channel": "endpoint", **empty, "state": "unknown", "values": {}} | fields


def _starts_something(words: dict[str, Any]) -> bool:
    """Does the row name a product by its own name, or by what it starts?"""
    name, path, command = words["name"], words["path"], words["command"]
    return bool(
        named("task", name)
        or named("path", path)
        or named("path", program(command))
        or said(name, path, command)
    )


@lru_cache(maxsize=1 << 14)
def means_something(text: str) -> bool:
    """Does *text* name a product in any sense?"""
    return any(named(kind, text) for kind in KINDS)
