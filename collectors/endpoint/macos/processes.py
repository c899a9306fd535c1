"""Processes as ps(1) prints them. On macOS `comm` is the first argument in full, `ucomm` the name the kernel keeps (16 characters)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from collectors.endpoint.macos.asked import Asked
from collectors.endpoint.redact import redact
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

NAMES = ("ps", "-axww", "-o", "pid=,ucomm=")
USERS = ("ps", "-axww", "-o", "pid=,user=,comm=")
COMMANDS = ("ps", "-axww", "-o", "pid=,args=")
MOST = 100_000


@dataclass(frozen=True)
class Process:
    name: str
    path: str
    command: str
    account: str


def table(
    names: str, users: str, commands: str, exists: Callable[[str], bool]
) -> dict[int, Process]:
    """Process id -> process, of what the three questions print. What is no such line is passed over."""
    short = dict(_lines(names))
    lines = dict(_lines(commands))
    found: dict[int, Process] = {}
    for pid, words in _lines(users):
        account, _, first = words.partition(" ")
        path = _path(first.strip(), exists)
        command = lines.get(pid, "")
        if " " in path and command.startswith(path) and '"' not in path:
            # The blanks of a path are not those between arguments.
            command = f'"{path}"{command[len(path) :]}'
        name = path.rsplit("/", 1)[-1] or short.get(pid, "")
        if name:
            found[pid] = Process(name, path, command, account)
    return found


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for line in text.splitlines()[:MOST]:
        pid, _, words = line.strip().partition(" ")
        if pid.isdecimal() and len(pid) < 12:
            yield int(pid), words.strip()


def _path(first: str, exists: Callable[[str], bool]) -> str:
    """The program's file. A program may write anything into its first argument: with blanks it must be a file that is there."""
    if not first.startswith("/"):
        return ""
    return first if " " not in first or exists(first) else first.split(" ", 1)[0]


def processes_of(tree: Tree, asked: Asked) -> dict[int, Process]:
    """Empty where ps does not answer."""
    return table(asked.may(*NAMES), asked.may(*USERS), asked.may(*COMMANDS), tree.exists)


def processes(tree: Tree, wanted: Wanted, asked: Asked) -> Source:
    def source(views: Views) -> Iterator[Row]:
        asked.must(*USERS)
        found = processes_of(tree, asked)
        if not found:
            raise CannotRead("no process is to be seen")
        if not asked.may(*COMMANDS):
            views.miss("command lines", CannotRead("ps did not tell them"))
        for one in found.values():
            yield (one.name, one.path, redact(one.command, wanted.kept), one.account)

    return source
