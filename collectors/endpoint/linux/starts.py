"""What starts programs beside units and cron: rc.local, autostart entries of desktops, libraries loaded into everything."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.endpoint.linux.homes import homes
from collectors.endpoint.redact import redact
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted


def run_keys(tree: Tree, wanted: Wanted) -> Source:
    def source(views: Views) -> Iterator[Row]:
        for file in ("/etc/rc.local", "/etc/rc.d/rc.local", "/etc/ld.so.preload"):
            if tree.exists(file):
                try:
                    lines = tree.lines(file)
                except OSError as problem:
                    views.miss(file, problem)
                    continue
                for line in lines:
                    if line.strip() and not line.lstrip().startswith("#"):
                        yield (file, "", redact(line, wanted.kept))
        folders = [("/etc/xdg/autostart", "")]
        folders += [(f"{h.folder}/.config/autostart", h.account) for h in homes(tree)]
        for folder, account in folders:
            place = f"autostart of {account}" if account else "autostart"
            try:
                names = [n for n in tree.names(folder) if n.endswith(".desktop")]
            except OSError as problem:
                views.miss(place, problem)
                continue
            for name in names:
                try:
                    command = _exec(tree.lines(f"{folder}/{name}"))
                except OSError as problem:
                    views.miss(f"{folder}/{name}", problem)
                else:
                    yield (place, name, redact(command, wanted.kept))

    return source


def _exec(lines: list[str]) -> str:
    """Command of a desktop entry (freedesktop.org, Desktop Entry Specification)."""
    return next((line[5:].strip() for line in lines if line.startswith("Exec=")), "")
