"""The registry, read only (winreg): both views, and the hives of those users whose hive is loaded."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from collectors.endpoint.source import CannotRead

SERVICES = r"SYSTEM\CurrentControlSet\Services"
PROFILES = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList"
MOST = 20_000
MOST_ID = 32
"""Bytes of a binary identifier."""


@dataclass(frozen=True)
class Registry:
    """`view`: 64 or 32; a 64-bit system shows a 32-bit program other keys below SOFTWARE than to a 64-bit one."""

    hive: str = "HKLM"
    view: int = 64

    def values(self, key: str) -> dict[str, Any]:
        """Name -> value of *key*; empty where there is no such key. Raises `CannotRead`."""
        found: dict[str, Any] = {}
        with _Key(self, key) as (reg, opened):
            if opened is not None:
                for n in range(min(reg.QueryInfoKey(opened)[1], MOST)):
                    try:
                        name, value, _ = reg.EnumValue(opened, n)
                    except OSError:
                        break  # one was removed meanwhile
                    found[name] = value
        return found

    def text(self, key: str, name: str) -> str:
        """The value *name* of *key* as text, read by its name alone; empty where there is none. Raises `CannotRead`."""
        with _Key(self, key) as (reg, opened):
            if opened is None:
                return ""
            try:
                value, _ = reg.QueryValueEx(opened, name)
            except FileNotFoundError:
                return ""
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise CannotRead(
                    f"{key}, {name}: {why}", isinstance(error, PermissionError)
                ) from None
        # An identifier may be bytes (CrowdStrike's customer id); a longer one is none.
        if isinstance(value, bytes) and len(value) <= MOST_ID:
            return value.hex()
        return shown(value)

    def keys(self, key: str) -> list[str]:
        """Names of the keys in *key*; empty where there is no such key. Raises `CannotRead`."""
        found: list[str] = []
        with _Key(self, key) as (reg, opened):
            if opened is not None:
                for n in range(min(reg.QueryInfoKey(opened)[0], MOST)):
                    try:
                        found.append(reg.EnumKey(opened, n))
                    except OSError:
                        break
        return found

    def walk(self, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(name, values) of each key in *key*; what may not be read has no values. Raises `CannotRead`."""
        for name in self.keys(key):
            try:
                yield name, self.values(rf"{key}\{name}")
            except CannotRead:
                yield name, {}


class _Key:
    def __init__(self, where: Registry, key: str) -> None:
        self._where, self._name, self._key = where, key, None

    def __enter__(self) -> tuple[Any, Any]:
        reg: Any = importlib.import_module("winreg")  # Windows only
        root = {"HKLM": reg.HKEY_LOCAL_MACHINE, "HKU": reg.HKEY_USERS}[self._where.hive]
        view = reg.KEY_WOW64_64KEY if self._where.view == 64 else reg.KEY_WOW64_32KEY
        try:
            self._key = reg.OpenKey(root, self._name, 0, reg.KEY_READ | view)
        except FileNotFoundError:
            return reg, None
        except PermissionError:
            raise CannotRead(f"{self._where.hive}\\{self._name}: access denied", True) from None
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise CannotRead(f"{self._where.hive}\\{self._name}: {why}") from None
        return reg, self._key

    def __exit__(self, *exc: object) -> None:
        if self._key is not None:
            key: Any = self._key
            key.Close()


def shown(value: Any) -> str:
    """A registry value as text; several strings with blanks between them, bytes as nothing."""
    if isinstance(value, list):
        return " ".join(str(v) for v in value)
    return "" if value is None or isinstance(value, bytes) else str(value)


@dataclass(frozen=True)
class Profile:
    """A user's profile. `loaded`: its hive is below HKEY_USERS now."""

    sid: str
    folder: str
    loaded: bool

    @property
    def name(self) -> str:
        return self.folder.replace("/", "\\").rstrip("\\").rsplit("\\", 1)[-1] or self.sid


def profiles() -> list[Profile]:
    """Raises `CannotRead`."""
    there = Registry()
    loaded = set(Registry("HKU").keys(""))
    found: list[Profile] = []
    for sid in there.keys(PROFILES):
        folder = there.text(rf"{PROFILES}\{sid}", "ProfileImagePath")
        # S-1-5-18 to -20 are the system's own, whose hives are always there.
        found.append(Profile(sid, folder, sid in loaded or sid in ("S-1-5-18",)))
    known = {p.sid for p in found}
    found += [
        Profile(s, "", True)
        for s in sorted(loaded - known)
        if s.startswith("S-1-5-") and not s.endswith("_Classes")
    ]
    return found
