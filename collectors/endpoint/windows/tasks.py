"""Scheduled tasks from their files (Task Scheduler Schema 1.x, MS-TSCH 2.4): XML in UTF-16, one a task."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from collectors.endpoint.redact import redact
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

FOLDER = "Windows/System32/Tasks"
MOST_DEPTH, MOST_BYTES = 12, 1_000_000


def tasks(drive: Tree, wanted: Wanted) -> Source:
    def source(views: Views) -> Iterator[Row]:
        if not drive.exists(FOLDER):
            raise CannotRead("the folder of tasks is not there")
        yield from _folder(drive, wanted, views, "", 0)

    return source


def _folder(drive: Tree, wanted: Wanted, views: Views, below: str, depth: int) -> Iterator[Row]:
    for name in drive.names(f"{FOLDER}{below}"):
        here = f"{below}/{name}"
        path = drive.path(f"{FOLDER}{here}")
        try:
            if path.is_dir():
                if depth < MOST_DEPTH:
                    yield from _folder(drive, wanted, views, here, depth + 1)
                continue
            with path.open("rb") as opened:
                rows = list(task(here.replace("/", "\\"), opened.read(MOST_BYTES), wanted))
        except OSError as problem:
            views.miss(here.replace("/", "\\"), problem)
            continue
        except ValueError as problem:
            views.miss(here.replace("/", "\\"), CannotRead(str(problem)))
            continue
        yield from rows


def task(name: str, data: bytes, wanted: Wanted) -> Iterator[Row]:
    """One row an action. Raises `ValueError` for what is no task."""
    text = _decoded(data)
    if re.search(r"<!(?:DOCTYPE|ENTITY)", text):
        raise ValueError("a task with entities of its own is not read")
    try:
        root = ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text))
    except ElementTree.ParseError:
        raise ValueError("no XML") from None
    space = root.tag[: root.tag.index("}") + 1] if root.tag.startswith("{") else ""

    def first(path: str) -> str:
        found = root.find("/".join(f"{space}{p}" for p in path.split("/")))
        return (found.text or "").strip() if found is not None else ""

    account = first("Principals/Principal/UserId") or first("Principals/Principal/GroupId")
    state = "disabled" if first("Settings/Enabled").lower() == "false" else "enabled"
    actions = root.find(f"{space}Actions")
    for action in actions if actions is not None else ():
        kind = action.tag.removeprefix(space)
        told = {c.tag.removeprefix(space): (c.text or "").strip() for c in action}
        if kind == "Exec":
            program = told.get("Command", "").strip('"')
            quoted = f'"{program}"' if " " in program else program
            line = f"{quoted} {told.get('Arguments', '')}".strip()
            yield (name, redact(line, wanted.kept), account, state)
        elif kind == "ComHandler":
            yield (name, f"COM {told.get('ClassId', '')}", account, state)


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")
