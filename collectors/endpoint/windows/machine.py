"""What the machine is: registry, firmware table, memory; cards by the IP helper library."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Any

from agent.net import windows_tables
from collectors.endpoint.forms import day_of, form_of
from collectors.endpoint.source import CannotRead
from collectors.endpoint.windows.api import library
from collectors.endpoint.windows.registry import Registry
from collectors.endpoint.windows.smbios import Firmware, firmware

_VERSION = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_BIOS = r"HARDWARE\DESCRIPTION\System\BIOS"
_CPU = r"HARDWARE\DESCRIPTION\System\CentralProcessor"
_NETWORK = r"SYSTEM\CurrentControlSet\Control\Network\{4D36E972-E325-11CE-BFC1-08002BE10318}"
_RSMB = 0x52534D42
_FIRST_11 = 22000
"""Build number from which "Windows 10" in the registry is Windows 11."""


class _Memory(ctypes.Structure):
    """MEMORYSTATUSEX."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        *(
            (n, ctypes.c_ulonglong)
            for n in ("total", "free", "page", "page_free", "v", "v_free", "x")
        ),
    )


def machine() -> dict[str, Any]:
    """Never raises: what cannot be read is left out."""
    r = Registry()
    metal = _firmware()
    product = _text(r, _VERSION, "ProductName")
    build = _text(r, _VERSION, "CurrentBuild")
    if build.isdecimal() and int(build) >= _FIRST_11:
        product = product.replace("Windows 10", "Windows 11")
    ubr = _text(r, _VERSION, "UBR")
    vendor = metal.vendor or _text(r, _BIOS, "SystemManufacturer")
    model = metal.model or _text(r, _BIOS, "SystemProductName")
    form = form_of(metal.chassis, f"{vendor} {model}")
    if "server" in product.lower() and form in ("workstation", ""):
        form = "server"
    domain = _text(r, r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters", "Domain")
    told: dict[str, Any] = {
        "name": os.environ.get("COMPUTERNAME", "") or _name(r) or "localhost",
        "domain": domain,
        "vendor": vendor,
        "model": model,
        "serial": metal.serial,
        "uuid": metal.uuid,
        "form": form,
        "os": product or "Windows",
        "version": _text(r, _VERSION, "DisplayVersion") or _text(r, _VERSION, "ReleaseId"),
        "patch": f"{build}.{ubr}" if ubr else build,
        "cpu": " ".join(_text(r, rf"{_CPU}\0", "ProcessorNameString").split()),
        "cores": os.cpu_count(),
        "memory": _memory(),
        "bios": _text(r, _BIOS, "BIOSVersion"),
        "bios_date": day_of(_text(r, _BIOS, "BIOSReleaseDate")),
        "cards": _cards(r),
    }
    return {k: v[:253] if isinstance(v, str) else v for k, v in told.items() if v not in ("", None)}


def _text(registry: Registry, key: str, name: str) -> str:
    try:
        return registry.text(key, name)
    except CannotRead:
        return ""


def _name(registry: Registry) -> str:
    return _text(
        registry, r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName", "ComputerName"
    )


def _firmware() -> Firmware:
    try:
        kernel = library("kernel32")
    except CannotRead:
        return Firmware()
    size = kernel.GetSystemFirmwareTable(_RSMB, 0, None, 0)
    if not 8 < size < 1_000_000:
        return Firmware()
    buffer = ctypes.create_string_buffer(size)
    if kernel.GetSystemFirmwareTable(_RSMB, 0, buffer, size) != size:
        return Firmware()
    # RawSMBIOSData: four bytes of versions, the length, then the structures.
    (length,) = struct.unpack_from("<I", buffer.raw, 4)
    return firmware(buffer.raw[8 : 8 + length])


def _memory() -> int | None:
    told = _Memory()
    told.length = ctypes.sizeof(_Memory)
    try:
        ok = library("kernel32").GlobalMemoryStatusEx(ctypes.byref(told))
    except CannotRead:
        return None
    return int(told.total) if ok else None


def _cards(registry: Registry) -> list[dict[str, Any]]:
    buses: dict[str, str] = {}
    try:
        for guid in registry.keys(_NETWORK):
            where = rf"{_NETWORK}\{guid}\Connection"
            buses[registry.text(where, "Name")] = registry.text(where, "PnpInstanceID").upper()
    except CannotRead:
        pass  # then nothing is said of how they are built in
    found: list[dict[str, Any]] = []
    try:
        rows = windows_tables.addresses()
    except OSError:
        return []
    for row in rows:
        mac = str(row.get("address", "")).lower()
        if len(mac) != 17 or mac == "00:00:00:00:00:00" or row.get("link_type") == "loopback":
            continue
        own = [str(a["local"]) for a in row.get("addr_info", ())]
        bus = buses.get(str(row["ifname"]), "")
        found.append(
            {
                "name": str(row["ifname"])[:253],
                "mac": mac,
                "addresses": [a for a in own if not a.lower().startswith("fe80:")][:64],
                "built_in": True if bus.startswith("PCI\\") else False if bus else None,
            }
        )
    return found
