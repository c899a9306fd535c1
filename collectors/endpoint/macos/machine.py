"""What the Mac is: system_profiler(8) for its metal, SystemVersion.plist for its system, ifconfig(8) and networksetup(8) for its cards."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

from collectors.endpoint.forms import form_of
from collectors.endpoint.macos import plists
from collectors.endpoint.macos.asked import Asked
from collectors.endpoint.tree import Tree

HARDWARE = ("system_profiler", "-json", "SPHardwareDataType")
PORTS = ("networksetup", "-listallhardwareports")
_VERSION = "/System/Library/CoreServices/SystemVersion.plist"
_NAMES = "/Library/Preferences/SystemConfiguration/preferences.plist"
_MAC = re.compile(r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")
_SIZES = {"MB": 1 << 20, "GB": 1 << 30, "TB": 1 << 40}
_OWN = re.compile(r"Ethernet( \d+)?|Ethernet Slot.*|Wi-Fi|AirPort")
_PLUGGED = re.compile(r"USB.*|Thunderbolt Ethernet.*|.*Adapter.*|.*LAN")
_INNER = re.compile(r"Thunderbolt( \d+| Bridge)|Bluetooth.*")
"""Ports without a cable of a network: their addresses are made up."""
MOST = 256


def hardware(text: str) -> dict[str, str]:
    """Name -> value of what system_profiler tells of the machine; empty for what is no such answer."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    rows = told.get("SPHardwareDataType") if isinstance(told, dict) else None
    first = next(plists.dictionaries(rows), {})
    return {k: v for k in first if (v := plists.text(first, k)) and v != "Unknown"}


def memory(text: str) -> int | None:
    """Bytes of `16 GB`."""
    hit = re.fullmatch(r"(\d{1,6}) (MB|GB|TB)", text)
    return int(hit[1]) * _SIZES[hit[2]] if hit else None


def cores(text: str) -> int | None:
    """Of `4` (Intel) or `proc 8:4:4` (all, fast, thrifty)."""
    hit = re.fullmatch(r"(?:proc )?(\d{1,4})(?::[\d:]*)?", text)
    return int(hit[1]) if hit else None


def ports(text: str) -> dict[str, str]:
    """Interface -> the name of its port, of what networksetup prints."""
    found: dict[str, str] = {}
    port = ""
    for line in text.splitlines()[:5000]:
        key, _, value = line.partition(": ")
        if key == "Hardware Port":
            port = value.strip()
        elif key == "Device" and port:
            found[value.strip()] = port
    return found


def cards(text: str, known: dict[str, str]) -> Iterator[dict[str, Any]]:
    """The Ethernet and Wi-Fi interfaces of what ifconfig prints; *known*: of `ports`."""
    for block in re.split(r"(?m)^(?=\S)", text)[:5000]:
        name = block.split(":", 1)[0]
        ether = re.search(r"(?m)^\s+ether (\S+)\s*$", block)
        port = known.get(name, "")
        if not re.fullmatch(r"en\d{1,3}", name) or ether is None or _INNER.fullmatch(port):
            continue
        mac = ether[1].lower()
        if not _MAC.match(mac) or mac == "00:00:00:00:00:00":
            continue
        found = re.findall(r"(?m)^\s+inet6? ([0-9a-fA-F.:]{2,45})(?:%\S+)?\s", block)
        yield {
            "name": name,
            "mac": mac,
            "addresses": [a for a in found if not a.lower().startswith("fe80:")][:64],
            "built_in": _built_in(port),
        }


def _built_in(port: str) -> bool | None:
    if _OWN.fullmatch(port):
        return True
    # Cards of USB and Thunderbolt docks go by what they say of themselves, which may be anything.
    return False if _PLUGGED.fullmatch(port) else None


def machine(tree: Tree, asked: Asked) -> dict[str, Any]:
    """Never raises: what cannot be read is left out."""
    metal = hardware(asked.may(*HARDWARE))
    system = _plist(tree, _VERSION)
    model = metal.get("machine_model", "")
    product = metal.get("machine_name", "")
    domain = re.search(
        r"(?m)^Active Directory Domain\s*=\s*(\S+)", asked.may("dsconfigad", "-show")
    )
    found = cards(asked.may("ifconfig", "-a"), ports(asked.may(*PORTS)))
    told: dict[str, Any] = {
        "name": _name(tree),
        "domain": domain[1] if domain else "",
        "vendor": "Apple Inc.",
        "model": model or product,
        "serial": metal.get("serial_number", ""),
        "uuid": metal.get("platform_UUID", ""),
        "form": _form(model, product),
        "os": plists.text(system, "ProductName") or "macOS",
        "version": plists.text(system, "ProductVersion"),
        "patch": plists.text(system, "ProductBuildVersion"),
        "cpu": metal.get("chip_type") or metal.get("cpu_type", ""),
        "cores": cores(metal.get("number_processors", "")),
        "memory": memory(metal.get("physical_memory", "")),
        "bios": metal.get("boot_rom_version", ""),
        "cards": list(found)[:MOST],
    }
    return {k: v[:253] if isinstance(v, str) else v for k, v in told.items() if v not in ("", None)}


def _plist(tree: Tree, file: str) -> dict[str, Any]:
    try:
        return plists.read(tree, file)
    except (OSError, plists.NotPlist):
        return {}


def _name(tree: Tree) -> str:
    """The name the machine goes by in its own network; what a DHCP server of elsewhere called it is not its name."""
    told: Any = _plist(tree, _NAMES)
    for key in ("System", "Network", "HostNames"):
        told = told.get(key) if isinstance(told, dict) else None
    local = plists.text(told, "LocalHostName") if isinstance(told, dict) else ""
    return local or socket.gethostname().partition(".")[0] or "localhost"


def _form(model: str, product: str) -> str:
    if model.startswith("VirtualMac") or form_of("", f"{model} {product}") == "virtual_machine":
        return "virtual_machine"
    if model.startswith("MacBook") or product.startswith("MacBook"):
        return "laptop"
    if model.startswith("Xserve"):
        return "server"
    desks = ("iMac", "Mac mini", "Macmini", "Mac Pro", "MacPro", "Mac Studio")
    return "workstation" if product.startswith(desks) or model.startswith(desks) else ""
