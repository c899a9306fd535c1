"""What a source of the endpoint collector is: a function that yields rows of its table, and says which views it could not read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Cell = int | str | None
Row = tuple[Cell, ...]


class CannotRead(Exception):
    """Why a source, or a view of it, was not read. *refused*: for want of rights."""

    def __init__(self, reason: str, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


@dataclass
class Views:
    """Views of one source (a user's files, the 32-bit registry) that were not read to their end: (view, outcome, reason)."""

    missed: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])

    def miss(self, view: str, problem: OSError | CannotRead | str) -> None:
        """Note that *view* was not read, and why."""
        if isinstance(problem, PermissionError):
            one = (view, "refused", "access denied")
        elif isinstance(problem, OSError):
            one = (view, "failed", problem.strerror or type(problem).__name__)
        elif isinstance(problem, CannotRead):
            one = (view, "refused" if problem.refused else "failed", str(problem))
        else:
            one = (view, "skipped", problem)
        if one not in self.missed:
            self.missed.append(one)


Source = Callable[[Views], Iterator[Row]]
"""Yields the rows of one table. Raises `CannotRead` or `OSError` when nothing can be read; what was yielded before is kept."""
