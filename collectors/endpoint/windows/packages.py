"""Installed programs: the uninstall keys of both views and of every loaded user, and packages of the store (MSIX)."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.windows.registry import Registry, profiles, shown

_UNINSTALL = r"Software\Microsoft\Windows\CurrentVersion\Uninstall"
_STORE = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Appx\AppxAllUserStore\Applications"


def packages() -> Source:
    def source(views: Views) -> Iterator[Row]:
        seen: set[Row] = set()
        for view in (64, 32):
            for row in _keys(Registry("HKLM", view), _UNINSTALL, f"uninstall-{view}"):
                # On a 32-bit system both views are one.
                if row[:3] not in seen:
                    seen.add(row[:3])
                    yield row
        for who in profiles():
            if not who.loaded:
                views.miss(f"user {who.name}", "the user's registry hive is not loaded")
                continue
            try:
                yield from _keys(Registry("HKU"), rf"{who.sid}\{_UNINSTALL}", "user")
            except CannotRead as problem:
                views.miss(f"user {who.name}", problem)
        for full in Registry().keys(_STORE):
            # Name_Version_Architecture_Resource_Publisher (Microsoft Learn, "Package identity").
            parts = full.split("_")
            yield (parts[0], parts[1] if len(parts) > 1 else "", "", "msix", "")

    return source


def _keys(registry: Registry, key: str, source: str) -> Iterator[Row]:
    for name, told in registry.walk(key):
        shown_name = shown(told.get("DisplayName")) or ("" if told else name)
        if shown_name:
            version, publisher = shown(told.get("DisplayVersion")), shown(told.get("Publisher"))
            yield (shown_name, version, publisher, source, shown(told.get("InstallLocation")))
