"""Whose is it? A provider is named only with a strong reason; strong reasons on two sides make it contested."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from agent.model.base import M, Permille, Us
from agent.model.known import Why

Owner = Literal["ours", "former", "approved", "client", "unknown", "contested"]


class Provider(M):
    """A company that serves, served or may serve the client; `ids` are its tenants by tool.

    `on`: the machines (name, address or range, each also as `... at SITE`) for which the client approved its tools.
    """

    id: str
    role: Literal["ours", "former", "approved"]
    name: str
    aliases: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    ids: dict[str, tuple[str, ...]] = {}
    valid: tuple[Us | None, Us | None] = (None, None)


class Attribution(M):
    """`suspected` are providers whose name was only found as words in a free text: said as such, never as a fact."""

    owner: Owner
    provider: str | None
    conf: Permille
    for_: tuple[Why, ...] = ()
    against: tuple[Why, ...] = ()
    suspected: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _strong(self) -> Self:
        strong = any(w.strong for w in self.for_)
        if (self.provider is not None) != (strong and self.owner in ("ours", "former", "approved")):
            raise ValueError("a provider is named if and only if a strong reason speaks for it")
        if strong and any(w.strong for w in self.against) and self.owner != "contested":
            raise ValueError("strong reasons on two sides make it contested")
        return self
