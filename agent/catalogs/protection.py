"""Antivirus, EDR and backup products: what they are called on a machine, and what has to be asked before one is removed.

Data: `protection_antivirus.toml`, `protection_backup.toml`; what of it gets in each other's way: `protection_conflicts.toml`.

Patterns are those of `remote_access`: regular expressions on the whole text, case ignored; `/` in a path stands for both slashes; one
that begins with `~` is weak and counts only beside another sign of the product on the same machine. A pattern repeats without bound at
its end only, so that no name, however long, takes more than time in proportion to its length.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from agent.catalogs.checklist import Text
from agent.catalogs.remote_access import LONGEST, Identifier, any_of, normal_path
from agent.model.base import M
from agent.model.finding import Severity
from agent.model.protection import ConflictKind, ProtectionKind

Kind = Literal["service", "display", "process", "package", "path", "driver", "launchd", "unit"]
KINDS: tuple[Kind, ...] = (
    "service",
    "display",
    "process",
    "package",
    "path",
    "driver",
    "launchd",
    "unit",
)
"""Windows service key and its shown name, base name of a program, installed package, file, kernel driver, launchd label, systemd unit."""
_UNBOUNDED = re.compile(r"(?<!\\)(?:[*+]|\{\d+,\})")
_TAIL = re.compile(r"(?:\(/\.\*\)\?|\( \.\*\)\?|\.\*)$")


State = Literal["running", "passive", "off"]


class Mode(M):
    """The value of the exact name `key` says by `pattern` in which state the product is."""

    key: str
    pattern: str
    state: State

    @cached_property
    def regex(self) -> re.Pattern[str]:
        return re.compile(self.pattern, re.IGNORECASE)


class Product(M):
    """One product. `confidence`: verified by two sources or the program itself, one_source, believed.

    `builtin`: comes with the system, so its presence is no finding. `real_time`: has an engine that watches files as they are opened;
    part: one that is installed and run apart; option: one that its console switches on, unseen from outside. `engine`: the patterns of
    the parts that are that engine; none given, any part that runs is. `modes`: it runs in several states, and a value tells which;
    without one it is unknown. `beside`: made to work beside another EDR. `snapshot`: backs up whole disks with a driver of its own.
    `family`: products that belong together and never disturb each other. `delivered_by`: ids of remote-access tools that install it for
    a provider, among other ways; `only_from`: those that are the only way. `tamper`: what to ask of whom before it can be
    removed; without it, nothing of its own is known to lock it.
    `console`: what lists of consoles (RMM, antivirus, backup) call it.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    name: str
    vendor: str
    kind: ProtectionKind
    confidence: Literal["verified", "one_source", "believed"]
    sources: tuple[str, ...] = Field(min_length=1)
    builtin: bool = False
    real_time: Literal["yes", "no", "part", "option"] = "no"
    snapshot: bool = False
    beside: bool = False
    family: str = ""
    delivered_by: tuple[str, ...] = ()
    only_from: tuple[str, ...] = ()
    console: tuple[str, ...] = Field(min_length=1)
    service: tuple[str, ...] = ()
    display: tuple[str, ...] = ()
    process: tuple[str, ...] = ()
    package: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    driver: tuple[str, ...] = ()
    launchd: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    engine: tuple[str, ...] = ()
    modes: tuple[Mode, ...] = ()
    identifiers: tuple[Identifier, ...] = ()
    tamper: Text | None = None
    examples: tuple[str, ...] = Field(min_length=1)
    not_examples: tuple[str, ...] = Field(min_length=1)

    def patterns(self, kind: Kind) -> tuple[str, ...]:
        told: tuple[str, ...] = getattr(self, kind)
        return told

    @model_validator(mode="after")
    def _sound(self) -> Self:
        own = {p for k in KINDS for p in self.patterns(k)}
        for pattern in own:
            re.compile(pattern.removeprefix("~"))
            if _UNBOUNDED.search(_TAIL.sub("", pattern)):
                raise ValueError(f"repeats without bound before its end: {pattern}")
        if stray := set(self.engine) - own:
            raise ValueError(f"no pattern of the product: {sorted(stray)}")
        if self.kind == "backup" and self.real_time != "no":
            raise ValueError("a backup watches no files")
        if self.real_time in ("part", "option") and not self.engine:
            raise ValueError("names the parts that are the engine")
        return self

    @cached_property
    def _strong(self) -> dict[Kind, re.Pattern[str]]:
        return {k: any_of(p for p in self.patterns(k) if p[0] != "~") for k in KINDS}

    @cached_property
    def _any(self) -> dict[Kind, re.Pattern[str]]:
        return {k: any_of(p.removeprefix("~") for p in self.patterns(k)) for k in KINDS}

    @cached_property
    def _engine(self) -> dict[Kind, re.Pattern[str]]:
        told = set(self.engine)
        return {
            k: any_of(p.removeprefix("~") for p in self.patterns(k) if not told or p in told)
            for k in KINDS
        }

    def fits(self, kind: Kind, text: str) -> Literal["", "weak", "strong"]:
        """How *text* names the product. Of a path with forward slashes."""
        if self._strong[kind].fullmatch(text):
            return "strong"
        return "weak" if self._any[kind].fullmatch(text) else ""

    def is_engine(self, kind: Kind, text: str) -> bool:
        """Is *text* the name of its real-time engine?"""
        return self.real_time != "no" and bool(self._engine[kind].fullmatch(text))

    @cached_property
    def called(self) -> tuple[str, ...]:
        """What lists call it, as `plain` has it."""
        return tuple(sorted({plain(w) for w in (self.name, *self.console)} - {""}))

    @property
    def kin(self) -> str:
        """The family, or the product alone."""
        return self.family or self.id


