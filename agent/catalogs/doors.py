"""The ways in that a handover has to close, read from `doors.toml`: columns of the who-can-get-in matrix, and names of its parties."""

from __future__ import annotations

from functools import cache, cached_property
from importlib.resources import files

from pydantic import Field, ValidationError, field_validator, model_validator

from agent.catalogs.checklist import CatalogueError, Text
from agent.catalogs.risks import first_fault, read_toml
from agent.catalogs.unknowns import models
from agent.model.base import M
from agent.model.judged import SUBJECTS


class DoorEntry(M):
    """One kind of way in. `rules`: findings that show it; `asks`: strong questions which, answered for all, say "not seen".

    `admin`: it leads to administrator. `local`: it serves only who is on the network already.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    subject: str
    title: Text
    admin: bool = False
    local: bool = False
    rules: tuple[str, ...] = Field(min_length=1)
    asks: tuple[str, ...] = Field(min_length=1)

    @field_validator("subject")
    @classmethod
    def _known_subject(cls, value: str) -> str:
        if value not in SUBJECTS:
            raise ValueError(f"no such subject: {value!r}")
        return value


class Party(M):
    """A party that is no named provider, such as "owner unknown"."""

    id: str
    title: Text


class Doors(M):
    doors: tuple[DoorEntry, ...]
    parties: tuple[Party, ...]

    @cached_property
    def _doors(self) -> dict[str, DoorEntry]:
        return {d.id: d for d in self.doors}

    @cached_property
    def _parties(self) -> dict[str, Party]:
        return {p.id: p for p in self.parties}

    def door(self, id_: str) -> DoorEntry:
        """Raises `KeyError`."""
        return self._doors[id_]

    def party(self, id_: str) -> Party:
        """Raises `KeyError`."""
        return self._parties[id_]

    @model_validator(mode="after")
    def _once(self) -> Doors:
        if len(self._doors) != len(self.doors) or len(self._parties) != len(self.parties):
            raise ValueError("a door or party is there twice")
        rules = [r for d in self.doors for r in d.rules]
        if twice := sorted({r for r in rules if rules.count(r) > 1}):
            raise ValueError(f"one finding, two doors: {', '.join(twice)}")
        return self


@cache
def load_doors() -> Doors:
    """The doors shipped with this version. Raises `CatalogueError` where the data is wrong."""
    return parse_doors(files("agent.catalogs").joinpath("doors.toml").read_text("utf-8"))


def parse_doors(text: str) -> Doors:
    """Raises `CatalogueError`."""
    data = read_toml("doors.toml", text, ("door", "party"))
    try:
        return Doors(
            doors=tuple(models(DoorEntry, data.get("door", []))),
            parties=tuple(models(Party, data.get("party", []))),
        )
    except ValidationError as error:
        raise CatalogueError(f"doors.toml: {first_fault(error)}") from None
