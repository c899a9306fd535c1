"""The device catalogue: which words of a service tell what kind of device it is. Data in `devices_*.toml`, in the order it is tried.

Every entry carries texts that must match it first, and texts that must not match it; a test walks them all.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from functools import cache, cached_property
from importlib.resources import files
from typing import Self

from pydantic import Field, model_validator

from agent.catalogs.evidence import load_evidence
from agent.catalogs.features import names, weak_names
from agent.model.asset import DEVICE_CLASSES
from agent.model.base import M, Permille

FeatureKind = str
"""Name of a row of `features.toml`."""
EVERY: frozenset[FeatureKind] = frozenset({"ports"})
"""Features of which all entries that match count, not the first only."""
WEAK_GRADES = frozenset({"hint", "trace"})
"""A card and a name are hints at most; sets of ports may be as telling as a `family`."""
_FILES = (
    "devices_firewalls.toml",
    "devices_network.toml",
    "devices_servers.toml",
    "devices_storage.toml",
    "devices_systems.toml",
    "devices_linux.toml",
    "devices_printers.toml",
    "devices_voice.toml",
    "devices_power.toml",
    "devices_cameras.toml",
    "devices_building.toml",
    "devices_industry.toml",
    "devices_media.toml",
    "devices_icons.toml",
    "devices_dhcp.toml",
    "devices_told.toml",
    "devices_weak.toml",
    "devices_cards.toml",
)
_TOLD = ("vendor", "model", "os", "firmware")


class DeviceCatalogueError(ValueError):
    """An entry contradicts itself; the message names it."""


class Example(M):
    on: FeatureKind
    text: str


class DeviceEntry(M):
    """`match`: a regular expression a kind of feature, searched without case; for `ports` the ports that are all open.

    `vendor`, `model`, `os` and `firmware` may hold `\\1`: the first group that caught something, or `\\g<name>`: that group.
    `grade`: weight of the sign for `class`; `also`: other classes the same sign speaks for, each with its grade (see evidence.toml).
    `source`: where the pattern is documented; the file's own where the entry gives none.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    device_class: str = Field(alias="class")
    grade: str
    also: dict[str, str] = {}
    vendor: str | None = None
    model: str | None = None
    os: str | None = None
    firmware: str | None = None
    source: str = Field(min_length=8)
    match: dict[FeatureKind, str] = Field(min_length=1)
    examples: tuple[Example, ...] = Field(min_length=1)
    not_examples: tuple[Example, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _sound(self) -> Self:
        evidence = load_evidence()
        grades = {g.id for g in evidence.grade}
        classes = {self.device_class, *self.also}
        if wrong := sorted(classes - set(DEVICE_CLASSES[:-1])):
            raise ValueError(f"{self.id}: no device class {wrong[0]!r}")
        if wrong := sorted({self.grade, *self.also.values()} - grades):
            raise ValueError(f"{self.id}: no grade {wrong[0]!r}")
        if wrong := sorted({*self.match, *(e.on for e in self.examples)} - names()):
            raise ValueError(f"{self.id}: no feature {wrong[0]!r}")
        if self.match.keys() & weak_names():
            if self.match.keys() - weak_names():
                raise ValueError(f"{self.id}: weak signs stand alone")
            most = WEAK_GRADES | ({"family", "software"} if "ports" in self.match else set())
            if not {self.grade, *self.also.values()} <= most:
                raise ValueError(f"{self.id}: a weak sign weighs {self.grade}")
        return self

    @cached_property
    def patterns(self) -> dict[FeatureKind, re.Pattern[str]]:
        return {
            on: re.compile(text, re.IGNORECASE) for on, text in self.match.items() if on != "ports"
        }

    @cached_property
    def ports(self) -> frozenset[int]:
        return frozenset(int(p) for p in self.match.get("ports", "").split())

    @cached_property
    def votes(self) -> tuple[tuple[str, int], ...]:
        """(class, ratio) of every class the sign speaks for."""
        ratio = load_evidence().ratio
        return tuple((c, ratio(g)) for c, g in {**self.also, self.device_class: self.grade}.items())

    @property
    def alone(self) -> Permille:
        """How sure the class would be by this sign alone."""
        ratios = dict(self.votes)
        rest = len(DEVICE_CLASSES) - 1 - len(ratios)
        return round(1000 * ratios[self.device_class] / (sum(ratios.values()) + rest))

    def find(self, on: FeatureKind, text: str) -> re.Match[str] | bool | None:
        """The match in *text*; for `ports` True where the text's ports hold all of the entry's."""
        if on == "ports":
            seen = {int(p) for p in text.split()}
            return True if self.ports and self.ports <= seen else None
        pattern = self.patterns.get(on)
        return pattern.search(text) if pattern else None

    def told(self, found: re.Match[str] | bool) -> tuple[tuple[str, str], ...]:
        """(attribute, value) of what the match tells, without those whose group caught nothing."""
        filled = ((a, self.fill(getattr(self, a), found)) for a in _TOLD)
        return tuple((a, v) for a, v in filled if v)

    def fill(self, template: str | None, found: re.Match[str] | bool) -> str | None:
        """*template* with its groups filled in; None where one caught nothing."""
        if template is None or isinstance(found, bool) or "\\" not in template:
            return template
        first = next((g.strip() for g in found.groups() if g and g.strip()), "")
        groups = {k: (v or "").strip() for k, v in found.groupdict().items()}
        text = template
        for mark, caught in (("\\1", first), *((f"\\g<{k}>", v) for k, v in groups.items())):
            if mark in text:
                if not caught:
                    return None
                text = text.replace(mark, caught)
        return text.strip()


@cache
def load_devices() -> tuple[DeviceEntry, ...]:
    """All entries in order. Raises `DeviceCatalogueError` on a double id or a broken entry."""
    entries: list[DeviceEntry] = []
    for name in _FILES:
        try:
            raw = tomllib.loads((files("agent.catalogs") / name).read_text("utf-8"))
            default = {"source": raw["source"]}
            entries += [DeviceEntry.model_validate({**default, **e}) for e in raw["device"]]
            _ = [e.patterns for e in entries]
        except (ValueError, KeyError, re.error) as fault:
            raise DeviceCatalogueError(f"{name}: {fault}") from fault
    ids = [e.id for e in entries]
    if doubles := sorted({i for i in ids if ids.count(i) > 1}):
        raise DeviceCatalogueError(f"ids used twice: {', '.join(doubles)}")
    return tuple(entries)


@cache
def _by_feature() -> dict[FeatureKind, tuple[DeviceEntry, ...]]:
    found: dict[FeatureKind, list[DeviceEntry]] = {}
    for entry in load_devices():
        for on in entry.match:
            found.setdefault(on, []).append(entry)
    return {on: tuple(entries) for on, entries in found.items()}


def matches(on: FeatureKind, text: str) -> Iterable[tuple[DeviceEntry, re.Match[str] | bool]]:
    """Entries that match *text*, in catalogue order; the first is the answer for every feature but those of `EVERY`."""
    for entry in _by_feature().get(on, ()):
        if found := entry.find(on, text):
            yield entry, found
