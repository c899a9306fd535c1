"""Which protection products a trace is a sign of, and what it tells of them. Pure.

As for remote access: of several products one name may mean, those in whose folder the program lies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agent.catalogs.protection import Kind, Product, State, called, named, products
from agent.catalogs.remote_access import normal_path
from agent.inventory.software.signs import program
from agent.model.software import Trace

LIVE = ("process", "listener", "connection")
"""Trace kinds that are only there while the program runs."""
_FILES = frozenset({"path", "registry_value"})
STATE, UPDATED = "protection.state", "protection.updated"
"""Values of a trace that is the word of the system (Windows Security Center, a product's own status): what state, as of which day."""
_STATES: dict[str, State] = {"on": "running", "passive": "passive", "off": "off", "expired": "off"}
"""Expired protects no longer, says Microsoft of its Security Center (WSC_SECURITY_PRODUCT_STATE, iwscapi.h)."""


@dataclass(frozen=True)
class Sign:
    """`strong`: says so by itself. `placed`: the program lies where the product puts it. `engine`: it is the part that watches files."""

    product: Product
    trace: Trace
    strong: bool
    placed: bool
    engine: bool

    @property
    def runs(self) -> bool:
        return self.trace.kind in LIVE or (self.trace.state == "running" and not self.lies)

    @property
    def stopped(self) -> bool:
        return self.trace.state == "stopped" and not self.lies and self.trace.kind not in LIVE

    @property
    def lies(self) -> bool:
        """Only a file or a value: nothing that would start."""
        return self.trace.kind in _FILES

    @property
    def states(self) -> Iterator[State]:
        """What its values tell."""
        for mode in self.product.modes:
            if mode.regex.fullmatch(self.trace.values.get(mode.key, "").strip()):
                yield mode.state
        if (state := _STATES.get(self.trace.values.get(STATE, ""))) is not None:
            yield state


@dataclass(frozen=True)
class Fact:
    """One identifier: what it is (`as_`), its text, how attribution reads it, and where it was seen."""

    as_: str
    value: str
    clue: str
    evidence: tuple[str, ...]


def signs(trace: Trace) -> list[Sign]:
    found: dict[str, Sign] = {}
    for product, strong, placed, engine in _read(trace):
        old = found.get(product.id)
        found[product.id] = Sign(
            product,
            trace,
            strong or (old is not None and old.strong),
            placed or (old is not None and old.placed),
            engine or (old is not None and old.engine),
        )
    placed_ones = [s for s in found.values() if s.placed]
    return placed_ones or list(found.values())


def _read(trace: Trace) -> Iterator[tuple[Product, bool, bool, bool]]:
    for kind, text in _texts(trace):
        for product, strong in named(kind, text):
            yield product, strong, kind == "path", kind != "path" and product.is_engine(kind, text)
    if STATE in trace.values:
        for product in called(trace.name):
            yield product, True, False, False
    elif trace.values:
        for product in products():
            if any(mode.key in trace.values for mode in product.modes):
                yield product, True, False, False
            elif trace.kind == "registry_value" and product.id == trace.name:
                # The place is the product's own; its name was given by who read it.
                yield product, False, True, False


def _texts(trace: Trace) -> Iterator[tuple[Kind, str]]:
    match trace.kind:
        case "service":
            yield "service", trace.name.strip()
            yield "display", (trace.display or trace.name).strip()
        case "process" | "listener" | "connection":
            yield "process", trace.name.strip()
        case "package" | "policy_package":
            yield "package", trace.name.strip()
        case "driver":
            yield "driver", trace.name.strip()
        case "unit":
            yield "unit", trace.name.strip()
        case "launchd":
            yield "launchd", trace.name.strip()
        case "path":
            yield "path", trace.path or trace.name
        case _:
            pass
    for text in (trace.path, program(trace.command)):
        if text:
            yield "path", text


def facts(sign: Sign) -> Iterator[Fact]:
    """What the trace says of whose product this is; read by exact name only."""
    trace = sign.trace
    texts = {
        "name": trace.name,
        "path": normal_path(trace.path or program(trace.command)),
        "command": trace.command,
    }
    for identifier in sign.product.identifiers:
        if identifier.on == "value":
            value = trace.values.get(identifier.key, "")
        else:
            found = identifier.regex.search(texts.get(identifier.on, ""))
            value = found["v"] if found else ""
        if value.strip():
            yield Fact(identifier.as_, value.strip()[:253], identifier.clue, trace.evidence)
