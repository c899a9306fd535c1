"""What the collector looks for beyond lists: names of the catalogue as plain values, so that no other library is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

NOTHING = r"(?!)"


@dataclass(frozen=True)
class Value:
    """One identifier: `place` is a registry key (`HKLM/...`) or a file (`*` stands for one part), `key` its exact name."""

    tool: str
    place: str
    key: str


@dataclass(frozen=True)
class Wanted:
    """`keep`: patterns of what may stay in a command line; `paths`, `programs`: files, and base names of programs, that mean a product;
    `extensions`: ids of browser extensions."""

    keep: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    extensions: tuple[str, ...] = ()

    @cached_property
    def kept(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(p, re.IGNORECASE) for p in self.keep)

    @cached_property
    def _path(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{p})" for p in self.paths) or NOTHING, re.IGNORECASE)

    @cached_property
    def _program(self) -> re.Pattern[str]:
        return re.compile("|".join(f"(?:{p})" for p in self.programs) or NOTHING, re.IGNORECASE)

    def path(self, text: str) -> bool:
        """Is *text* a file or folder of a product?"""
        return len(text) <= 1024 and bool(self._path.fullmatch(text.replace("\\", "/")))

    def program(self, text: str) -> bool:
        """Is the base name *text* a program of a product?"""
        return len(text) <= 255 and bool(self._program.fullmatch(text))
