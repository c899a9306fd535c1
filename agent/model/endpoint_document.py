"""The endpoint document: what `handover collect` writes of one machine, and `handover import` takes in. JSON, 2 MB at most."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SkipValidation, model_validator

from agent.model.base import Id, M, Us
from agent.model.endpoint_tables import MOST_ROWS, MOST_TEXT, TABLES
from agent.model.status import UnitOutcome

Cell = int | str | None
Platform = Literal["windows", "linux", "macos"]
_SHORT = 253


def _shared_rows(rows: Any) -> tuple[tuple[Cell, ...], ...]:
    """*rows* checked, as tuples that equal rows of other machines share. Raises `ValueError`."""
    if not isinstance(rows, list | tuple):
        raise ValueError("rows are no list")
    if len(rows) > MOST_ROWS:
        raise ValueError(f"{len(rows)} rows, {MOST_ROWS} are allowed")
    if len(_SEEN) > MOST_SHARED:
        _SEEN.clear()
    return tuple(_SEEN.get(row) or _checked(row) for row in map(_row, rows))


def _row(row: Any) -> tuple[Cell, ...]:
    if not isinstance(row, list | tuple):
        raise ValueError("a row is no list")
    # Before it is looked up: a list in it has no hash, and 1, 1.0 and True are one key.
    if not _CELLS.issuperset(map(type, row)):
        raise ValueError("a cell is text, a whole number or null")
    return tuple(row)


def _checked(row: tuple[Cell, ...]) -> tuple[Cell, ...]:
    for cell in row:
        if isinstance(cell, str) and len(cell) > MOST_TEXT:
            raise ValueError(f"a cell has {len(cell)} characters, {MOST_TEXT} are allowed")
    _SEEN[row] = row
    return row


_CELLS = frozenset({str, int, type(None)})
_SEEN: dict[tuple[Cell, ...], tuple[Cell, ...]] = {}
MOST_SHARED = 200_000
"""Rows remembered: machines of one client have most of their rows in common."""
Rows = Annotated[tuple[tuple[Cell, ...], ...], SkipValidation, BeforeValidator(_shared_rows)]
"""Rows of a table; checked by hand, as pydantic would go through a million cells one by one."""


class Card(M):
    """A network interface. `built_in`: a card of the machine itself, not a dock, adapter, or made by software; None: not told."""

    name: str = Field(max_length=_SHORT, default="")
    mac: str = Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")
    addresses: tuple[str, ...] = Field(max_length=64, default=())
    built_in: bool | None = None


class Machine(M):
    """What the machine is. `serial` and `uuid` as its firmware has them (SMBIOS, DSP0134); `memory` bytes; `bios_date` as YYYY-MM-DD."""

    name: str = Field(max_length=_SHORT)
    domain: str = Field(max_length=_SHORT, default="")
    workgroup: str = Field(max_length=_SHORT, default="")
    vendor: str = Field(max_length=_SHORT, default="")
    model: str = Field(max_length=_SHORT, default="")
    serial: str = Field(max_length=_SHORT, default="")
    uuid: str = Field(max_length=_SHORT, default="")
    form: Literal["server", "workstation", "laptop", "virtual_machine", ""] = ""
    os: str = Field(max_length=_SHORT, default="")
    version: str = Field(max_length=_SHORT, default="")
    patch: str = Field(max_length=_SHORT, default="")
    cpu: str = Field(max_length=_SHORT, default="")
    cores: int | None = Field(ge=0, le=100_000, default=None)
    memory: int | None = Field(ge=0, default=None)
    bios: str = Field(max_length=_SHORT, default="")
    bios_date: str = Field(max_length=_SHORT, default="")
    cards: tuple[Card, ...] = Field(max_length=256, default=())


class Checked(M):
    """How looking into one source, or one view of it (32-bit, a user's hive), ended. What was not looked at stands here too."""

    source: str = Field(max_length=_SHORT)
    view: str = Field(max_length=_SHORT, default="")
    outcome: UnitOutcome
    count: int = Field(ge=0, default=0)
    reason: str = Field(max_length=500, default="")

    @model_validator(mode="after")
    def _said(self) -> Checked:
        if self.outcome != "done" and not self.reason:
            raise ValueError(f"{self.source}: ended {self.outcome} without a reason")
        return self


class Table(M):
    """Rows under the columns that `endpoint_tables.TABLES` names for it. `cut`: rows left out."""

    table: str
    rows: Rows
    cut: int = Field(ge=0, default=0)

    @model_validator(mode="after")
    def _sound(self) -> Table:
        columns = TABLES.get(self.table)
        if columns is None:
            raise ValueError(f"no such table: {self.table!r}")
        if any(len(row) != len(columns) for row in self.rows):
            raise ValueError(f"{self.table}: a row has not the columns {', '.join(columns)}")
        return self


class EndpointDocument(M):
    """One machine at one time. `engagement`: for which client it was collected, where that was told; `elevated`: as root or administrator.

    `collected` microseconds UTC, by the clock of that machine.
    """

    format: Literal["handover-endpoint"]
    version: Literal[1]
    tool: str = Field(max_length=_SHORT, default="")
    engagement: Id | Literal[""] = ""
    collected: Us = Field(gt=0)
    platform: Platform
    elevated: bool
    machine: Machine
    checked: tuple[Checked, ...] = Field(max_length=2000)
    tables: tuple[Table, ...] = Field(max_length=64)

    @model_validator(mode="after")
    def _once(self) -> EndpointDocument:
        names = [t.table for t in self.tables]
        if len(names) != len(set(names)):
            raise ValueError("a table stands in it twice")
        done = {c.source for c in self.checked}
        if missing := sorted(set(names) - done):
            raise ValueError(f"tables nobody says were looked at: {', '.join(missing)}")
        return self
