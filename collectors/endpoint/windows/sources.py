"""All sources of a Windows machine, in the order in which they are asked: what matters most first."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from collectors.endpoint.extensions import browser_extensions
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.traces import paths, values
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted
from collectors.endpoint.windows.asked import Asked
from collectors.endpoint.windows.firewall import firewall_rules
from collectors.endpoint.windows.packages import packages
from collectors.endpoint.windows.people import local_groups, local_users
from collectors.endpoint.windows.processes import processes
from collectors.endpoint.windows.registry import Registry, profiles
from collectors.endpoint.windows.services import drivers, services
from collectors.endpoint.windows.sockets import connections, listeners
from collectors.endpoint.windows.starts import run_keys, safeboot
from collectors.endpoint.windows.storage import disks, logs, printers, shares
from collectors.endpoint.windows.tasks import tasks

_ROOTS = (
    ("/Program Files", 2),
    ("/Program Files (x86)", 2),
    ("/ProgramData", 2),
    ("/Windows", 1),
    ("/", 1),
)
_INSIDE = ("Downloads", "Desktop", "AppData/Local", "AppData/Local/Temp", "AppData/Roaming")
_PROFILES = (
    ("chrome", "/Users/*/AppData/Local/Google/Chrome/User Data/*/Extensions"),
    ("edge", "/Users/*/AppData/Local/Microsoft/Edge/User Data/*/Extensions"),
    ("brave", "/Users/*/AppData/Local/BraveSoftware/Brave-Browser/User Data/*/Extensions"),
)


def sources(wanted: Wanted, root: Path | None = None) -> dict[str, Source]:
    """*root*: the system drive, found by itself where it is not given."""
    letter = os.environ.get("SYSTEMDRIVE", "C:")
    drive = Tree(root or Path(f"{letter}\\"))
    asked = Asked(wanted)
    return {
        "services": services(wanted),
        "processes": processes(wanted),
        "packages": packages(),
        "tasks": tasks(drive, wanted),
        "run_keys": run_keys(wanted, drive),
        "values": _values(drive, wanted),
        "paths": _paths(drive, wanted),
        "wmi_subscriptions": asked.wmi_subscriptions(),
        "drivers": drivers(),
        "safeboot": safeboot(),
        "local_users": local_users(),
        "local_groups": local_groups(),
        "listeners": listeners(),
        "connections": connections(),
        "firewall_rules": firewall_rules(),
        "browser_extensions": browser_extensions(drive, wanted, _PROFILES),
        "protection": asked.protection(),
        "shares": shares(),
        "printers": printers(),
        "disks": disks(asked),
        "logs": logs(),
    }


def _values(drive: Tree, wanted: Wanted) -> Source:
    """Identifiers from the registry, in both views, and from files."""

    def source(views: Views) -> Iterator[Row]:
        for one in wanted.values:
            if not one.place.startswith("HKLM/"):
                continue
            key = one.place.removeprefix("HKLM/").replace("/", "\\")
            said = set[str]()
            for view in (64, 32):
                try:
                    said.add(Registry("HKLM", view).text(key, one.key)[:253])
                except CannotRead as problem:
                    views.miss(one.place, problem)
            for value in sorted(said - {""}):
                yield (one.tool, one.place, one.key, value)
        yield from values(drive, wanted, drive="C:")(views)

    return source


def _paths(drive: Tree, wanted: Wanted) -> Source:
    def source(views: Views) -> Iterator[Row]:
        homes: list[str] = []
        for who in profiles():
            folder = who.folder.replace("\\", "/")
            if folder[1:3] == ":/" and "/Users/" in folder:
                homes.append(folder[2:])
            if who.loaded and who.sid.startswith("S-1-5-21-"):
                for letter in Registry("HKU").keys(rf"{who.sid}\Network"):
                    views.miss(
                        f"drive {letter}: of {who.name}", "a mapped drive is another machine's"
                    )
        found = paths(drive, wanted, _ROOTS, [*homes, "/Windows/Temp"], _INSIDE)
        for row in found(views):
            yield (f"C:{row[0]}", row[1])

    return source


def elevated() -> bool:
    try:
        shell: Any = getattr(ctypes, "windll").shell32  # noqa: B009 - Windows only
        return bool(shell.IsUserAnAdmin())
    except (AttributeError, OSError):
        return False
