"""How far one machine was looked into from the inside: the row of a machine in the "not checked" matrix."""

from __future__ import annotations

from typing import Literal

from agent.model.base import Id, M, Us

AREAS: tuple[str, ...] = (
    "services",
    "processes",
    "software",
    "tasks",
    "autostarts",
    "files",
    "accounts",
    "network",
    "protection",
)
"""Columns of the matrix, in its order."""
DECIDING: tuple[str, ...] = ("services", "processes", "software", "tasks", "autostarts")
"""Areas that must all have been read to their end before a machine may be called clean."""
AreaState = Literal["done", "partial", "not_looked", "not_there"]
"""`not_there`: this system has nothing of the kind."""


class AreaLook(M):
    """`count`: rows read. `reasons`: what was not read, and why, as (view, code or text of the collector)."""

    area: str
    state: AreaState
    count: int = 0
    reasons: tuple[str, ...] = ()


class Inspection(M):
    """`channel`: the strongest that looked; empty: nobody did. `clean`: everything that decides was read, and nothing foreign is on it."""

    asset: Id
    channel: Literal["endpoint", "snmp", ""]
    at: Us | None = None
    elevated: bool | None = None
    areas: tuple[AreaLook, ...] = ()
    items: tuple[Id, ...] = ()
    clean: bool = False
    evidence: tuple[Id, ...] = ()

    @property
    def whole(self) -> bool:
        """Was everything that decides read to its end, by a channel that can?"""
        read = {a.area: a.state for a in self.areas}
        return (
            self.channel == "endpoint"
            and self.elevated is True
            and all(read.get(area) == "done" for area in DECIDING)
        )


class LocalAdmin(M):
    """A member of the administrators of machines. `hosts`: where; `evidence`: by which tables."""

    name: str
    kind: str
    groups: tuple[str, ...]
    hosts: tuple[Id, ...]
    evidence: tuple[Id, ...]
