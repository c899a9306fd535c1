"""How a remote-access product comes off a machine, for people: handover itself removes nothing. Data: `removal.toml`.

What is not known of a tool is said as such. A tool without a row, or a row without `needs`, is never one of which nothing is needed: most
consoles can lock an agent, and only the former provider can tell whether this one is.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, model_validator

from agent.catalogs.remote_access import tools
from agent.model.base import M

Need = Literal["console_release", "uninstall_code", "account_release"]
Return = Literal["watchdog", "reregisters", "parent"]
NEEDS: tuple[Need, ...] = ("console_release", "uninstall_code", "account_release")
RETURNS: tuple[Return, ...] = ("watchdog", "reregisters", "parent")


class Removal(M):
    """`how`: its own uninstaller; `sure`: seen to work by the source, else believed. `needs`: what its owner releases first. `returns`:
    what puts it back by itself. `loses`: what the machine loses with it. `brings`: tools that came with it, and may stay behind."""

    tool: str
    how: str = Field(min_length=5)
    sure: bool = False
    needs: tuple[Need, ...] = ()
    returns: tuple[Return, ...] = ()
    loses: tuple[Literal["protection"], ...] = ()
    brings: tuple[str, ...] = ()
    source: str = Field(min_length=5)

    @model_validator(mode="after")
    def _known(self) -> Self:
        known = {t.id for t in tools()}
        if wrong := [t for t in (self.tool, *self.brings) if t not in known]:
            raise ValueError(f"no such tool: {wrong[0]}")
        return self


@cache
def removals() -> dict[str, Removal]:
    """Tool -> how it comes off; a tool of which nothing is known is not in it."""
    raw = tomllib.loads((files("agent.catalogs") / "removal.toml").read_text("utf-8"))
    rows = [Removal.model_validate(r) for r in raw["removal"]]
    found = {r.tool: r for r in rows}
    if len(found) != len(rows):
        raise ValueError("a tool has two rows")
    return found
