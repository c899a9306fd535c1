"""Lists of management consoles joined with the inventory: who is in none of ours, and who stands in a console only."""

from __future__ import annotations

from typing import Literal

from agent.model.attribution import Owner
from agent.model.base import Id, M, Us
from agent.model.bodies_console import ConsoleKind

CONSOLE_KINDS: tuple[ConsoleKind, ...] = ("rmm", "antivirus", "backup", "mdm")
By = Literal["serial", "mac", "name", ""]


class ConsoleEntry(M):
    """`assets`: the device it means; several: it could be any of them; none: nobody saw it, it stands in the console only.

    `by`: what joined them. `quiet`: its last report is over 30 days older than the newest of the same list.
    """

    name: str
    serial: str = ""
    ip: str = ""
    seen: str = ""
    told: str = ""
    quiet: bool = False
    by: By = ""
    assets: tuple[Id, ...] = ()
    evidence: tuple[Id, ...]


class Console(M):
    """The newest list of one console. `owner` by the provider of client.toml it was imported as, `whose` that provider's name."""

    id: str
    kind: ConsoleKind
    product: str
    owner: Owner
    whose: str
    site: str
    customer: str
    at: Us
    entries: tuple[ConsoleEntry, ...]


class ConsoleCoverage(M):
    """What the consoles that stay (ours, approved, the client's own) say of one kind together.

    `needs`: devices of a class that wants one. `missing`: those in no list. `quiet`: in a list, but silent there. `unsure`: in no list by
    a sure sign, and either a line could mean them or their class is not known.
    """

    kind: ConsoleKind
    lists: tuple[str, ...]
    needs: tuple[Id, ...]
    missing: tuple[Id, ...]
    quiet: tuple[Id, ...]
    unsure: tuple[Id, ...]
