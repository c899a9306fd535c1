"""`Told`: an error in words for people. It ends a command with its message and exit code; anything else is an internal error."""

from __future__ import annotations


class Told(Exception):
    """`exit_code`: 2 usage, 3 partial, 4 refused account, right or mandate."""

    exit_code: int = 3
