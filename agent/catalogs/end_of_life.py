"""Ends of public support as data (`end_of_life.toml`): is the system a device shows past its end? For the rule `end-of-life-os`.

Only dates that are sure are listed; a system that is not listed is not judged.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, model_validator

from agent.model.base import M
from agent.model.finding import Severity

Side = Literal["server", "client", "any"]
ALTERNATIVES = " or "
"""Stands between the names of systems that cannot be told apart: one build is sold as a server and as a client."""


class EndOfLifeError(ValueError):
    """The table contradicts itself; the message names the entry."""


class Product(M):
    """One system. `ended`: last day of free public fixes of its last edition; the other dates as the file explains."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    name: str
    match: str
    side: Side = "any"
    ended: date
    ended_some: date | None = None
    paid_until: date | None = None
    severity: Severity = "high"
    source: str = Field(pattern=r"^https://\S+$")
    example: str
    not_example: str

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.ended_some is not None and self.ended_some >= self.ended:
            raise ValueError(f"{self.id}: some editions end before the last one")
        if self.paid_until is not None and self.paid_until <= self.ended:
            raise ValueError(f"{self.id}: what is paid for comes after what is free")
        _ = self.pattern
        return self

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        return re.compile(self.match, re.IGNORECASE)


class Ended(M):
    """A system past its end. `some`: only some of its editions are, as far as can be told from outside."""

    product: Product
    on: date
    some: bool = False
    paid: bool = False

    @property
    def severity(self) -> Severity:
        return "medium" if self.some or self.paid else self.product.severity


@cache
def load_products() -> tuple[Product, ...]:
    """All products. Raises `EndOfLifeError`."""
    try:
        raw = tomllib.loads((files("agent.catalogs") / "end_of_life.toml").read_text("utf-8"))
        found = tuple(Product.model_validate(p) for p in raw["product"])
    except (ValueError, KeyError, re.error) as fault:
        raise EndOfLifeError(f"end_of_life.toml: {fault}") from fault
    ids = [p.id for p in found]
    if doubles := sorted({i for i in ids if ids.count(i) > 1}):
        raise EndOfLifeError(f"end_of_life.toml: ids used twice: {', '.join(doubles)}")
    return found


@cache
def products_of(system: str) -> tuple[Product, ...]:
    """What *system* ("Windows Server 2016 or Windows 10 1607") may be; () where one of its names is not listed."""
    found: list[Product] = []
    for name in system[:200].split(ALTERNATIVES):
        listed = next((p for p in load_products() if p.pattern.search(name.strip())), None)
        if listed is None:
            return ()
        found.append(listed)
    return tuple(found)


def ended(system: str, today: date, side: Side = "any") -> Ended | None:
    """The end of *system* where it lies before *today*, else None.

    *side*: what the device is known to be. Where several products are possible, all must be past their end, and the last to go counts.
    """
    possible = products_of(system)
    fitting = [p for p in possible if "any" in (side, p.side) or p.side == side]
    gone = [e for p in fitting or possible if (e := _ended(p, today)) is not None]
    if not gone or len(gone) < len(fitting or possible):
        return None
    return max(gone, key=lambda e: (e.some, e.on, e.product.id))


def _ended(product: Product, today: date) -> Ended | None:
    if today > product.ended:
        paid = product.paid_until is not None and today <= product.paid_until
        return Ended(product=product, on=product.ended, paid=paid)
    if product.ended_some is not None and today > product.ended_some:
        return Ended(product=product, on=product.ended_some, some=True)
    return None
