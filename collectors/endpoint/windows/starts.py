"""What starts programs by itself: Run keys, Winlogon, AppInit, image hijacks, startup folders; and what starts in safe mode, too."""

from __future__ import annotations

from collections.abc import Iterator

from collectors.endpoint.redact import redact
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted
from collectors.endpoint.windows.registry import Registry, profiles, shown

_RUN = (
    r"Software\Microsoft\Windows\CurrentVersion\Run",
    r"Software\Microsoft\Windows\CurrentVersion\RunOnce",
    r"Software\Microsoft\Windows\CurrentVersion\RunServices",
    r"Software\Microsoft\Windows\CurrentVersion\Policies\Explorer\Run",
)
_WINLOGON = r"Software\Microsoft\Windows NT\CurrentVersion\Winlogon"
_WINDOWS = r"Software\Microsoft\Windows NT\CurrentVersion\Windows"
_IMAGES = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion\Image File Execution Options"
_SAFEBOOT = r"SYSTEM\CurrentControlSet\Control\SafeBoot"
_STARTUP = "ProgramData/Microsoft/Windows/Start Menu/Programs/StartUp"
_OF_USER = "AppData/Roaming/Microsoft/Windows/Start Menu/Programs/Startup"


def run_keys(wanted: Wanted, drive: Tree) -> Source:
    """*drive*: the files of the system drive."""

    def source(views: Views) -> Iterator[Row]:
        def rows(registry: Registry, base: str, place: str) -> Iterator[Row]:
            for key in _RUN:
                for name, value in registry.values(f"{base}{key}").items():
                    where = f"{place} {key.rsplit(chr(92), 1)[-1]}"
                    yield (where, name, redact(shown(value), wanted.kept))
            for key, names in (
                (_WINLOGON, ("Shell", "Userinit", "Taskman")),
                (_WINDOWS, ("AppInit_DLLs", "Load")),
            ):
                for name in names:
                    if text := registry.text(f"{base}{key}", name):
                        where = f"{place} {key.rsplit(chr(92), 1)[-1]}"
                        yield (where, name, redact(text, wanted.kept))

        seen: set[Row] = set()
        for view in (64, 32):
            for row in rows(Registry("HKLM", view), "", "HKLM"):
                if row not in seen:
                    seen.add(row)
                    yield row
        for name in Registry().keys(_IMAGES):
            for value in ("Debugger", "MonitorProcess"):
                if text := Registry().text(rf"{_IMAGES}\{name}", value):
                    yield (f"image hijack {value}", name, redact(text, wanted.kept))
        for name in drive.names(_STARTUP):
            if name.lower() != "desktop.ini":
                yield ("startup folder", name, f"C:/{_STARTUP}/{name}")
        for who in profiles():
            if who.loaded:
                try:
                    yield from rows(Registry("HKU"), f"{who.sid}\\", who.name)
                except CannotRead as problem:
                    views.miss(f"user {who.name}", problem)
            else:
                views.miss(f"user {who.name}", "the user's registry hive is not loaded")
            yield from _folder(drive, views, who.folder, who.name)

    return source


def _folder(drive: Tree, views: Views, folder: str, name: str) -> Iterator[Row]:
    if folder[1:2] != ":":
        return
    where = f"{folder[2:].replace(chr(92), '/').strip('/')}/{_OF_USER}"
    try:
        for file in drive.names(where):
            if file.lower() != "desktop.ini":
                yield (f"startup folder of {name}", file, f"{folder[:2]}/{where}/{file}")
    except OSError as problem:
        views.miss(f"startup folder of {name}", problem)


def safeboot() -> Source:
    def source(views: Views) -> Iterator[Row]:
        for mode in ("Minimal", "Network"):
            for name in Registry().keys(rf"{_SAFEBOOT}\{mode}"):
                if Registry().text(rf"{_SAFEBOOT}\{mode}\{name}", "") == "Service":
                    yield (name, mode)

    return source
