"""The ports the sweep asks for, as data: what speaks there, who talks first, and why an MSP wants to know."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import Field

from agent.model.base import M
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS

OT_QUESTION = "ot.ports"
"""Question kind of a probe that asks the industrial ports; without it nobody looked at them."""
Speaks = Literal["server", "tls", "http", "https", "none"]


class PortEntry(M):
    port: int = Field(ge=1, le=65535)
    service: str
    speaks: Speaks
    why: str = Field(min_length=5)
    first: bool = False
    ot: bool = False


@cache
def load_ports() -> tuple[PortEntry, ...]:
    """The set `msp`, those asked first in front. Raises `ValueError` where the data contradicts itself."""
    raw = tomllib.loads(files("agent.catalogs").joinpath("ports.toml").read_text("utf-8"))
    entries = tuple(PortEntry.model_validate(row) for row in raw["port"])
    numbers = [e.port for e in entries]
    if len(set(numbers)) != len(numbers):
        raise ValueError("ports.toml names a port twice")
    for e in entries:
        if e.ot != (e.port in OT_PORTS):
            raise ValueError(f"ports.toml: {e.port}: ot must be {not e.ot}")
        if e.port in RAW_PRINT_PORTS and e.speaks != "none":
            raise ValueError(f"ports.toml: {e.port} is a raw print port and is never written to")
    return tuple(sorted(entries, key=lambda e: (not e.first, e.port)))


@cache
def left_out() -> dict[int, str]:
    """Ports that a rule would judge if they were seen, and which the sweep does not ask: port -> why."""
    raw = tomllib.loads(files("agent.catalogs").joinpath("ports.toml").read_text("utf-8"))
    return {int(row["port"]): str(row["why"]) for row in raw["left_out"]}


@cache
def by_number() -> dict[int, PortEntry]:
    return {e.port: e for e in load_ports()}
