"""Files and identifiers of remote-access products that the catalogue names: on systems with paths from `/`.

Folders are listed to a fixed depth only, and what is not of the catalogue is never written down. Of a file, values by exact name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

LONGEST = 253


def paths(
    tree: Tree,
    wanted: Wanted,
    roots: Iterable[tuple[str, int]],
    homes: Iterable[str],
    inside: Iterable[str],
) -> Source:
    """*roots*: folders whose entries are tried by full path, to that depth. *inside*: folders of each of *homes* in which portable programs
    lie, tried by their base name."""
    folders, people, parts = tuple(roots), tuple(homes), tuple(inside)

    def source(views: Views) -> Iterator[Row]:
        for root, depth in folders:
            yield from _tried(tree, wanted, views, root.rstrip("/"), depth)
        for home in people:
            for part in parts:
                folder = f"{home}/{part}".rstrip("/")
                try:
                    names = tree.names(folder)
                except OSError as problem:
                    views.miss(folder, problem)
                    continue
                for name in names:
                    if wanted.program(name) or wanted.path(f"{folder}/{name}"):
                        yield (f"{folder}/{name}", "unknown")

    return source


def _tried(tree: Tree, wanted: Wanted, views: Views, folder: str, depth: int) -> Iterator[Row]:
    try:
        names = tree.names(folder)
    except OSError as problem:
        views.miss(folder, problem)
        return
    for name in names:
        here = f"{folder}/{name}"
        if wanted.path(here):
            yield (here, "unknown")
        elif depth > 1 and not tree.path(here).is_symlink() and tree.path(here).is_dir():
            yield from _tried(tree, wanted, views, here, depth - 1)


def values(tree: Tree, wanted: Wanted, drive: str = "") -> Source:
    """*drive*: prefix of the files that are meant here, such as `C:`; the rest of a place is below the root of *tree*."""

    def source(views: Views) -> Iterator[Row]:
        def miss(file: str, problem: OSError) -> None:
            views.miss(f"{drive}{file}", problem)

        for one in wanted.values:
            if one.place.startswith("HKLM/") or one.place.startswith("/") == bool(drive):
                continue
            for file in tree.glob(one.place.removeprefix(drive), miss):
                try:
                    found = read_value(tree.text(file, 1_000_000), one.key)
                except (OSError, CannotRead) as problem:
                    views.miss(f"{drive}{file}", problem)
                    continue
                for value in found:
                    yield (one.tool, f"{drive}{file}", one.key, value[:LONGEST])

    return source


def read_value(text: str, key: str) -> list[str]:
    """Values of the exact name *key* in an INI, TOML, .msh, XML or JSON file. Nothing else of the file is looked at.

    Raises `CannotRead` for JSON that is damaged: whose it is may stand in it all the same.
    """
    text = text.replace("\0", "")
    if text.lstrip()[:1] == "{":
        try:
            return list(_json(json.loads(text), key, 0))
        except (ValueError, RecursionError):
            raise CannotRead("damaged: no JSON that can be read") from None
    name = re.escape(key)
    found = [
        m[1].strip().strip("\"'")
        for m in re.finditer(
            rf"(?mi)^[ \t]*[\"']?{name}[\"']?[ \t]*[=:][ \t]*([^\r\n]{{1,500}})", text
        )
    ]
    found += [
        m[1].strip()
        for m in re.finditer(rf"<{name}(?:\s[^<>]{{0,200}})?>([^<]{{1,500}})</{name}>", text)
    ]
    found += [
        m[1].strip()
        for m in re.finditer(
            rf'name="{name}"[^<>]{{0,200}}>\s*<value>([^<]{{1,500}})</value>', text
        )
    ]
    return [v for v in dict.fromkeys(found) if v]


def _json(value: Any, key: str, depth: int) -> Iterator[str]:
    if depth > 8:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key and isinstance(inner, str | int):
                yield str(inner)
            else:
                yield from _json(inner, key, depth + 1)
    elif isinstance(value, list):
        for inner in value[:1000]:
            yield from _json(inner, key, depth + 1)
