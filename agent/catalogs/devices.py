"""The device catalogue: which words of a service tell what kind of device it is. Data in `devices_*.toml`, in the order it is tried.

Every entry carries texts that must match it first, and texts that must not match it; a test walks them all.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal, Self

from pydantic import Field, model_validator

from agent.model.asset import DEVICE_CLASSES
from agent.model.base import M, Permille

FeatureKind = Literal[
    "http.title",
    "http.server",
    "http.realm",
    "banner",
    "tls.subject",
    "attr.model",
    "attr.os",
    "attr.vendor",
    "oui",
    "ports",
]
WEAK: frozenset[FeatureKind] = frozenset({"oui", "ports"})
"""What many kinds of device have in common: a hint, never enough alone."""
WEAK_LIMIT = 300
_FILES = (
    "devices_network.toml",
    "devices_servers.toml",
    "devices_building.toml",
    "devices_weak.toml",
)


class DeviceCatalogueError(ValueError):
    """An entry contradicts itself; the message names it."""


class Example(M):
    on: FeatureKind
    text: str


class DeviceEntry(M):
    """`match`: a regular expression a kind of feature, searched without case; for `ports` the ports that are all open.

    `vendor`, `model` and `os` may hold `\\1`: the first group that caught something. `conf`: how sure the class is on this sign alone.
    """

    id: str
    device_class: str = Field(alias="class")
    conf: Permille
    vendor: str | None = None
    model: str | None = None
    os: str | None = None
    firmware: str | None = None
    match: dict[FeatureKind, str]
    examples: tuple[Example, ...] = Field(min_length=1)
    not_examples: tuple[Example, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.device_class not in DEVICE_CLASSES:
            raise ValueError(f"{self.id}: no device class {self.device_class!r}")
        if not self.match:
            raise ValueError(f"{self.id}: matches nothing")
        if self.match.keys() & WEAK and (self.conf > WEAK_LIMIT or self.match.keys() - WEAK):
            raise ValueError(f"{self.id}: weak signs stand alone, at most {WEAK_LIMIT}")
        return self

    @cached_property
    def patterns(self) -> dict[FeatureKind, re.Pattern[str]]:
        return {
            on: re.compile(text, re.IGNORECASE) for on, text in self.match.items() if on != "ports"
        }

    @cached_property
    def ports(self) -> frozenset[int]:
        return frozenset(int(p) for p in self.match.get("ports", "").split())

    def find(self, on: FeatureKind, text: str) -> re.Match[str] | bool | None:
        """The match in *text*; for `ports` True where the text's ports hold all of the entry's."""
        if on == "ports":
            seen = {int(p) for p in text.split()}
            return True if self.ports and self.ports <= seen else None
        pattern = self.patterns.get(on)
        return pattern.search(text) if pattern else None

    def fill(self, template: str | None, found: re.Match[str] | bool) -> str | None:
        """*template* with `\\1` replaced by what the match caught; None where it caught nothing."""
        if template is None or isinstance(found, bool) or "\\1" not in template:
            return template
        caught = next((g.strip() for g in found.groups() if g and g.strip()), "")
        return template.replace("\\1", caught).strip() if caught else None


@cache
def load_devices() -> tuple[DeviceEntry, ...]:
    """All entries in order. Raises `DeviceCatalogueError` on a double id or a broken entry."""
    entries: list[DeviceEntry] = []
    for name in _FILES:
        try:
            raw = tomllib.loads((files("agent.catalogs") / name).read_text("utf-8"))
            entries += [DeviceEntry.model_validate(e) for e in raw["device"]]
            _ = [e.patterns for e in entries]
        except (ValueError, KeyError, re.error) as fault:
            raise DeviceCatalogueError(f"{name}: {fault}") from fault
    ids = [e.id for e in entries]
    if doubles := sorted({i for i in ids if ids.count(i) > 1}):
        raise DeviceCatalogueError(f"ids used twice: {', '.join(doubles)}")
    return tuple(entries)


def matches(on: FeatureKind, text: str) -> Iterable[tuple[DeviceEntry, re.Match[str] | bool]]:
    """Entries that match *text*, in catalogue order; the first is the answer for every feature but `ports`."""
    for entry in load_devices():
        if found := entry.find(on, text):
            yield entry, found
