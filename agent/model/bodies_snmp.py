"""What an SNMP agent tells of its device and of others: bodies of the collector in `collectors/snmp`.

A table is stored as rows of cells under named columns, some hundred rows an observation: a device has thousands of them, and what reads
them wants the table. Texts are decoded leniently and bounded. No community, key or pass phrase stands in any of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from agent.model.bodies import Body

Cell = int | str | None
"""None: the agent has no value there."""
TableEnd = Literal["complete", "cap", "order", "too_big", "error", "silent", "broken", "refused"]
"""As `collectors.snmp.walk.End`."""


class SnmpAccess(Body):
    """How the agent let us in. `security`: of v3, such as `authPriv SHA-256 AES-128`; empty for a community.

    `well_known`: the community is one that makers ship (`public`, `private`, ...).
    """

    KIND = "snmp.access"
    version: Literal["v1", "v2c", "v3"]
    security: str = ""
    well_known: bool = False


class SnmpSystem(Body):
    """The system group and what else one first question brings (RFC 3418, RFC 4188, RFC 4293, RFC 3411).

    `enterprise`: the private enterprise number in `object_id`; `uptime_cs` hundredths of a second.
    """

    KIND = "snmp.system"
    VOLATILE = frozenset({"uptime_cs"})
    descr: str = ""
    object_id: str = ""
    enterprise: int | None = None
    vendor: str = ""
    uptime_cs: int | None = None
    contact: str = ""
    name: str = ""
    location: str = ""
    services: int | None = None
    forwarding: bool | None = None
    bridge: str = ""
    """MAC of the bridge; empty: no bridge, or not told."""
    engine_id: str = ""
    device: str = ""
    """hrDeviceDescr.1: of printers, the model."""
    serial: str = ""
    """prtGeneralSerialNumber.1."""
    unknown: tuple[str, ...] = ()
    """Fields the agent neither told nor said it had not."""


class SnmpTable(Body):
    """Rows of one table. `part`: a long table comes in several, from 0; the last one (`last`) is written also for no rows at all.

    `ends`: why columns ended before the agent had no more; empty: the table is complete.
    """

    KIND = "snmp.table"
    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()
    part: int = Field(ge=0, default=0)
    last: bool = True
    ends: dict[str, TableEnd] = {}

    def plain(self) -> dict[str, Any]:
        # Cells are plain already; thousands of them are not gone through for it.
        return {name: getattr(self, name) for name in SnmpTable.model_fields}

    def records(self) -> Iterator[dict[str, Cell]]:
        """Each row as column -> cell."""
        for row in self.rows:
            yield dict(zip(self.columns, row, strict=True))
