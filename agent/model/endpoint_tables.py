"""The tables of an endpoint document: what one machine tells of itself, row by row. Names only, so that a collector needs no library.

Never in any of them: a secret, a neighbour, a wireless network, the network of somebody's home.
"""

from __future__ import annotations

FORMAT = "handover-endpoint"
VERSION = 1
MOST_ROWS = 20_000
"""Rows a table may have; a collector that leaves some out says how many (`cut`)."""
MOST_TEXT = 1024
"""Characters a cell may have."""
MOST_BYTES = 2_000_000
"""A document as a file."""

TABLES: dict[str, tuple[str, ...]] = {
    # `state`: running, stopped, disabled; `start`: auto, manual, disabled, boot; `failure`: the program run when the service fails.
    "services": ("name", "display", "command", "account", "state", "start", "failure"),
    "processes": ("name", "path", "command", "account"),
    # `source`: uninstall-64, uninstall-32, user, msix, dpkg, rpm, snap, flatpak, pkgutil, application, brew.
    "packages": ("name", "version", "publisher", "source", "path"),
    "tasks": ("name", "command", "account", "state"),
    # `place`: the key or folder that starts the program, such as HKLM Run, Winlogon Shell, startup folder, login item, rc.local.
    "run_keys": ("place", "name", "command"),
    "drivers": ("name", "display", "path", "state"),
    "wmi_subscriptions": ("name", "command"),
    "safeboot": ("name", "mode"),
    "browser_extensions": ("browser", "id", "name", "version"),
    # Rules that let something in.
    "firewall_rules": ("name", "program", "protocol", "port", "state"),
    "listeners": ("transport", "address", "port", "process", "path"),
    # Established, to addresses of the internet only; `remote` is the address.
    "connections": ("process", "path", "remote", "port"),
    # `admin`: 1 when the account is in the local administrators, wheel or sudo.
    "local_users": ("name", "full_name", "enabled", "admin", "last_logon", "comment"),
    "local_groups": ("group", "member", "kind"),
    "units": ("name", "command", "account", "state", "start"),
    "launchd": ("name", "command", "account", "state"),
    "cron": ("place", "account", "command"),
    # The key itself stays where it is: its type, SHA-256 fingerprint (as OpenSSH prints it) and comment.
    "authorized_keys": ("account", "type", "fingerprint", "comment", "forced"),
    "host_keys": ("type", "fingerprint"),
    # Identifiers of remote-access products, by exact name from the catalogue.
    "values": ("tool", "place", "key", "value"),
    # Files and folders of the catalogue that are there.
    "paths": ("path", "signed"),
    # `kind`: antivirus, firewall, backup; `state`: on, off, passive, expired, unknown; `updated`: day of its signatures or last backup.
    "protection": ("kind", "name", "state", "updated", "source"),
    "shares": ("name", "path", "comment"),
    "printers": ("name", "port", "driver"),
    # Bytes; `encryption`: on, off, locked, unknown; `health`: ok, failing, unknown.
    "disks": ("name", "model", "size", "free", "encryption", "health"),
    # Day of the oldest event kept.
    "logs": ("name", "oldest"),
    # Registry hives and drives that were not loaded: nobody looked into them.
    "unloaded": ("kind", "name"),
}
"""Name -> columns. A cell is text, a whole number, or null: the machine has none, or did not say."""
SOURCES_OF: dict[str, tuple[str, ...]] = {
    "windows": (
        *("services", "processes", "packages", "tasks", "run_keys", "drivers"),
        *("wmi_subscriptions", "safeboot", "browser_extensions", "firewall_rules", "listeners"),
        *("connections", "local_users", "local_groups", "values", "paths", "protection"),
        *("shares", "printers", "disks", "logs"),
    ),
    "linux": (
        *("units", "processes", "packages", "cron", "run_keys", "browser_extensions"),
        *("firewall_rules", "listeners", "connections", "local_users", "local_groups"),
        *("authorized_keys", "host_keys", "values", "paths", "shares", "printers", "disks"),
        "logs",
    ),
    "macos": (
        *("launchd", "processes", "packages", "cron", "run_keys", "browser_extensions"),
        *("listeners", "connections", "local_users", "local_groups", "authorized_keys"),
        *("host_keys", "values", "paths", "protection", "shares", "printers", "disks"),
    ),
}
"""Platform -> tables a whole look fills. One that a document does not mention was not looked at."""
