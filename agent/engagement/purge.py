"""Erases a person from what the program itself wrote beside the runs: answers.toml and the `attempts` file (GDPR art. 17)."""

from __future__ import annotations

import json
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from agent.engagement.answers import load_answers, locked, sync_folder, update_answers
from agent.engagement.attempts import NAME as ATTEMPTS
from agent.engagement.problems import EngagementError, Problem
from agent.model.answers import AcceptedRisk, AddedAsset, Answers, ItemAnswer, Pin

ERASED = "(erased)"
Names = Callable[[str], bool]
"""Does this text name the person?"""


def plain(text: str) -> str:
    """*text* for a comparison that looks at neither case nor composition (Unicode 3.13, D145: canonical caseless match)."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", text).casefold())


def texts(value: object) -> Iterator[str]:
    """Every key and text in *value* as it is, not as JSON escapes it: an account is written DOMAIN\\name."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts(inner)
    elif value is not None:
        yield str(value)


def purge_answers(folder: Path, names: Names) -> int:
    """Erase every text of answers.toml that *names*; returns how many. The rest stays. Raises `EngagementError`."""
    if without(answers := load_answers(folder), names) == answers:
        return 0
    count = 0

    def change(answers: Answers) -> Answers:
        nonlocal count
        left = without(answers, names)
        count = _count(answers, names) - _count(left, names)
        return left

    update_answers(folder, change)
    return count


def without(answers: Answers, names: Names) -> Answers:
    """*answers* without what *names*: of a longer answer the lines, of a list the entry; an item whose answer is gone is open again."""

    def who(by: str) -> str:
        return ERASED if names(by) else by

    items: dict[str, ItemAnswer] = {}
    for key, item in answers.items.items():
        left = _lines(item.answer, names)
        if item.answer is not None and left is None:
            continue
        owner = None if item.owner is not None and names(item.owner) else item.owner
        lines = {ref: state for ref, state in item.lines.items() if not names(ref)}
        change = {"answer": left, "by": who(item.by), "owner": owner, "lines": lines}
        items[key] = item.model_copy(update=change)
    accepted: tuple[AcceptedRisk, ...] = tuple(
        a.model_copy(update={"by": who(a.by), "why": who(a.why)}) for a in answers.accepted
    )
    assets: list[AddedAsset] = []
    for a in answers.assets:
        if not names(a.name):
            fields = {k: v for k, v in a.fields.items() if not names(k) and not names(v)}
            assets.append(a.model_copy(update={"by": who(a.by), "fields": fields}))
    pins: dict[str, Pin] = {
        site: pin.model_copy(update={"by": who(pin.by)}) for site, pin in answers.pins.items()
    }
    owners = {ref: owner for ref, owner in answers.owners.items() if not names(ref)}
    return Answers(items=items, accepted=accepted, assets=tuple(assets), pins=pins, owners=owners)


def purge_attempts(folder: Path, names: Names) -> int:
    """Erase every text of the attempts file that *names*; returns in how many lines. Its order and times stay.

    Raises `EngagementError` when the file cannot be read or written anew; it is unchanged then.
    """
    path = folder / ATTEMPTS
    if not path.exists():
        return 0
    with locked(folder):
        try:
            raw = path.read_bytes().split(b"\n")
        except OSError as error:
            raise _fail(error) from None
        lines = [_attempt(line, names) for line in raw]
        count = sum(new != old for new, old in zip(lines, raw, strict=True))
        if count:
            _replace(path, b"\n".join(line for line in lines if line is not None))
    return count


def _attempt(line: bytes, names: Names) -> bytes | None:
    """*line* without the person; None where it is no line of ours and names him."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        return None if names(line.decode("utf-8", "replace")) else line
    told = {k: v for k in ("account", "host", "why") if isinstance(v := row.get(k), str)}
    new = {**row, **{k: ERASED for k, v in told.items() if names(v)}}
    return line if new == row else json.dumps(new).encode("ascii")


def _replace(path: Path, data: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _fail(error) from None


def _fail(error: OSError) -> EngagementError:
    cause = f"cannot be written anew: {error.strerror}; it is unchanged"
    return EngagementError([Problem(ATTEMPTS, cause, example="check the rights and the space")])


def _lines(answer: str | None, names: Names) -> str | None:
    """The parts of *answer* (lines, or entries of a list parted by semicolons) that do not name; None when none is left."""
    if answer is None or not names(answer):
        return answer
    parts = re.split(r"(\n|;)", answer)
    kept = [
        (part, parts[i + 1] if i + 1 < len(parts) else "")
        for i, part in enumerate(parts)
        if i % 2 == 0 and part.strip() and not names(part)
    ]
    joined = "".join(part + sign for part, sign in kept).strip("\n; ")
    # A name may stand across two parts.
    return joined if joined and not names(joined) else None


def _count(answers: Answers, names: Names) -> int:
    return sum(names(text) for text in texts(answers.model_dump(mode="json")) if text != ERASED)
