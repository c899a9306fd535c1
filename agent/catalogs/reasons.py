"""Reasons in the reader's language: why a unit, a run or a file ended as it did, read from `reasons.toml`.

A run file holds the English sentence, as gettext's message ids do: it reads without us, and old files gain each new translation. Its
parameters are read back out of it. A sentence nobody knows (an error of the system, a device's words) is shown as it stands.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Self

from pydantic import ValidationError, model_validator

from agent.catalogs.checklist import CatalogueError, Text
from agent.catalogs.risks import first_fault, placeholders, read_toml
from agent.model.base import M

NESTED = ("why", "more")
"""Parameters that are reasons themselves."""
DEEPEST = 4
_LONGEST = 2000
_PLACE = re.compile(r"%\((\w+)\)s")


class Reason(M):
    """One sentence and an example of it."""

    text: Text
    example: str

    @model_validator(mode="after")
    def _same_parameters(self) -> Self:
        if placeholders(self.text.en) < placeholders(self.text.fr):
            raise ValueError(f"the French text of {self.text.en!r} has other parameters")
        return self


@cache
def load_reasons() -> tuple[Reason, ...]:
    """Raises `CatalogueError`."""
    text = files("agent.catalogs").joinpath("reasons.toml").read_text("utf-8")
    try:
        rows = read_toml("reasons.toml", text, ("reason",))["reason"]
        return tuple(Reason.model_validate(row) for row in rows)
    except ValidationError as error:
        raise CatalogueError(f"reasons.toml: {first_fault(error)}") from None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], Reason], ...]:
    out: list[tuple[re.Pattern[str], Reason]] = []
    for reason in load_reasons():
        parts = _PLACE.split(reason.text.en)
        # Texts and names of parameters take turns.
        pattern = "".join(
            f"(?P<{part}>.+?)" if i % 2 else re.escape(part) for i, part in enumerate(parts)
        )
        out.append((re.compile(pattern, re.DOTALL), reason))
    return tuple(out)


def which(sentence: str) -> Reason | None:
    """The first reason whose English text *sentence* is."""
    found = _match(sentence)
    return found[0] if found else None


def in_language(sentence: str, language: str) -> str:
    """*sentence*, as the engine wrote it, in *language*; itself where it is no sentence of ours. Never raises."""
    return sentence if language == "en" else _said(sentence, language, DEEPEST)


def _match(sentence: str) -> tuple[Reason, dict[str, str]] | None:
    if len(sentence) > _LONGEST:
        return None
    for pattern, reason in _patterns():
        if (found := pattern.fullmatch(sentence)) is not None:
            return reason, found.groupdict()
    return None


def _said(sentence: str, language: str, deep: int) -> str:
    found = _match(sentence)
    if found is None or not deep:
        return _list(sentence, language, deep) if deep else sentence
    reason, values = found
    shown = {
        name: _said(value, language, deep - 1) if name in NESTED else value
        for name, value in values.items()
    }
    return _PLACE.sub(lambda m: shown[m[1]], reason.text.in_(language))


def _list(sentence: str, language: str, deep: int) -> str:
    """Several reasons after each other ("open-ports, every-port-open"); one of them may hold a comma itself."""
    parts = sentence.split(", ")
    for n in range(1, len(parts)):
        head, rest = ", ".join(parts[:n]), ", ".join(parts[n:])
        if _match(head) is not None:
            return f"{_said(head, language, deep - 1)}, {_said(rest, language, deep - 1)}"
    return sentence
