"""Calls `handover` in this process, for what needs no process of its own: exit code, standard output, standard error."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from agent.cli import main

Result = tuple[int, str, str]


class Inside:
    """The command with a test's capture."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str | Path) -> Result:
        hook = sys.excepthook
        try:
            code = main([str(w) for w in words])
        finally:
            sys.excepthook = hook
        shown = self._capsys.readouterr()
        return code, shown.out, shown.err
