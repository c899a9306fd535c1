"""Endpoint documents as plain data: an office PC with the stock of Windows, and what a test adds to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agent.model.endpoint_tables import SOURCES_OF

STOCK = Path(__file__).parents[3] / "fixtures" / "stock"
COLLECTED = 1_795_401_600_000_000
"""2026-11-23."""
OURS, FORMER = "0123456789abcdef", "ab12cd34ef56ab78"


def stock(name: str) -> Iterator[str]:
    for line in (STOCK / f"{name}.txt").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            yield line


def screenconnect(instance: str, relay: str = "relay.infonord.example") -> list[Any]:
    """A row of `services`."""
    folder = rf"C:\Program Files (x86)\ScreenConnect Client ({instance})"
    command = f'"{folder}\\ScreenConnect.ClientService.exe" "?e=Access&y=Guest&h={relay}&p=8041"'
    name = f"ScreenConnect Client ({instance})"
    return [name, name, command, "LocalSystem", "running", "auto", ""]


def tables(**more: list[list[Any]]) -> list[dict[str, Any]]:
    """Every table of a Windows machine, with rows of *more* at the end of its own."""
    rows: dict[str, list[list[Any]]] = {name: [] for name in SOURCES_OF["windows"]}
    rows["services"] = [
        [n, n, rf"C:\Windows\System32\{n}.exe", "LocalSystem", "running", "auto", ""]
        for n in stock("windows_services")
    ]
    rows["processes"] = [
        [n, rf"C:\Windows\System32\{n}", "", ""] for n in stock("windows_processes")
    ]
    rows["packages"] = [[n, "1.0", "", "uninstall-64", ""] for n in stock("windows_packages")]
    for name, some in more.items():
        rows[name] += some
    return [{"table": name, "rows": some} for name, some in rows.items()]


def document(
    number: int = 1,
    *,
    more: dict[str, list[list[Any]]] | None = None,
    machine: dict[str, Any] | None = None,
    checked: list[dict[str, Any]] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """The PC *number* at the site `usine` (192.168.7.0/24); *machine* and *fields* replace what it tells."""
    said = tables(**(more or {}))
    return {
        "format": "handover-endpoint",
        "version": 1,
        "tool": "handover 0.1.0",
        "collected": COLLECTED + number,
        "platform": "windows",
        "elevated": True,
        "machine": {
            "name": f"PC-{number:04d}",
            "domain": "durand.example",
            "vendor": "Dell Inc.",
            "model": "OptiPlex 7010",
            "serial": f"7XK{number:05d}",
            "uuid": f"4c4c4544-0058-4b10-8035-{number:012x}",
            "form": "workstation",
            "os": "Windows 11 Pro",
            "version": "23H2",
            "memory": 17_179_869_184,
            "cards": [
                {
                    "name": "Ethernet",
                    "mac": f"d4:be:d9:00:{number >> 8 & 255:02x}:{number & 255:02x}",
                    "addresses": [f"192.168.{7 + number // 250}.{number % 250 + 1}"],
                    "built_in": True,
                }
            ],
            **(machine or {}),
        },
        "checked": checked
        if checked is not None
        else [{"source": t["table"], "outcome": "done", "count": len(t["rows"])} for t in said],
        "tables": said,
        **fields,
    }


def write(folder: Path, plain: dict[str, Any], name: str = "pc.json") -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(json.dumps(plain), "utf-8")
    return file
