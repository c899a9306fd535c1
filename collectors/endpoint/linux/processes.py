"""Processes from /proc (proc(5))."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.endpoint.linux.homes import accounts
from collectors.endpoint.redact import redact
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted


def processes(tree: Tree, wanted: Wanted) -> Source:
    def source(views: Views) -> Iterator[Row]:
        names = {a.uid: a.account for a in accounts(tree)}
        unread = found = 0
        for pid in tree.names("/proc"):
            if not pid.isdecimal():
                continue
            try:
                comm = tree.line(f"/proc/{pid}/comm")
                uid = _uid(tree.text(f"/proc/{pid}/status", 4096))
                command = tree.text(f"/proc/{pid}/cmdline", 16_384).rstrip("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
            except OSError:
                unread += 1
                continue
            path = ""
            try:
                path = str(tree.path(f"/proc/{pid}/exe").readlink())
            except (FileNotFoundError, ProcessLookupError):
                continue  # a kernel thread has no program
            except OSError:
                unread += 1
            found += 1
            path = path.removesuffix(" (deleted)")
            # A program that lies in memory only goes by the name it gave itself.
            base = comm if path.startswith("/memfd:") else path.rsplit("/", 1)[-1] or comm
            yield (base, path, redact(command, wanted.kept), names.get(uid, str(uid)))
        if unread:
            views.miss("programs of other users", CannotRead(f"{unread} not readable", True))
        if not found:
            raise CannotRead("no process is to be seen")

    return source


def _uid(status: str) -> int:
    for line in status.splitlines():
        if line.startswith("Uid:"):
            return int(line.split()[1])
    return -1
