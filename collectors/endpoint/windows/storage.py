"""Fixed drives with their room, shares, printers, and how far back the event logs go."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.windows.api import library
from collectors.endpoint.windows.asked import Asked
from collectors.endpoint.windows.registry import SERVICES, Registry

_FIXED = 3
_SHARES = rf"{SERVICES}\LanmanServer\Shares"
_PRINTERS = r"SYSTEM\CurrentControlSet\Control\Print\Printers"
_LOGS = ("System", "Security", "Application")
_SEEK, _FORWARDS = 0x2, 0x4


def disks(asked: Asked) -> Source:
    def source(views: Views) -> Iterator[Row]:
        kernel: Any = library("kernel32")
        encrypted = asked.encryption(views)
        mask = kernel.GetLogicalDrives()
        for n in range(26):
            drive = f"{chr(65 + n)}:\\"
            if mask >> n & 1 and kernel.GetDriveTypeW(drive) == _FIXED:
                free, size = ctypes.c_ulonglong(), ctypes.c_ulonglong()
                if not kernel.GetDiskFreeSpaceExW(
                    drive, ctypes.byref(free), ctypes.byref(size), None
                ):
                    views.miss(drive, CannotRead("locked, or not formatted"))
                    continue
                state = encrypted.get(drive[:2], "unknown")
                yield (drive, "", size.value, free.value, state, "unknown")

    return source


def shares() -> Source:
    def source(views: Views) -> Iterator[Row]:
        for name, value in Registry().values(_SHARES).items():
            told = dict(p.partition("=")[::2] for p in (value if isinstance(value, list) else []))
            yield (name, str(told.get("Path", "")), str(told.get("Remark", "")))

    return source


def printers() -> Source:
    def source(views: Views) -> Iterator[Row]:
        r = Registry()
        for name in r.keys(_PRINTERS):
            where = rf"{_PRINTERS}\{name}"
            yield (name, r.text(where, "Port"), r.text(where, "Printer Driver"))

    return source


def logs() -> Source:
    def source(views: Views) -> Iterator[Row]:
        api: Any = library("advapi32")
        api.OpenEventLogW.restype = ctypes.c_void_p
        for name in _LOGS:
            opened = api.OpenEventLogW(None, name)
            if not opened:
                views.miss(name, CannotRead("not readable", True))
                continue
            handle = ctypes.c_void_p(opened)
            try:
                at = _oldest(api, handle)
            finally:
                api.CloseEventLog(handle)
            if at:
                yield (name, datetime.fromtimestamp(at, UTC).date().isoformat())
            else:
                views.miss(name, CannotRead("its oldest event is not readable"))

    return source


def _oldest(api: Any, handle: ctypes.c_void_p) -> int:
    """TimeGenerated of the oldest event (EVENTLOGRECORD, winnt.h), seconds since 1970; 0 where there is none."""
    first = ctypes.c_ulong()
    if not api.GetOldestEventLogRecord(handle, ctypes.byref(first)) or not first.value:
        return 0
    buffer = ctypes.create_string_buffer(0x10000)
    read, need = ctypes.c_ulong(), ctypes.c_ulong()
    ok = api.ReadEventLogW(
        handle, _SEEK | _FORWARDS, first.value, buffer, len(buffer),
        ctypes.byref(read), ctypes.byref(need),
    )  # fmt: skip
    return int(struct.unpack_from("<I", buffer, 12)[0]) if ok and read.value >= 16 else 0
