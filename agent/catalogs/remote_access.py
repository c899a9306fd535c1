"""Remote-access products: what their agents are called on a machine, and where they say whose they are. Data: `remote_access_*.toml`.

Patterns are regular expressions on the whole text, case ignored; `/` in a path stands for both slashes. One that begins with `~` is weak:
the name is anybody's, and counts only beside another sign of the product on the same machine.

Identifiers are read by exact name only: secrets (tokens, passwords, codes) lie beside them, and none of them is ever named here.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, model_validator

from agent.model.base import M

Kind = Literal["service", "display", "process", "package", "path", "unit", "launchd", "task"]
KINDS: tuple[Kind, ...] = (
    "service",
    "display",
    "process",
    "package",
    "path",
    "unit",
    "launchd",
    "task",
)
"""Windows service key and its shown name, base name of a program, name of an installed package, file, systemd unit, launchd label, task."""
LONGEST = 1024
"""Characters of a name or path; what is longer names nothing, and costs nothing to pass over."""
_FILES = ("rmm", "remote", "mesh", "psa")
_SECRET = re.compile(r"(?i)token|password|passwd|secret|rmmcode|pwd|authkey|private")


class Identifier(M):
    """`on`: `value` of the exact name `key`, or the group `v` of `pattern` in the name, path, command line or a host name asked for.

    `places` of a key: registry keys below HKLM (both views are read) or files, in which `*` stands within one part of the path.
    `as`: instance (its own agent, however many of the product are there), relay, company, account; `clue`: how attribution reads it.
    """

    on: Literal["value", "name", "path", "command", "asked"]
    pattern: str = ""
    key: str = ""
    places: tuple[str, ...] = ()
    as_: Literal["instance", "relay", "company", "account"] = Field(alias="as")
    clue: Literal["ids", "names", "texts"]
    means: str

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.IGNORECASE)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if (self.on == "value") != bool(self.key) or bool(self.key) == bool(self.pattern):
            raise ValueError("an identifier has a key, or a pattern")
        if self.pattern and "v" not in self.regex.groupindex:
            raise ValueError(f"no group named v: {self.pattern}")
        if bool(self.places) != bool(self.key):
            raise ValueError(f"where does {self.key or self.pattern!r} stand?")
        if _SECRET.search(self.key):
            raise ValueError(f"{self.key!r} would be a secret")
        return self


class Tool(M):
    """One product. `confidence`: verified by two sources or the program itself, one_source, believed."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    name: str
    vendor: str
    category: Literal["rmm", "remote_access", "vpn_mesh", "psa_agent"]
    confidence: Literal["verified", "one_source", "believed"]
    aliases: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    display: tuple[str, ...] = ()
    process: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    launchd: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    domain: tuple[str, ...] = ()
    extension: tuple[str, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    examples: tuple[str, ...] = Field(min_length=1)
    not_examples: tuple[str, ...] = Field(min_length=1)

    def patterns(self, kind: Kind) -> tuple[str, ...]:
        told: tuple[str, ...] = getattr(self, kind)
        return told

    @cached_property
    def _strong(self) -> dict[Kind, re.Pattern[str]]:
        return {k: any_of(p for p in self.patterns(k) if p[0] != "~") for k in KINDS}

    @cached_property
    def _any(self) -> dict[Kind, re.Pattern[str]]:
        return {k: any_of(p.removeprefix("~") for p in self.patterns(k)) for k in KINDS}

    def fits(self, kind: Kind, text: str) -> Literal["", "weak", "strong"]:
        """How *text* names the product. Of a path with forward slashes."""
        if self._strong[kind].fullmatch(text):
            return "strong"
        return "weak" if self._any[kind].fullmatch(text) else ""

    @cached_property
    def _domains(self) -> re.Pattern[str]:
        return any_of(re.escape(d).replace(r"\*", "[a-z0-9.-]+") for d in self.domain)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset({plain(n) for n in (self.id, self.name, *self.aliases)} - {""})

    def called(self, said: Iterable[str]) -> bool:
        """Do people who say one of *said* mean this product? `N-central`, `N-able N-central` and `N-central (cloud)` are all one."""
        return any(f"-{name}-" in f"-{plain(text)}-" for text in said for name in self._names)

    def asked(self, host: str) -> bool:
        """Is *host* a name its agents ask for?"""
        return bool(self._domains.fullmatch(host.rstrip(".").lower()))


def plain(name: str) -> str:
    """Small ASCII letters and digits of *name*, words parted by dashes."""
    text = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")


def any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    """One expression for all of *patterns*; of none, one that fits nothing."""
    return re.compile("|".join(f"(?:{p})" for p in patterns) or r"(?!)", re.IGNORECASE)


def normal_path(text: str) -> str:
    """A file name as the patterns have it: forward slashes, no quotes."""
    return text.strip().strip('"').replace("\\", "/")


@cache
def tools() -> tuple[Tool, ...]:
    """The catalogue, in the order in which it is tried."""
    folder = files("agent.catalogs")
    raw = [tomllib.loads((folder / f"remote_access_{n}.toml").read_text("utf-8")) for n in _FILES]
    return tuple(Tool.model_validate(t) for part in raw for t in part["tool"])


@cache
def _everything() -> dict[Kind, re.Pattern[str]]:
    return {k: any_of(p.removeprefix("~") for t in tools() for p in t.patterns(k)) for k in KINDS}


def named(kind: Kind, text: str) -> tuple[tuple[Tool, bool], ...]:
    """(product, is the sign strong by itself) of every product *text* may name."""
    return _named(kind, text) if text and len(text) <= LONGEST else ()


@lru_cache(maxsize=1 << 14)
def _named(kind: Kind, text: str) -> tuple[tuple[Tool, bool], ...]:
    # Machines of one client have most of their names in common, and thousands of rows name nothing: one expression says so.
    if kind == "path":
        text = normal_path(text)
    if not text or not _everything()[kind].fullmatch(text):
        return ()
    return tuple((tool, how == "strong") for tool in tools() if (how := tool.fits(kind, text)))


@cache
def public_keys() -> frozenset[str]:
    """Names of values that may be read and kept; whatever else stands in a key or a file is never read."""
    return frozenset(i.key for t in tools() for i in t.identifiers if i.key)
