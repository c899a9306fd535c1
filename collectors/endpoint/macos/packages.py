"""Installed programs: receipts of the installer (pkgutil(1)), applications by their Info.plist, what Homebrew has in its folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from collectors.endpoint.macos import plists
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree

_RECEIPTS = "/var/db/receipts"
_How = Callable[[bytes], tuple[str, str]]
_BREW = ("/opt/homebrew", "/usr/local")


def receipt(data: bytes) -> tuple[str, str]:
    """(identifier, version) of a receipt. Raises `NotPlist`."""
    told = plists.dictionary(data)
    return plists.text(told, "PackageIdentifier"), plists.text(told, "PackageVersion")


def application(data: bytes) -> tuple[str, str]:
    """(name, version) of an Info.plist; the name is empty where it has none. Raises `NotPlist`."""
    told = plists.dictionary(data)
    name = plists.text(told, "CFBundleDisplayName") or plists.text(told, "CFBundleName")
    version = plists.text(told, "CFBundleShortVersionString")
    return name, version or plists.text(told, "CFBundleVersion")


def packages(tree: Tree, homes: Iterable[str]) -> Source:
    folders = ["/Applications", *(f"{h}/Applications" for h in homes)]

    def source(views: Views) -> Iterator[Row]:
        try:
            names = tree.names(_RECEIPTS)
        except OSError as problem:
            views.miss("receipts of the installer", problem)
            names = []
        for name in names:
            if name.endswith(".plist"):
                file = f"{_RECEIPTS}/{name}"
                id_, version = _read(tree, views, file, receipt)
                yield (id_ or name.removesuffix(".plist"), version, "", "pkgutil", "")
        for folder in folders:
            yield from _applications(tree, views, folder, 2)
        for base in _BREW:
            for part in ("Cellar", "Caskroom"):
                yield from _brew(tree, views, f"{base}/{part}")

    return source


def _read(tree: Tree, views: Views, file: str, how: _How) -> tuple[str, str]:
    try:
        return how(tree.data(file, plists.MOST_BYTES + 1))
    except OSError as problem:
        views.miss(file, problem)
    except plists.NotPlist as problem:
        views.miss(file, str(problem))
    return "", ""


def _applications(tree: Tree, views: Views, folder: str, depth: int) -> Iterator[Row]:
    try:
        names = tree.names(folder)
    except OSError as problem:
        views.miss(folder, problem)
        return
    for name in names:
        here = f"{folder}/{name}"
        if name.endswith(".app"):
            title, version = "", ""
            if tree.exists(file := f"{here}/Contents/Info.plist"):
                title, version = _read(tree, views, file, application)
            yield (title or name.removesuffix(".app"), version, "", "application", here)
        elif depth > 1 and not tree.path(here).is_symlink() and tree.path(here).is_dir():
            yield from _applications(tree, views, here, depth - 1)


def _brew(tree: Tree, views: Views, folder: str) -> Iterator[Row]:
    try:
        for name in tree.names(folder):
            if not name.startswith("."):
                versions = [v for v in tree.names(f"{folder}/{name}") if v[:1] != "."]
                yield (name, max(versions, default=""), "", "brew", f"{folder}/{name}")
    except OSError as problem:
        views.miss(folder, problem)
