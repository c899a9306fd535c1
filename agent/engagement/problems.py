"""Mistakes in the files of an engagement, told to the person who can mend them: file, line, key, cause and an example. Never the value
that was typed: it may be a secret in the wrong place.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agent.told import Told


@dataclass(frozen=True)
class Problem:
    """One mistake. `line` counts from 1; `example` is a line of TOML, or the command to give."""

    file: str
    cause: str
    key: str = ""
    line: int | None = None
    example: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line is not None else self.file
        key = f"{self.key}: " if self.key else ""
        example = f"\n    for example: {self.example}" if self.example else ""
        return f"{place}: {key}{self.cause}{example}"


class EngagementError(Told):
    """The engagement cannot be used as it is; carries every mistake found, not only the first."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.exit_code = 2
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class Refusal(Told):
    """Nothing was sent, and nothing will be as things stand. `code` is the exit code: 2 usage, 4 account, right or mandate."""

    def __init__(self, code: int, message: str, next_step: str) -> None:
        self.code = self.exit_code = code
        self.message = message
        self.next_step = next_step
        super().__init__(f"{message}\n  Next step: {next_step}" if next_step else message)
