"""What the machine is: firmware by /sys/class/dmi/id (SMBIOS, DSP0134), system by os-release(5), cards by /sys/class/net."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from collectors.endpoint.forms import day_of, form_of
from collectors.endpoint.tree import Tree

_DMI = "/sys/class/dmi/id"
_MAC = re.compile(r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")
_MADE_UP = ("docker", "veth", "br-", "virbr", "vnet", "tap", "tun", "wg", "zt", "tailscale", "lo")


def machine(tree: Tree, addresses: Mapping[str, tuple[str, ...]], name: str = "") -> dict[str, Any]:
    """*addresses*: interface -> its addresses. Never raises: what cannot be read is left out."""
    system = os_release(tree)
    full = name or socket.gethostname()
    host, _, domain = full.partition(".")
    told: dict[str, Any] = {
        "name": host or "localhost",
        "domain": domain or _domain(tree),
        "vendor": tree.line(f"{_DMI}/sys_vendor"),
        "model": tree.line(f"{_DMI}/product_name"),
        "serial": tree.line(f"{_DMI}/product_serial"),
        "uuid": tree.line(f"{_DMI}/product_uuid"),
        "form": form_of(
            tree.line(f"{_DMI}/chassis_type"),
            f"{tree.line(f'{_DMI}/sys_vendor')} {tree.line(f'{_DMI}/product_name')}",
        ),
        "os": system.get("PRETTY_NAME") or system.get("NAME", "Linux"),
        "version": "",
        "patch": tree.line("/proc/sys/kernel/osrelease"),
        "cpu": _cpu(tree),
        "cores": _cores(tree),
        "memory": _memory(tree),
        "bios": tree.line(f"{_DMI}/bios_version"),
        "bios_date": day_of(tree.line(f"{_DMI}/bios_date")),
        "cards": _cards(tree, addresses),
    }
    return {k: v[:253] if isinstance(v, str) else v for k, v in told.items() if v not in ("", None)}


def os_release(tree: Tree) -> dict[str, str]:
    """os-release(5) as name -> value."""
    for file in ("/etc/os-release", "/usr/lib/os-release"):
        try:
            lines = tree.lines(file)
        except OSError:
            continue
        pairs = (line.partition("=") for line in lines if "=" in line and line[:1] != "#")
        return {k.strip(): v.strip().strip("\"'") for k, _, v in pairs}
    return {}


def _domain(tree: Tree) -> str:
    try:
        lines = tree.lines("/etc/resolv.conf")
    except OSError:
        return ""
    for line in lines:
        words = line.split()
        if len(words) > 1 and words[0] == "domain":
            return words[1]
    return ""


def _cards(tree: Tree, addresses: Mapping[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    try:
        names = tree.names("/sys/class/net")
    except OSError:
        return []
    for name in names:
        mac = tree.line(f"/sys/class/net/{name}/address").lower()
        if name.startswith(_MADE_UP) or not _MAC.match(mac) or mac == "00:00:00:00:00:00":
            continue
        own = tuple(a.split("/")[0] for a in addresses.get(name, ()))
        found.append(
            {
                "name": name,
                "mac": mac,
                "addresses": [a for a in own if not a.startswith("fe80:")],
                "built_in": _built_in(tree.path(f"/sys/class/net/{name}/device/subsystem")),
            }
        )
    return found


def _built_in(link: Path) -> bool | None:
    try:
        bus = link.readlink().name
    except OSError:
        return None
    # A dock and an adapter hang on USB; a Thunderbolt dock looks like PCI, and is told apart by nothing here.
    return {"pci": True, "usb": False}.get(bus)


def _cpu(tree: Tree) -> str:
    try:
        lines = tree.lines("/proc/cpuinfo")
    except OSError:
        return ""
    for line in lines:
        if line.startswith(("model name", "Model", "Hardware")):
            return " ".join(line.partition(":")[2].split())
    return ""


def _cores(tree: Tree) -> int | None:
    try:
        return sum(line.startswith("processor") for line in tree.lines("/proc/cpuinfo")) or None
    except OSError:
        return None


def _memory(tree: Tree) -> int | None:
    try:
        lines = tree.lines("/proc/meminfo")
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemTotal:") and (words := line.split())[1].isdecimal():
            return int(words[1]) * 1024
    return None
