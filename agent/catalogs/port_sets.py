"""Which TCP ports a run asks: the set `msp`, the set `wide`, or a list. Industrial ports only where the engagement opts in."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from agent.catalogs.ports import by_number, load_ports
from agent.model.base import M
from agent.model.scope import OT_PORTS

MOST = 65535


class Reason(M):
    en: str
    fr: str


class WideRange(M):
    ports: str
    why: Reason


@cache
def load_wide() -> tuple[WideRange, ...]:
    """What `wide` adds to `msp`, by range. Raises `ValueError` where the data is wrong."""
    raw = tomllib.loads(files("agent.catalogs").joinpath("ports_wide.toml").read_text("utf-8"))
    return tuple(WideRange.model_validate(row) for row in raw["range"])


@cache
def _french() -> dict[int, str]:
    raw = tomllib.loads(files("agent.catalogs").joinpath("ports_fr.toml").read_text("utf-8"))
    return {int(port): str(why) for port, why in raw["why"].items()}


def why(port: int) -> Reason | None:
    """Why the set `msp` asks *port*; None where it does not."""
    entry = by_number().get(port)
    french = _french().get(port)
    return Reason(en=entry.why, fr=french) if entry is not None and french else None


@cache
def port_set(choice: str = "msp", *, ot: bool = False) -> tuple[int, ...]:
    """Ports of *choice*: "msp", "wide", or a list ("22,80,8000-8010"); those that speak for most devices in front.

    Raises `ValueError` for a list that is none.
    """
    if choice == "msp":
        chosen = {e.port for e in load_ports()}
    elif choice == "wide":
        chosen = {e.port for e in load_ports()}
        for row in load_wide():
            chosen |= numbers(row.ports)
    else:
        chosen = numbers(choice)
    kept = (p for p in chosen if ot or p not in OT_PORTS)
    return tuple(sorted(kept, key=lambda p: (not _first(p), p)))


@cache
def asked_ports(choice: str, ot: bool) -> frozenset[int]:
    """Ports that a unit with this `ports` and `ot` among its parameters asked; none where *choice* (of a foreign file) is no list."""
    try:
        return frozenset(port_set(choice or "msp", ot=ot))
    except ValueError:
        return frozenset()


def in_front(ports: tuple[int, ...]) -> int:
    """How many of *ports*, as `port_set` orders them, speak for most devices."""
    return sum(map(_first, ports))


def _first(port: int) -> bool:
    """Of a controller nothing else may be open: where its ports are asked at all, they decide too whether anybody is there."""
    entry = by_number().get(port)
    return port in OT_PORTS or (entry is not None and entry.first)


def asks_industrial(ports: tuple[int, ...]) -> bool:
    """Are all industrial TCP ports of the set `msp` among *ports*? Less is no look at them."""
    return {e.port for e in load_ports() if e.ot} <= set(ports)


def numbers(text: str) -> set[int]:
    """Port numbers of a list of numbers and ranges, by commas or blanks. Raises `ValueError` with the part that is wrong."""
    found: set[int] = set()
    for part in text.replace(",", " ").split():
        first, dash, last = part.partition("-")
        try:
            low, high = int(first), int(last if dash else first)
        except ValueError:
            low = high = 0
        if not 0 < low <= high <= MOST:
            raise ValueError(f"{part[:24]!r} is no TCP port and no range of them")
        found.update(range(low, high + 1))
    if not found:
        raise ValueError("a list of TCP ports is empty")
    return found
