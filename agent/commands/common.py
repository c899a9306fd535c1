"""What the subcommands share: the engagement argument, exit codes, and errors said in words."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from agent.engagement.engagement import Engagement

EXIT_FAIL_ON = 1
EXIT_USAGE = 2
EXIT_PARTIAL = 3
EXIT_REFUSED = 4

F = TypeVar("F", bound=Callable[..., Any])


class Stop(click.ClickException):
    """Ends the command with a message for people and one of the documented exit codes."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        setattr(self, "exit_code", code)  # noqa: B010 - click types it as a class variable


def engagement_argument(function: F) -> F:
    """The ENG argument."""
    argument = click.argument(
        "engagement", metavar="ENG", type=click.Path(file_okay=False, path_type=Path)
    )
    return argument(function)


def fail_on_option(function: F) -> F:
    """`--fail-on LEVEL`: exit 1 when a finding of that severity or worse stands open."""
    option = click.option(
        "--fail-on",
        type=click.Choice(["info", "low", "medium", "high", "critical"]),
        help="Exit 1 when a finding of this severity or worse is open.",
    )
    return option(function)


@contextmanager
def writing(folder: Path) -> Generator[None, None, None]:
    """Ends the command with exit 3, *folder* and the cause when a file in it cannot be written: not every `OSError` names its file."""
    try:
        yield
    except OSError as error:
        raise Stop(
            f"{error.filename or folder}: cannot be written: {error.strerror}. "
            "Check the space and the rights, then try again.",
            EXIT_PARTIAL,
        ) from None


def login() -> str:
    """The login name, or the user's number where the machine has no name for it (a container, an RMM)."""
    import getpass
    import os

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def load(folder: Path) -> Engagement:
    """The engagement, or exit 2 with every mistake in it named."""
    from agent.engagement.engagement import EngagementError, load_engagement

    try:
        return load_engagement(folder)
    except EngagementError as error:
        raise Stop(str(error), EXIT_USAGE) from None
