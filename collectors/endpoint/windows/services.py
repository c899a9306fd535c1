"""Services and drivers as the registry has them, running or not as the service manager says (EnumServicesStatusEx, winsvc.h)."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from collectors.endpoint.redact import redact
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.wanted import Wanted
from collectors.endpoint.windows.api import library
from collectors.endpoint.windows.registry import SERVICES, Registry, shown

_STARTS = {0: "boot", 1: "system", 2: "auto", 3: "manual", 4: "disabled"}
_DRIVER, _SERVICE = 0x0B, 0xF0
"""SERVICE_DRIVER and SERVICE_WIN32 with its flags for users and sessions (winnt.h)."""
_ENUMERATE, _ALL_STATES, _RUNNING = 0x5, 3, 4
_MORE = 234


def services(wanted: Wanted) -> Source:
    def source(views: Views) -> Iterator[Row]:
        states = _states(views, _SERVICE & 0x30)
        registry = Registry()
        for name, told in registry.walk(SERVICES):
            kind = told.get("Type")
            if isinstance(kind, int) and kind & _SERVICE and not kind & _DRIVER:
                command = shown(told.get("ImagePath"))
                if dll := registry.text(rf"{SERVICES}\{name}\Parameters", "ServiceDll"):
                    command = f"{command} {dll}"
                yield (
                    name,
                    _display(name, told, states),
                    redact(command, wanted.kept),
                    shown(told.get("ObjectName")),
                    states[name.lower()][1] if name.lower() in states else "unknown",
                    _STARTS.get(told.get("Start", 3), ""),
                    redact(shown(told.get("FailureCommand")), wanted.kept),
                )

    return source


def drivers() -> Source:
    def source(views: Views) -> Iterator[Row]:
        states = _states(views, _DRIVER)
        for name, told in Registry().walk(SERVICES):
            kind = told.get("Type")
            if isinstance(kind, int) and kind & _DRIVER:
                state = states[name.lower()][1] if name.lower() in states else "unknown"
                yield (name, _display(name, told, states), shown(told.get("ImagePath")), state)

    return source


def _display(name: str, told: dict[str, Any], states: dict[str, tuple[str, str]]) -> str:
    # `@file,-123` stands for a text of that file, which the service manager has looked up.
    return states[name.lower()][0] if name.lower() in states else shown(told.get("DisplayName"))


class _Status(ctypes.Structure):
    """ENUM_SERVICE_STATUS_PROCESSW."""

    _fields_ = (
        ("name", ctypes.c_wchar_p),
        ("display", ctypes.c_wchar_p),
        *((n, ctypes.c_ulong) for n in ("kind", "state", "accepts", "exit", "own_exit")),
        *((n, ctypes.c_ulong) for n in ("check", "wait", "pid", "flags")),
    )


def _states(views: Views, kinds: int) -> dict[str, tuple[str, str]]:
    """Small name -> (shown name, state); empty, and said so, where the service manager does not tell."""
    try:
        return dict(_asked(kinds))
    except CannotRead as problem:
        views.miss("which of them run", problem)
        return {}


def _asked(kinds: int) -> Iterator[tuple[str, tuple[str, str]]]:
    api: Any = library("advapi32")
    api.OpenSCManagerW.restype = ctypes.c_void_p
    manager = api.OpenSCManagerW(None, None, _ENUMERATE)
    if not manager:
        raise CannotRead("the service manager refuses", True)
    handle = ctypes.c_void_p(manager)
    try:
        need, count, resume = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_ulong()
        size = 0
        while True:
            buffer = ctypes.create_string_buffer(max(size, 1))
            ok = api.EnumServicesStatusExW(
                handle, 0, kinds, _ALL_STATES, buffer, size,
                ctypes.byref(need), ctypes.byref(count), ctypes.byref(resume), None,
            )  # fmt: skip
            if not ok and ctypes.GetLastError() != _MORE:  # type: ignore[attr-defined]
                raise CannotRead("the service manager does not list its services")
            for row in (_Status * count.value).from_buffer(buffer) if size else ():
                state = "running" if row.state == _RUNNING else "stopped"
                yield (row.name or "").lower(), (row.display or "", state)
            if ok:
                return
            size = need.value + 4096
    finally:
        api.CloseServiceHandle(handle)
