"""All sources of a Mac, in the order in which they are asked: what matters most first."""

from __future__ import annotations

import os

from collectors.endpoint.extensions import browser_extensions
from collectors.endpoint.linux.people import authorized_keys, host_keys
from collectors.endpoint.linux.shared import printers
from collectors.endpoint.macos.asked import Asked
from collectors.endpoint.macos.cron import cron
from collectors.endpoint.macos.homes import homes
from collectors.endpoint.macos.launchd import launchd
from collectors.endpoint.macos.packages import packages
from collectors.endpoint.macos.people import local_groups, local_users
from collectors.endpoint.macos.processes import processes
from collectors.endpoint.macos.protection import protection
from collectors.endpoint.macos.shared import shares
from collectors.endpoint.macos.sockets import connections, listeners
from collectors.endpoint.macos.starts import run_keys
from collectors.endpoint.macos.storage import disks
from collectors.endpoint.source import Source
from collectors.endpoint.traces import paths, values
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

_ROOTS = tuple((f, 2) for f in ("/Applications", "/Library", "/opt", "/usr/local"))
_INSIDE = ("", "Downloads", "Desktop", "Applications", "bin")
_SUPPORT = "/Users/*/Library/Application Support"
_PROFILES = (
    ("chrome", f"{_SUPPORT}/Google/Chrome/*/Extensions"),
    ("chromium", f"{_SUPPORT}/Chromium/*/Extensions"),
    ("edge", f"{_SUPPORT}/Microsoft Edge/*/Extensions"),
    ("brave", f"{_SUPPORT}/BraveSoftware/Brave-Browser/*/Extensions"),
)


def sources(tree: Tree, wanted: Wanted, asked: Asked, as_root: bool) -> dict[str, Source]:
    """*as_root*: what programs of the system print is then of all users."""
    people = homes(tree)
    folders = [a.folder for a in people]
    return {
        "launchd": launchd(tree, wanted, asked, people, as_root),
        "processes": processes(tree, wanted, asked),
        "packages": packages(tree, folders),
        "paths": paths(tree, wanted, _ROOTS, [*folders, "/tmp", "/Users/Shared"], _INSIDE),
        "values": values(tree, wanted),
        "cron": cron(tree, wanted),
        "run_keys": run_keys(tree, wanted, people),
        "listeners": listeners(tree, asked, as_root),
        "connections": connections(tree, asked, as_root),
        "local_users": local_users(tree),
        "local_groups": local_groups(tree),
        "authorized_keys": authorized_keys(tree, people),
        "host_keys": host_keys(tree),
        "browser_extensions": browser_extensions(tree, wanted, _PROFILES),
        "protection": protection(tree, asked),
        "shares": shares(tree),
        "printers": printers(tree),
        "disks": disks(tree, asked),
    }


def elevated() -> bool:
    return os.geteuid() == 0
