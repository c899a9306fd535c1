"""answers.toml: what people told the program. Written by the program only, whole and at once: a killed process leaves the old file or the
new one, and two processes do not lose each other's answers.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agent.engagement.problems import EngagementError, Problem
from agent.engagement.toml_source import read_toml
from agent.engagement.words import parse
from agent.model.answers import Answers

NAME = "answers.toml"
_HEAD = "# Written by `handover` (init --site, intake, add, reviews). Change it through these commands.\n"
_WAIT_S = 20.0


def load_answers(folder: Path) -> Answers:
    """Answers of the engagement in *folder*; empty when nothing was answered yet. Raises `EngagementError`."""
    path = folder / NAME
    if not path.exists():
        return Answers()
    return parse(Answers, read_toml(path))


def update_answers(folder: Path, change: Callable[[Answers], Answers]) -> Answers:
    """Load, *change* and save under the engagement's lock; returns what was saved. Raises `EngagementError`."""
    with locked(folder):
        answers = change(load_answers(folder))
        _save(folder, answers)
    return answers


@contextmanager
def locked(folder: Path) -> Generator[None, None, None]:
    """Holds the engagement's lock. Raises `EngagementError` when another process keeps it for 20 seconds."""
    path = folder / ".handover" / "lock"
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        stream = path.open("a+b")
    except OSError as error:
        raise _fail(f"the lock cannot be made: {error.strerror}", folder) from None
    with stream:
        deadline = time.monotonic() + _WAIT_S
        while not _take(stream.fileno()):
            if time.monotonic() > deadline:
                raise _fail("another `handover` is writing to this engagement", folder)
            time.sleep(0.02)
        try:
            yield
        finally:
            _release(stream.fileno())


def _save(folder: Path, answers: Answers) -> None:
    import tomli_w

    plain: dict[str, Any] = answers.model_dump(mode="json", exclude_none=True)
    text = _HEAD + tomli_w.dumps({k: v for k, v in plain.items() if v}, multiline_strings=False)
    temporary = folder / f".{NAME}.{secrets.token_hex(8)}"
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(folder / NAME)
        sync_folder(folder)
    except (OSError, UnicodeEncodeError) as error:
        temporary.unlink(missing_ok=True)
        cause = error.strerror if isinstance(error, OSError) else "a character has no UTF-8 form"
        raise _fail(f"cannot be written: {cause}; the earlier answers are kept", folder) from None


def sync_folder(folder: Path) -> None:
    """Make a rename inside *folder* durable; Windows has no such call."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _fail(cause: str, folder: Path) -> EngagementError:
    return EngagementError(
        [Problem(NAME, cause, example=f"check the rights and the space on {folder}")]
    )


if sys.platform == "win32":
    import msvcrt

    def _take(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _release(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _release(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
