"""Weights of the signs and kinship of the classes: the data of `evidence.toml`, for the device catalogue and the inventory."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Self

from pydantic import Field, model_validator

from agent.model.asset import DEVICE_CLASSES
from agent.model.base import M, Permille

CLASSES = len(DEVICE_CLASSES) - 1
"""Classes a device may have, without `unknown`; equally likely beforehand."""


class EvidenceCatalogueError(ValueError):
    """The table contradicts itself; the message says where."""


class Grade(M):
    """`ratio`: how many times likelier the sign is on a device of the class than on another one."""

    id: str
    ratio: int = Field(ge=2, le=10_000)
    reason: str = Field(min_length=20)

    @property
    def alone(self) -> Permille:
        """Permille the class gets when this is the only sign."""
        return round(1000 * self.ratio / (self.ratio + CLASSES - 1))


class Kin(M):
    general: str
    special: tuple[str, ...] = Field(min_length=1)


class Together(M):
    main: str
    also: tuple[str, ...] = Field(min_length=1)


class Evidence(M):
    """The whole table. Permille: `say_from` a class is said, `most` at the utmost."""

    say_from: Permille
    most: Permille
    weak_most: Permille
    contradicted_most: Permille
    grade: tuple[Grade, ...]
    kin: tuple[Kin, ...]
    together: tuple[Together, ...]

    @model_validator(mode="after")
    def _sound(self) -> Self:
        named = [c for k in self.kin for c in (k.general, *k.special)]
        named += [c for t in self.together for c in (t.main, *t.also)]
        if wrong := sorted(set(named) - set(DEVICE_CLASSES[:-1])):
            raise ValueError(f"no such device class: {', '.join(wrong)}")
        if len({g.id for g in self.grade}) != len(self.grade):
            raise ValueError("two grades have the same id")
        if not self.say_from <= self.contradicted_most <= self.weak_most <= self.most:
            raise ValueError("say_from <= contradicted_most <= weak_most <= most")
        return self

    def ratio(self, grade: str) -> int:
        """Raises `KeyError`."""
        return {g.id: g.ratio for g in self.grade}[grade]

    def specials(self, general: str) -> frozenset[str]:
        """Classes that are kinds of *general*."""
        return frozenset(s for k in self.kin if k.general == general for s in k.special)

    def is_a(self, special: str, general: str) -> bool:
        """True where they are equal or *special* is a kind of *general*."""
        return special == general or special in self.specials(general)

    def also(self, main: str) -> frozenset[str]:
        """What a box of class *main* may be as well."""
        return frozenset(c for t in self.together if t.main == main for c in t.also)


@cache
def load_evidence() -> Evidence:
    """The table shipped with this version. Raises `EvidenceCatalogueError`."""
    try:
        return Evidence.model_validate(
            tomllib.loads((files("agent.catalogs") / "evidence.toml").read_text("utf-8"))
        )
    except ValueError as fault:
        raise EvidenceCatalogueError(f"evidence.toml: {fault}") from fault
