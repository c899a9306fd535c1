"""What programs of macOS print, each asked once: ps(1), lsof(8), launchctl(1), mount(8) and others; none changes anything."""

from __future__ import annotations

from collections.abc import Callable

from collectors.endpoint.program import output
from collectors.endpoint.source import CannotRead

Ask = Callable[[tuple[str, ...]], str | None]
"""Command -> what it prints; None where it is not there, fails, or takes too long."""


class Asked:
    def __init__(self, ask: Ask = output) -> None:
        self._ask = ask
        self._said: dict[tuple[str, ...], str | None] = {}

    def may(self, *command: str) -> str:
        """What *command* prints; empty where it does not answer."""
        if command not in self._said:
            self._said[command] = self._ask(command)
        return self._said[command] or ""

    def must(self, *command: str) -> str:
        """Raises `CannotRead` where it does not answer."""
        said = self.may(*command)
        if not said.strip():
            raise CannotRead(f"{command[0].rsplit('/', 1)[-1]} is not here, or does not answer")
        return said
