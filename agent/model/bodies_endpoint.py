"""What a machine told of itself through `handover collect`: bodies of imported endpoint documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import Field

from agent.model.bodies import Body
from agent.model.endpoint_document import Cell, Checked, Machine, Platform, Rows
from agent.model.endpoint_tables import TABLES


class EndpointHost(Body):
    """The machine, and how far the look at it went. Addresses outside the networks of its site were left out."""

    KIND = "endpoint.host"
    platform: Platform
    elevated: bool
    tool: str = ""
    machine: Machine
    checked: tuple[Checked, ...] = ()


class EndpointTable(Body):
    """One table of the document, whole. `cut`: rows its collector left out."""

    KIND = "endpoint.table"
    table: str
    rows: Rows = ()
    cut: int = Field(ge=0, default=0)

    def plain(self) -> dict[str, Any]:
        # Cells are plain already.
        return {name: getattr(self, name) for name in EndpointTable.model_fields}

    def records(self) -> Iterator[dict[str, Cell]]:
        """Each row as column -> cell."""
        columns = TABLES.get(self.table, ())
        for row in self.rows:
            yield dict(zip(columns, row, strict=False))