class ConflictText(M):
    """What is said of one kind of conflict; `judged`: there is a function that finds it, else it is only asked about."""

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    severity: Severity
    judged: bool
    title: Text
    why: Text
    todo: Text
    sources: tuple[str, ...] = Field(min_length=1)


def plain(text: str) -> str:
    """Small letters and digits of *text*, at most 200 characters of it, words parted by one blank."""
    flat = unicodedata.normalize("NFKD", text[:200]).encode("ascii", "ignore").decode("ascii")
    return " ".join(re.findall(r"[a-z0-9]+", flat[:200].lower()))


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((files("agent.catalogs") / f"protection_{name}.toml").read_text("utf-8"))


@cache
def products() -> tuple[Product, ...]:
    """The catalogue, in the order in which it is tried."""
    return tuple(
        Product.model_validate(p) for n in ("antivirus", "backup") for p in _read(n)["product"]
    )


@cache
def by_id() -> dict[str, Product]:
    return {p.id: p for p in products()}


@cache
def conflict_texts() -> dict[str, ConflictText]:
    """By id; those that are judged have the ids of `ConflictKind`."""
    return {c["id"]: ConflictText.model_validate(c) for c in _read("conflicts")["conflict"]}


def text_of(kind: ConflictKind) -> ConflictText:
    return conflict_texts()[kind]


@cache
def _everything() -> dict[Kind, re.Pattern[str]]:
    return {
        k: any_of(p.removeprefix("~") for t in products() for p in t.patterns(k)) for k in KINDS
    }


def named(kind: Kind, text: str) -> tuple[tuple[Product, bool], ...]:
    """(product, is the sign strong by itself) of every product *text* may name; none for a text of more than `LONGEST` characters."""
    return _named(kind, text) if text and len(text) <= LONGEST else ()


@lru_cache(maxsize=1 << 14)
def _named(kind: Kind, text: str) -> tuple[tuple[Product, bool], ...]:
    # Machines of one client have most of their names in common, and thousands of rows name nothing: one expression says so.
    if kind == "path":
        text = normal_path(text)
    if not text or not _everything()[kind].fullmatch(text):
        return ()
    return tuple((p, how == "strong") for p in products() if (how := p.fits(kind, text)))


@lru_cache(maxsize=1 << 12)
def called(text: str) -> tuple[Product, ...]:
    """The products a cell of a console list names: whole words, and of two names that overlap the longer one's."""
    words = f" {plain(text)} "
    hits = {n: p for p in products() for n in p.called if f" {n} " in words}
    longest = [n for n in hits if not any(n != m and f" {n} " in f" {m} " for m in hits)]
    return tuple(p for p in products() if any(hits[n] is p for n in longest))


@cache
def public_keys() -> frozenset[str]:
    """Names of values that may be read and kept; whatever else stands in a key or a file is never read."""
    return frozenset(
        {i.key for p in products() for i in p.identifiers if i.key}
        | {m.key for p in products() for m in p.modes}
    )
