"""What macOS protects itself with: XProtect with the day of its signatures, the application firewall, Time Machine with its last backup.

Products of others show in the other tables. XProtect and Gatekeeper: Apple Platform Security, "Protecting against malware in macOS".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from collectors.endpoint.macos import plists
from collectors.endpoint.macos.asked import Asked
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.tree import Tree

_XPROTECT = (
    "/Library/Apple/System/Library/CoreServices/XProtect.bundle/Contents/Info.plist",
    "/System/Library/CoreServices/XProtect.bundle/Contents/Info.plist",
)
_HISTORY = "/Library/Receipts/InstallHistory.plist"
_FIREWALL = "/Library/Preferences/com.apple.alf.plist"
_ASKED_FIREWALL = ("/usr/libexec/ApplicationFirewall/socketfilterfw", "--getglobalstate")
_TIME_MACHINE = "/Library/Preferences/com.apple.TimeMachine.plist"


def last_update(data: bytes, name: str) -> str:
    """Day of the newest entry of InstallHistory.plist whose name begins with *name*; empty where there is none. Raises `NotPlist`."""
    days = [
        one["date"].date().isoformat()
        for one in plists.dictionaries(plists.anything(data))
        if isinstance(one.get("date"), datetime)
        and plists.text(one, "displayName").startswith(name)
    ]
    return max(days, default="")


def firewall(state: str) -> str:
    """State of the application firewall by its number: 0 off, 1 on for some services, 2 on for all."""
    return {"0": "off", "1": "on", "2": "on"}.get(state, "unknown")


def time_machine(data: bytes) -> tuple[str, str] | None:
    """(state, day of the last backup) of com.apple.TimeMachine.plist; None where it backs up to nowhere. Raises `NotPlist`.

    Where it backs up to is not looked at: such an address may hold a name and a password.
    """
    told = plists.dictionary(data)
    targets = list(plists.dictionaries(told.get("Destinations")))
    if not targets:
        return None
    auto = told.get("AutoBackup")
    days = [
        day.date().isoformat()
        for one in targets
        for day in _list(one.get("SnapshotDates"))
        if isinstance(day, datetime)
    ]
    state = "unknown" if auto not in (0, 1, True, False) else "on" if auto else "off"
    return state, max(days, default="")


def _list(value: object) -> list[object]:
    return value[-10_000:] if isinstance(value, list) else []


def protection(tree: Tree, asked: Asked) -> Source:
    def source(views: Views) -> Iterator[Row]:
        for row in (_xprotect(tree, views), _firewall(tree, views, asked), _backup(tree, views)):
            if row is not None:
                yield row

    return source


def _xprotect(tree: Tree, views: Views) -> Row | None:
    for file in _XPROTECT:
        if data := _data(tree, views, file):
            try:
                version = plists.text(plists.dictionary(data), "CFBundleShortVersionString")
            except plists.NotPlist as problem:
                views.miss(file, str(problem))
                continue
            day = ""
            if history := _data(tree, views, _HISTORY):
                try:
                    day = last_update(history, "XProtect")
                except plists.NotPlist as problem:
                    views.miss(_HISTORY, str(problem))
            # No setting switches it off; whether it works is not told by its being there.
            return ("antivirus", "XProtect", "unknown", day, f"XProtect.bundle {version}".strip())
    views.miss("XProtect", CannotRead("its bundle was not found"))
    return None


def _firewall(tree: Tree, views: Views, asked: Asked) -> Row | None:
    said = re.search(r"\(State = (\d)\)", asked.may(*_ASKED_FIREWALL))
    if said:
        return ("firewall", "Application Firewall", firewall(said[1]), "", "socketfilterfw")
    if data := _data(tree, views, _FIREWALL):
        try:
            state = plists.text(plists.dictionary(data), "globalstate")
        except plists.NotPlist as problem:
            views.miss(_FIREWALL, str(problem))
        else:
            return ("firewall", "Application Firewall", firewall(state), "", "com.apple.alf.plist")
    views.miss("firewall", CannotRead("neither socketfilterfw nor its settings tell"))
    return None


def _backup(tree: Tree, views: Views) -> Row | None:
    if data := _data(tree, views, _TIME_MACHINE):
        try:
            told = time_machine(data)
        except plists.NotPlist as problem:
            views.miss(_TIME_MACHINE, str(problem))
        else:
            return (
                ("backup", "Time Machine", *told, "com.apple.TimeMachine.plist") if told else None
            )
    return None


def _data(tree: Tree, views: Views, file: str) -> bytes:
    """Empty where there is no such file, or it may not be read: then it is noted."""
    try:
        return tree.data(file, plists.MOST_BYTES + 1)
    except FileNotFoundError:
        pass
    except OSError as problem:
        views.miss(file, problem)
    return b""
