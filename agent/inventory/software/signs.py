"""Which products of the catalogue a trace is a sign of, and what it tells of the instance. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agent.catalogs.remote_access import Kind, Tool, named, normal_path, tools
from agent.model.software import Trace

_QUOTED = re.compile(r'^"([^"]+)"')
_PROGRAM = re.compile(r"^(.+?\.(?:exe|bat|cmd|ps1|vbs|msi|sh))(?=[\s\"]|$)", re.IGNORECASE)


@dataclass(frozen=True)
class Sign:
    """`strong`: says so by itself. `placed`: the program lies where the product puts it, whatever it is called."""

    tool: Tool
    trace: Trace
    strong: bool
    placed: bool


@dataclass(frozen=True)
class Told:
    """One identifier: what it is (`as_`), its text, how attribution reads it, and where it was seen."""

    as_: str
    value: str
    clue: str
    evidence: tuple[str, ...]


def signs(trace: Trace) -> list[Sign]:
    """Of several products one name may mean, those in whose folder the program lies; where it lies in none, all of them."""
    found: dict[str, Sign] = {}
    for tool, strong, placed in _read(trace):
        before = found.get(tool.id)
        found[tool.id] = Sign(
            tool,
            trace,
            strong or (before is not None and before.strong),
            placed or (before is not None and before.placed),
        )
    placed_ones = [s for s in found.values() if s.placed]
    return placed_ones or list(found.values())


def _read(trace: Trace) -> Iterator[tuple[Tool, bool, bool]]:
    for kind, text in _texts(trace):
        for tool, strong in named(kind, text):
            yield tool, strong, kind == "path"
    if trace.kind == "registry_value":
        # The place is the product's own; its name was given by who read it.
        yield from ((tool, False, True) for tool in tools() if tool.id == trace.name)
    if trace.kind == "name_asked":
        for tool in tools():
            if tool.asked(trace.name):
                # A browser asks for such names too.
                yield tool, False, False


def _texts(trace: Trace) -> Iterator[tuple[Kind, str]]:
    match trace.kind:
        case "service":
            yield "service", trace.name
            yield "display", trace.display or trace.name
        case "safeboot":
            yield "service", trace.name
        case "process" | "listener" | "connection":
            yield "process", trace.name
        case "package" | "policy_package":
            yield "package", trace.name
        case "unit":
            yield "unit", trace.name
        case "launchd":
            yield "launchd", trace.name
        case "task" | "policy_task":
            yield "task", trace.name
        case "path":
            yield "path", trace.path or trace.name
        case _:
            pass
    for text in (trace.path, program(trace.command)):
        if text and trace.kind != "name_asked":
            yield "path", text


def program(command: str) -> str:
    """The program a command line begins with, quoted or not; empty for none."""
    text = command.strip()
    if found := _QUOTED.match(text) or _PROGRAM.match(text):
        return found[1]
    return text.split(" ", 1)[0] if text.startswith("/") else ""


def told(sign: Sign) -> Iterator[Told]:
    """What the trace says of this very instance."""
    trace = sign.trace
    texts = {
        "name": trace.name,
        "path": normal_path(trace.path or program(trace.command)),
        "command": trace.command,
        "asked": trace.name if trace.kind == "name_asked" else "",
    }
    for identifier in sign.tool.identifiers:
        if identifier.on == "value":
            value = trace.values.get(identifier.key, "")
        else:
            found = identifier.regex.search(texts[identifier.on])
            value = found["v"] if found else ""
        if value.strip():
            yield Told(identifier.as_, value.strip()[:253], identifier.clue, trace.evidence)
