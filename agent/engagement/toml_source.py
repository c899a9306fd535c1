"""Reads a TOML file a person wrote and remembers on which line each key stands, which `tomllib` does not say.

The second walk over the text runs only on what `tomllib` accepted, so it may trust the grammar (TOML 1.0).
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.engagement.problems import EngagementError, Problem

MAX_BYTES = 1 << 20
Loc = tuple[str | int, ...]
_AT = re.compile(r"\s*\(at line (\d+), column (\d+)\)\s*$")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class TomlFile:
    """`lines` maps the path of a key or array element to its line, counted from 1. `sha256` is of the bytes on disk."""

    path: Path
    data: Mapping[str, Any] = field(repr=False)
    lines: Mapping[Loc, int] = field(repr=False)
    sha256: str

    def line(self, loc: Loc) -> int | None:
        """Line of *loc*, or of the nearest thing around it that stands in the file."""
        for end in range(len(loc), 0, -1):
            if loc[:end] in self.lines:
                return self.lines[loc[:end]]
        return None


def read_toml(path: Path, *, example: str = "") -> TomlFile:
    """Raises `EngagementError` when the file is missing, unreadable, not UTF-8 or not TOML; *example* says how to get one."""
    found = _read(path, example)
    if isinstance(found, EngagementError):
        # Raised here, where no variable holds the text of the file: it may hold a secret in the wrong place.
        raise found
    return found


def _read(path: Path, example: str) -> TomlFile | EngagementError:
    name = path.name
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return _fail(name, f"there is no such file in {path.parent}", example=example)
    except (IsADirectoryError, NotADirectoryError):
        return _fail(name, f"{path} is not a file")
    except PermissionError:
        return _fail(name, "this user may not read it", example=f"chmod u+r {path}")
    except OSError as error:
        return _fail(name, f"it cannot be read: {error.strerror or 'input/output error'}")
    if len(raw) > MAX_BYTES:
        return _fail(name, f"it is larger than {MAX_BYTES // 1024} KiB: not a file of this kind")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _fail(name, "it is saved as UTF-16; save it as UTF-8 (Notepad: Save as, Encoding)")
    try:
        text = raw.decode("utf-8-sig")
        data = tomllib.loads(text)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        cause = "a character is not UTF-8 (saved as ANSI or Latin-1?); save the file as UTF-8"
        return _fail(name, cause, line)
    except tomllib.TOMLDecodeError as error:
        return _broken(name, str(error), raw.count(b"\n") + 1)
    except RecursionError:
        return _fail(name, "brackets are nested too deeply")
    except ValueError:
        return _fail(name, "a number is too long")
    return TomlFile(path, data, key_lines(text), hashlib.sha256(raw).hexdigest())


def _fail(file: str, cause: str, line: int | None = None, example: str = "") -> EngagementError:
    return EngagementError([Problem(file, cause, line=line, example=example)])


def _broken(name: str, message: str, last: int) -> EngagementError:
    found = _AT.search(message)
    line = int(found[1]) if found else last
    column = f", column {found[2]}" if found else ""
    what = _AT.sub("", message).removesuffix(" (at end of document)")
    cause = f"not valid TOML at line {line}{column}: {what}"
    return _fail(name, cause, line, 'text goes between quotes: name = "Laboratoire Martin"')


def key_lines(text: str) -> dict[Loc, int]:
    """Line of every key and array element of the valid TOML document *text*."""
    walk = _Walk(text)
    with suppress(IndexError, RecursionError):  # what was found so far still helps
        walk.document()
    return walk.lines


class _Walk:
    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n") + "\n"
        self.at = 0
        self.row = 1
        self.lines: dict[Loc, int] = {}
        self.counts: dict[Loc, int] = {}

    def step(self, n: int = 1) -> None:
        self.row += self.text.count("\n", self.at, self.at + n)
        self.at += n

    def blank(self, newlines: bool = True) -> None:
        while self.at < len(self.text):
            c = self.text[self.at]
            if c == "#":
                self.step(self.text.index("\n", self.at) - self.at)
            elif c in " \t" or (newlines and c == "\n"):
                self.step()
            else:
                return

    def document(self) -> None:
        base: Loc = ()
        while True:
            self.blank()
            if self.at >= len(self.text):
                return
            if self.text[self.at] == "[":
                base = self.header()
            else:
                self.pair(base)

    def header(self) -> Loc:
        row = self.row
        many = self.text.startswith("[[", self.at)
        self.step(2 if many else 1)
        keys = self.key()
        self.blank(newlines=False)
        self.step(2 if many else 1)
        loc: Loc = ()
        for i, key in enumerate(keys):
            loc = (*loc, key)
            last = i == len(keys) - 1
            if last and many:
                self.counts[loc] = self.counts.get(loc, -1) + 1
            self.lines.setdefault(loc, row)
            if loc in self.counts:
                loc = (*loc, self.counts[loc])
        self.lines[loc] = row
        return loc

    def pair(self, base: Loc) -> None:
        row = self.row
        loc = base
        for key in self.key():
            loc = (*loc, key)
            self.lines.setdefault(loc, row)
        self.blank(newlines=False)
        self.step()  # the equals sign
        self.blank(newlines=False)
        self.value(loc)

    def key(self) -> list[str]:
        keys: list[str] = []
        while True:
            self.blank(newlines=False)
            if self.text[self.at] in "\"'":
                start = self.at + 1
                self.string()
                keys.append(self.text[start : self.at - 1])
            else:
                found = _BARE.match(self.text, self.at)
                if found is None:
                    raise IndexError
                keys.append(found[0])
                self.step(len(found[0]))
            self.blank(newlines=False)
            if self.text[self.at] != ".":
                return keys
            self.step()

    def string(self) -> None:
        quote = self.text[self.at]
        triple = self.text.startswith(quote * 3, self.at)
        self.step(3 if triple else 1)
        end = quote * (3 if triple else 1)
        while not self.text.startswith(end, self.at):
            escaped = quote == '"' and self.text[self.at] == "\\"
            self.step(2 if escaped else 1)
        self.step(len(end))
        while triple and self.text[self.at] == quote:
            self.step()

    def value(self, loc: Loc) -> None:
        c = self.text[self.at]
        if c in "\"'":
            self.string()
        elif c == "[":
            self.step()
            self.blank()
            index = 0
            while self.text[self.at] != "]":
                self.lines[(*loc, index)] = self.row
                self.value((*loc, index))
                index += 1
                self.comma()
            self.step()
        elif c == "{":
            self.step()
            self.blank()
            while self.text[self.at] != "}":
                self.pair(loc)
                self.comma()
            self.step()
        else:
            while self.text[self.at] not in ",]}\n#":
                self.step()

    def comma(self) -> None:
        self.blank()
        if self.text[self.at] == ",":
            self.step()
            self.blank()
