"""The files of a machine below a root: `/` in earnest, a folder in a test. Reads only, bounded, never follows a link out of the root."""

from __future__ import annotations

import errno
import fnmatch
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

Miss = Callable[[str, OSError], None]
MOST_BYTES = 4_000_000
MOST_ENTRIES = 20_000
_NO_WAIT: int = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Tree:
    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")

    def data(self, name: str, most: int | None = None) -> bytes:
        """The file *name*, or its first *most* bytes. Raises `OSError`, also for what is no regular file, or larger than `MOST_BYTES`."""
        # A pipe that somebody laid there would hold up who opens it.
        opened = os.open(self.path(name), os.O_RDONLY | _NO_WAIT)
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise OSError(errno.EINVAL, "no regular file")
            with os.fdopen(opened, "rb", closefd=False) as file:
                whole = file.read(MOST_BYTES + 1 if most is None else most)
        finally:
            os.close(opened)
        if most is None and len(whole) > MOST_BYTES:
            # What stands behind the bound must not look as if it were not there.
            raise OSError(errno.EFBIG, f"larger than {MOST_BYTES:,} bytes")
        return whole

    def text(self, name: str, most: int | None = None) -> str:
        """Text of the file *name*, or of its first *most* bytes, read leniently. Raises `OSError` as `data`."""
        return self.data(name, most).decode("utf-8", "replace")

    def lines(self, name: str) -> list[str]:
        """Raises `OSError`."""
        return self.text(name).splitlines()

    def line(self, name: str) -> str:
        """First line of a small file, empty where it cannot be read: for /sys."""
        try:
            return self.text(name, 4096).split("\n", 1)[0].strip()
        except OSError:
            return ""

    def names(self, folder: str) -> list[str]:
        """What lies in *folder*, sorted; empty where there is no such folder. Raises other `OSError`s."""
        try:
            found = sorted(p.name for p in self.path(folder).iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        return found[:MOST_ENTRIES]

    def glob(self, pattern: str, miss: Miss) -> Iterator[str]:
        """Files that *pattern* names; `*` stands within one part of a path. *miss* hears of what may not be looked into."""
        yield from self._glob("", pattern.strip("/").split("/"), miss)

    def _glob(self, base: str, parts: list[str], miss: Miss) -> Iterator[str]:
        part, rest = parts[0], parts[1:]
        if "*" in part:
            try:
                names = [n for n in self.names(base or "/") if fnmatch.fnmatchcase(n, part)]
            except OSError as problem:
                miss(base or "/", problem)
                return
        else:
            names = [part]
        for name in names:
            here = f"{base}/{name}"
            if rest:
                yield from self._glob(here, rest, miss)
            elif "*" in part:
                yield here
            else:
                try:
                    if self.path(here).exists():
                        yield here
                except OSError as problem:
                    miss(here, problem)

    def exists(self, name: str) -> bool:
        try:
            return self.path(name).exists()
        except OSError:
            return False
