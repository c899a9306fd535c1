"""Who will notice what: the texts `handover plan` shows before anything is sent, by probe."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from functools import cache
from importlib.resources import files

from pydantic import Field

from agent.model.base import M


class Wording(M):
    """One text in English and French."""

    en: str = Field(min_length=1)
    fr: str = Field(min_length=1)

    def in_(self, language: str) -> str:
        return self.fr if language == "fr" else self.en


class Notice(M):
    """`loud`: the quiet profile does not help against it."""

    id: str
    probes: tuple[str, ...] = Field(min_length=1)
    loud: bool
    what: Wording
    who: Wording


@cache
def load_notices() -> tuple[Notice, ...]:
    text = (files("agent.catalogs") / "notice.toml").read_text("utf-8")
    return tuple(Notice.model_validate(row) for row in tomllib.loads(text)["notice"])


def notices_of(probes: Collection[str]) -> tuple[Notice, ...]:
    """Those of the *probes* that would run, in the order of the catalogue."""
    return tuple(n for n in load_notices() if any(p in probes for p in n.probes))
