"""All sources of a Linux machine, in the order in which they are asked: what matters most first."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from agent.net.interfaces import CannotLook, interfaces
from collectors.endpoint.extensions import browser_extensions
from collectors.endpoint.linux.cron import cron
from collectors.endpoint.linux.firewall import firewall_rules
from collectors.endpoint.linux.homes import homes
from collectors.endpoint.linux.machine import machine
from collectors.endpoint.linux.packages import packages
from collectors.endpoint.linux.people import authorized_keys, host_keys, local_groups, local_users
from collectors.endpoint.linux.processes import processes
from collectors.endpoint.linux.shared import printers, shares
from collectors.endpoint.linux.sockets import connections, listeners
from collectors.endpoint.linux.starts import run_keys
from collectors.endpoint.linux.storage import disks, logs
from collectors.endpoint.linux.units import units
from collectors.endpoint.source import Source
from collectors.endpoint.traces import paths, values
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

_ROOTS = tuple((f, 2) for f in ("/opt", "/usr/local", "/usr/share", "/var/lib", "/etc", "/srv"))
_INSIDE = (
    "",
    "Downloads",
    "Téléchargements",
    "Desktop",
    "Bureau",
    "bin",
    ".local/bin",
    ".local/share",
    ".config",
)
_PROFILES = (
    ("chrome", "/home/*/.config/google-chrome/*/Extensions"),
    ("chromium", "/home/*/.config/chromium/*/Extensions"),
    ("chromium", "/home/*/snap/chromium/common/chromium/*/Extensions"),
    ("edge", "/home/*/.config/microsoft-edge/*/Extensions"),
    ("brave", "/home/*/.config/BraveSoftware/Brave-Browser/*/Extensions"),
)


def sources(tree: Tree, wanted: Wanted, live: bool = True) -> dict[str, Source]:
    """*live*: programs of the system may be asked (rpm, nft), not only files be read."""
    try:
        people = [h.folder for h in homes(tree)]
    except OSError:
        people = []
    return {
        "units": units(tree, wanted),
        "processes": processes(tree, wanted),
        "packages": packages(tree, live),
        "paths": paths(tree, wanted, _ROOTS, [*people, "/tmp", "/var/tmp"], _INSIDE),
        "values": values(tree, wanted),
        "cron": cron(tree, wanted),
        "run_keys": run_keys(tree, wanted),
        "listeners": listeners(tree),
        "connections": connections(tree),
        "local_users": local_users(tree),
        "local_groups": local_groups(tree),
        "authorized_keys": authorized_keys(tree),
        "host_keys": host_keys(tree),
        "browser_extensions": browser_extensions(tree, wanted, _PROFILES),
        **({"firewall_rules": firewall_rules()} if live else {}),
        "shares": shares(tree),
        "printers": printers(tree),
        "disks": disks(tree),
        "logs": logs(tree),
    }


def this_machine(root: Path = Path("/")) -> dict[str, Any]:
    """Never raises."""
    try:
        own = {i.name: i.addresses for i in interfaces()}
    except CannotLook:
        own = {}
    return machine(Tree(root), own)


def elevated() -> bool:
    return os.geteuid() == 0
