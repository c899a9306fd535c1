"""The engagement's id key: 32 random bytes, made once. Without it the ids of people and devices cannot be guessed."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from agent.engagement.problems import EngagementError, Problem

SIZE = 32
NAME = ".handover/key"


def engagement_key(folder: Path) -> bytes:
    """Read the key of the engagement in *folder*, or make it when there is none and no run yet needs one.

    Raises `EngagementError` when it is damaged, lost or cannot be written.
    """
    path = folder / NAME
    try:
        if not path.exists():
            if any((folder / "runs").glob("*.run*")):
                raise _fail(
                    "it is lost, but runs were made with it: their ids could not be compared any more",
                    "copy .handover/key back from where the engagement folder came from",
                )
            _make(path)
        key = path.read_bytes()
    except OSError as error:
        raise _fail(
            f"cannot be read or made: {error.strerror}", f"check the rights on {folder}"
        ) from None
    if len(key) != SIZE:
        raise _fail(
            f"has {len(key)} bytes instead of {SIZE}", "restore it from a copy of the folder"
        )
    return key


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    temporary = path.with_name(f"key.{secrets.token_hex(8)}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(secrets.token_bytes(SIZE))
            stream.flush()
            os.fsync(stream.fileno())
        with suppress(FileExistsError):
            # Unlike a rename, a link never replaces the key another process has just made.
            os.link(temporary, path)
    finally:
        temporary.unlink()


def _fail(cause: str, example: str) -> EngagementError:
    return EngagementError([Problem(NAME, cause, example=example)])
