"""Makes a checkpoint safe to be copied in the middle of.

SQLite brings pages into the file in the order of their numbers. The top page of a table that has grown comes early and already points
to pages that come last: a copy taken in between would have lost what moved there. So we first append the new pages ourselves: to the
file as it stands they lie behind its end, and the checkpoint then writes the same bytes again.
Format: https://www.sqlite.org/fileformat.html#the_write_ahead_log
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_HEADER = 32
_FRAME = 24


def append_new_pages(database: int, wal: Path) -> int:
    """Append to the file open as *database* the committed pages of *wal* that lie behind its end; returns how many.

    Only for a -wal that this process itself has written: its checksums are not looked at. Keep *database* open as long as SQLite's
    connection, as closing it would drop SQLite's own locks (POSIX). Raises `OSError`.
    """
    try:
        file = wal.open("rb")
    except FileNotFoundError:
        return 0
    with file:
        header = file.read(_HEADER)
        if len(header) < _HEADER:
            return 0
        size = struct.unpack(">I", header[8:12])[0]
        salts = header[16:24]
        end = os.fstat(database).st_size // size
        new: dict[int, int] = {}
        pending: dict[int, int] = {}
        at = _HEADER
        while True:
            file.seek(at)
            frame = file.read(_FRAME)
            # Other salts: left over from before the -wal was begun anew.
            if len(frame) < _FRAME or frame[8:16] != salts:
                break
            number, commit = struct.unpack(">II", frame[:8])
            if number > end:
                pending[number] = at + _FRAME
            if commit:
                new |= pending
                pending = {}
            at += _FRAME + size
        for number in sorted(new):
            file.seek(new[number])
            _write_at(database, file.read(size), (number - 1) * size)
    return len(new)


def _write_at(fd: int, data: bytes, offset: int) -> None:
    os.lseek(fd, offset, os.SEEK_SET)
    while data:
        data = data[os.write(fd, data) :]
