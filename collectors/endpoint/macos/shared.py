"""Folders that the machine gives to others: share points of the local directory node (sharing(8)), NFS exports (exports(5))."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.endpoint.linux.shared import exports
from collectors.endpoint.macos import plists
from collectors.endpoint.macos.homes import NODE
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree

_PROTOCOLS = ("smb", "afp", "ftp")


def share(data: bytes) -> Row | None:
    """A row of a share point; None for one without a folder. Raises `NotPlist`."""
    told = plists.dictionary(data)
    path = plists.text(told, "directory_path")
    if not path:
        return None
    given = [p for p in _PROTOCOLS if plists.text(told, f"{p}_shared") == "1"]
    name = plists.text(told, "smb_name") or plists.text(told, "name")
    return (name, path, ", ".join(p.upper() for p in given) or "not given out")


def shares(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        folder = f"{NODE}/sharepoints"
        try:
            names = tree.names(folder)
        except OSError as problem:
            views.miss("share points", problem)
            names = []
        for name in names:
            if name.endswith(".plist"):
                try:
                    row = share(tree.data(f"{folder}/{name}"))
                except OSError as problem:
                    views.miss(f"share point {name}", problem)
                except plists.NotPlist as problem:
                    views.miss(f"share point {name}", str(problem))
                else:
                    if row is not None:
                        yield row
        if tree.exists("/etc/exports"):
            try:
                yield from exports(tree.text("/etc/exports"))
            except OSError as problem:
                views.miss("/etc/exports", problem)

    return source
