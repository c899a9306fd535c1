"""Texts of what could not be looked at and of the step that would close it, read from `unknowns.toml`.

For the judge (weights, which step) and the reports (words in English and French). An unknown without a step would be a complaint.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, model_validator

from agent.catalogs.checklist import CatalogueError, Text
from agent.catalogs.risks import first_fault, placeholders, read_toml
from agent.model.base import M

T = TypeVar("T", bound=M)


class Cause(M):
    """Why something is not known. `weight`: how much it may hide, out of 100; `step` names what would close it."""

    id: str = Field(pattern=r"^[a-z_]+$")
    weight: int = Field(ge=1, le=100)
    step: str
    text: Text

    @property
    def placeholders(self) -> frozenset[str]:
        return placeholders(self.text.en)


class NextStep(M):
    """The one thing somebody does about it, and who."""

    id: str = Field(pattern=r"^[a-z_]+$")
    who: Literal["technician", "account_manager", "client", "counsel"]
    text: Text


class Unknowns(M):
    causes: tuple[Cause, ...]
    steps: tuple[NextStep, ...]

    @cached_property
    def _causes(self) -> dict[str, Cause]:
        return {c.id: c for c in self.causes}

    @cached_property
    def _steps(self) -> dict[str, NextStep]:
        return {s.id: s for s in self.steps}

    def cause(self, id_: str) -> Cause:
        """Raises `KeyError`."""
        return self._causes[id_]

    def step(self, id_: str) -> NextStep:
        """Raises `KeyError`."""
        return self._steps[id_]

    @model_validator(mode="after")
    def _consistent(self) -> Unknowns:
        if len(self._causes) != len(self.causes) or len(self._steps) != len(self.steps):
            raise ValueError("a cause or step is there twice")
        used = {c.step for c in self.causes}
        if wrong := sorted(used - self._steps.keys()):
            raise ValueError(f"no such step: {', '.join(wrong)}")
        if idle := sorted(self._steps.keys() - used):
            raise ValueError(f"a step that closes nothing: {', '.join(idle)}")
        for c in self.causes:
            if placeholders(c.text.en) != placeholders(c.text.fr):
                raise ValueError(f"{c.id}: placeholders differ between the languages")
            wanted = placeholders(self._steps[c.step].text.en)
            if wanted != placeholders(self._steps[c.step].text.fr) or not wanted <= c.placeholders:
                raise ValueError(f"{c.id}: its step needs {', '.join(sorted(wanted))}")
        return self


@cache
def load_unknowns() -> Unknowns:
    """The texts shipped with this version. Raises `CatalogueError` where the data is wrong."""
    return parse_unknowns(files("agent.catalogs").joinpath("unknowns.toml").read_text("utf-8"))


def parse_unknowns(text: str) -> Unknowns:
    """Raises `CatalogueError`."""
    data = read_toml("unknowns.toml", text, ("cause", "step"))
    try:
        return Unknowns(
            causes=tuple(models(Cause, data.get("cause", []))),
            steps=tuple(models(NextStep, data.get("step", []))),
        )
    except ValidationError as error:
        raise CatalogueError(f"unknowns.toml: {first_fault(error)}") from None


def models(kind: type[T], rows: Iterable[dict[str, Any]]) -> Iterable[T]:
    """*rows* as models. Raises `CatalogueError` with the id of the row that is wrong."""
    for row in rows:
        try:
            yield kind.model_validate(row)
        except ValidationError as error:
            raise CatalogueError(f"{row.get('id')}: {first_fault(error)}") from None
