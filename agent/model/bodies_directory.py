"""What a directory (Active Directory) tells: bodies of the collector in `collectors/directory`.

Rows of cells under named columns, as of SNMP tables: a domain has tens of thousands of them. `domain` stands in each, as two controllers
may tell of two domains from one address. No password, hash, key, or LAPS value is ever asked for; only that there is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from agent.model.bodies import Body

Cell = int | str | None
"""None: the directory showed no value; whether one may be hidden is told by the column `readable` of the row."""
AccessOutcome = Literal[
    "bound",
    "wrong_password",
    "no_such_account",
    "not_now",
    "not_here",
    "password_expired",
    "disabled",
    "account_expired",
    "must_change",
    "locked",
    "strong_auth",
    "channel_binding",
    "refused",
    "certificate",
    "no_tls",
    "unreachable",
    "broken",
]
RESTRICTIONS, LOGON, DIAL_IN, PUBLIC, MEMBERSHIP, REST = 1, 2, 4, 8, 16, 32
"""Bits of `readable`: property sets of [MS-ADTS] 3.1.1.2.3.3 our account may read of that object, by its security descriptor."""


class DirectoryAccess(Body):
    """How a domain let us in, or why not. `how`: what protected the password on its way; `code`: the server's own, such as `52e`."""

    KIND = "directory.access"
    domain: str
    controller: str = ""
    how: Literal["ldaps", "starttls", ""] = ""
    outcome: AccessOutcome
    code: str = ""


class DirectoryTable(Body):
    """Rows of one table of a domain. `part`: a long table comes in several, from 0; the last one (`last`) is written for no rows too.

    `end`: why it is not whole (the server's words); empty: it is.
    """

    KIND = "directory.table"
    domain: str
    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...] = ()
    part: int = Field(ge=0, default=0)
    last: bool = True
    end: str = ""

    def plain(self) -> dict[str, Any]:
        # Cells are plain already; thousands of them are not gone through for it.
        return {name: getattr(self, name) for name in DirectoryTable.model_fields}

    def records(self) -> Iterator[dict[str, Cell]]:
        """Each row as column -> cell."""
        for row in self.rows:
            yield dict(zip(self.columns, row, strict=True))
