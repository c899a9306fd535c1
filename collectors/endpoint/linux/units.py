"""systemd units and System V scripts from their files: a unit that is switched off stands there too (systemd.unit(5), systemd.service(5)).

Drop-ins are read after the unit itself; `Environment=` lines, where secrets stand, are not read at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.endpoint.linux.homes import homes
from collectors.endpoint.redact import redact
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

FOLDERS = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
)
"""In the order in which systemd prefers them."""
_KEYS = ("ExecStart", "ExecStartPre", "ExecStartPost", "User", "OnCalendar", "OnBootSec")
_LINE = re.compile(r"^([A-Za-z]+)\s*=\s*(.*)$")
_KINDS = (".service", ".timer", ".socket", ".path")


def units(tree: Tree, wanted: Wanted) -> Source:
    def source(views: Views) -> Iterator[Row]:
        running = _running(tree)
        wants = _wanted_units(tree)
        seen: set[str] = set()
        for folder in FOLDERS:
            for name in tree.names(folder):
                if name.endswith(_KINDS) and name not in seen:
                    seen.add(name)
                    yield from _unit(tree, views, wanted, folder, name, running, wants)
        for home in homes(tree):
            folder = f"{home.folder}/.config/systemd/user"
            try:
                for name in tree.names(folder):
                    if name.endswith(_KINDS):
                        yield from _unit(
                            tree, views, wanted, folder, name, running, wants, home.account
                        )
            except OSError as problem:
                views.miss(f"units of {home.account}", problem)
        for name in tree.names("/etc/init.d"):
            if f"{name}.service" not in seen and name not in ("README", "skeleton"):
                yield (name, f"/etc/init.d/{name}", "root", "", "sysv")

    return source


def _unit(
    tree: Tree,
    views: Views,
    wanted: Wanted,
    folder: str,
    name: str,
    running: frozenset[str] | None,
    wants: frozenset[str],
    account: str = "",
) -> Iterator[Row]:
    file = f"{folder}/{name}"
    try:
        target = str(tree.path(file).readlink()) if tree.path(file).is_symlink() else ""
        if target == "/dev/null":
            yield (name, "", account, "stopped", "masked")
            return
        if target and not tree.exists(file):
            # A link whose unit was removed with its package: it starts nothing.
            yield (name, "", account, "stopped", "broken")
            return
        told = values(tree.text(file))
        for extra in FOLDERS:
            for drop in tree.names(f"{extra}/{name}.d"):
                if drop.endswith(".conf"):
                    told |= values(tree.text(f"{extra}/{name}.d/{drop}"))
    except OSError as problem:
        views.miss(file, problem)
        return
    command = redact(told.get("ExecStart", "").lstrip("-@:+!"), wanted.kept)
    when = told.get("OnCalendar") or told.get("OnBootSec", "")
    # Where no control groups are to be seen, nobody knows what runs: that is not "stopped".
    state = "" if running is None else "running" if name in running else "stopped"
    start = "enabled" if name in wants else "static" if not told.get("WantedBy") else "disabled"
    yield (name, command or when, told.get("User", account), state, start)


def values(text: str) -> dict[str, str]:
    """The settings of a unit file that we read; lines that go on (`\\` at the end) are one."""
    found: dict[str, str] = {}
    for line in re.sub(r"\\\r?\n", " ", text).splitlines():
        if (hit := _LINE.match(line.strip())) and (hit[1] in _KEYS or hit[1] == "WantedBy"):
            # An empty setting takes back what stood before (systemd.syntax(7)).
            if hit[2].strip():
                found.setdefault(hit[1], hit[2].strip())
            else:
                found.pop(hit[1], None)
    return found


def _wanted_units(tree: Tree) -> frozenset[str]:
    found: set[str] = set()
    for folder in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"):
        for name in tree.names(folder):
            if name.endswith((".wants", ".requires")):
                found.update(tree.names(f"{folder}/{name}"))
    return frozenset(found)


def _running(tree: Tree) -> frozenset[str] | None:
    """Units with processes, by their control groups (cgroups(7)), without asking anybody; None where there are none to be seen."""
    found: set[str] = set()
    bases = ("/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/systemd/system.slice")
    there = [base for base in bases if tree.exists(base)]
    for base in there:
        found.update(n for n in tree.names(base) if n.endswith(".service"))
    return frozenset(found) if there else None
