"""Processes by the tool help library, their files and command lines (tlhelp32.h; NtQueryInformationProcess, class 60)."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from collectors.endpoint.redact import redact
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.wanted import Wanted
from collectors.endpoint.windows.api import library

_SNAP_PROCESS, _QUERY_LIMITED, _COMMAND_LINE = 0x2, 0x1000, 60
_INVALID = ctypes.c_void_p(-1).value


class _Entry(ctypes.Structure):
    """PROCESSENTRY32W."""

    _fields_ = (
        ("size", ctypes.c_ulong),
        ("usage", ctypes.c_ulong),
        ("pid", ctypes.c_ulong),
        ("heap", ctypes.c_void_p),
        ("module", ctypes.c_ulong),
        ("threads", ctypes.c_ulong),
        ("parent", ctypes.c_ulong),
        ("priority", ctypes.c_long),
        ("flags", ctypes.c_ulong),
        ("name", ctypes.c_wchar * 260),
    )


class _Text(ctypes.Structure):
    """UNICODE_STRING."""

    _fields_ = (
        ("length", ctypes.c_ushort),
        ("room", ctypes.c_ushort),
        ("text", ctypes.c_void_p),
    )


@dataclass(frozen=True)
class Process:
    pid: int
    name: str
    path: str
    command: str


def processes(wanted: Wanted) -> Source:
    def source(views: Views) -> Iterator[Row]:
        unread = 0
        for one in running():
            unread += not one.path and one.pid > 4
            yield (one.name, one.path, redact(one.command, wanted.kept), "")
        if unread:
            views.miss("files of protected programs", CannotRead(f"{unread} not readable", True))

    return source


def running() -> list[Process]:
    """Raises `CannotRead`."""
    kernel: Any = library("kernel32")
    kernel.CreateToolhelp32Snapshot.restype = ctypes.c_void_p
    snap = kernel.CreateToolhelp32Snapshot(_SNAP_PROCESS, 0)
    if snap is None or snap == _INVALID:
        raise CannotRead("no list of processes")
    entry = _Entry()
    entry.size = ctypes.sizeof(_Entry)
    found: list[Process] = []
    try:
        more = kernel.Process32FirstW(ctypes.c_void_p(snap), ctypes.byref(entry))
        while more:
            path, command = _details(kernel, entry.pid)
            found.append(Process(entry.pid, entry.name, path, command))
            more = kernel.Process32NextW(ctypes.c_void_p(snap), ctypes.byref(entry))
    finally:
        kernel.CloseHandle(ctypes.c_void_p(snap))
    if not found:
        raise CannotRead("no process is to be seen")
    return found


def _details(kernel: Any, pid: int) -> tuple[str, str]:
    kernel.OpenProcess.restype = ctypes.c_void_p
    opened = kernel.OpenProcess(_QUERY_LIMITED, 0, pid) if pid else None
    if not opened:
        return "", ""
    handle = ctypes.c_void_p(opened)
    try:
        size = ctypes.c_ulong(32_768)
        text = ctypes.create_unicode_buffer(size.value)
        ok = kernel.QueryFullProcessImageNameW(handle, 0, text, ctypes.byref(size))
        return text.value if ok else "", _command(handle)
    finally:
        kernel.CloseHandle(handle)


def _command(handle: ctypes.c_void_p) -> str:
    native: Any = library("ntdll")
    buffer = ctypes.create_string_buffer(66_000)
    length = ctypes.c_ulong()
    status = native.NtQueryInformationProcess(
        handle, _COMMAND_LINE, buffer, len(buffer), ctypes.byref(length)
    )
    if status != 0:
        return ""
    told = _Text.from_buffer(buffer)
    return ctypes.wstring_at(told.text, told.length // 2) if told.text else ""
