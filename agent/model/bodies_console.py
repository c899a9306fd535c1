"""A machine as the list of a management console names it: RMM, antivirus, backup or MDM, exported by people."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from agent.model.bodies import Body

ConsoleKind = Literal["rmm", "antivirus", "backup", "mdm"]


class ConsoleRow(Body):
    """One line of a console's list. It says that the console knows the machine, not that the agent on it works.

    `list`: which document. `owner`: id of the provider whose console it is, "ours" for ours. `site`: the site the list speaks of, empty
    for the whole client. `customer`: the customer's name in the console where the list has several. `seen`: day of its last report, or last
    backup (ISO 8601), empty where it was not told or can be read in two ways; `told` is its text.
    """

    KIND = "console.row"
    list: str
    console: ConsoleKind
    product: str = Field(default="", max_length=200)
    owner: str = "ours"
    site: str = ""
    customer: str = ""
    name: str = ""
    serial: str = ""
    mac: str = ""
    ip: str = ""
    os: str = ""
    seen: str = ""
    told: str = ""
