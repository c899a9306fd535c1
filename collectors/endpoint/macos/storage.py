"""Volumes of the own disks: mount(8) names them, statvfs(3) measures them, fdesetup(8) and diskutil(8) tell of encryption and health."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from collectors.endpoint.macos import plists
from collectors.endpoint.macos.asked import Asked
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree

_MOUNT = re.compile(r"^(/dev/\S{1,100}) on (/.{0,1000}) \(([^()]{1,300})\)$")
_HEALTH = {"Verified": "ok", "Failing": "failing"}


def mounts(text: str) -> Iterator[tuple[str, str]]:
    """(device, folder) of each local volume that people see: the system's own helpers share the room of `/`."""
    for line in text.splitlines()[:1000]:
        hit = _MOUNT.match(line)
        if hit and "local" in hit[3].split(", ") and not hit[2].startswith("/System/Volumes/"):
            yield hit[1], hit[2]


def filevault(text: str) -> str:
    """`on`, `off` or `unknown` (also while it is being changed), of what `fdesetup status` prints."""
    if "in progress" in text.lower():
        return "unknown"
    hit = re.search(r"FileVault is (On|Off)\b", text)
    return hit[1].lower() if hit else "unknown"


def volume(text: str) -> tuple[str, str, str]:
    """(model, encryption, health) of what `diskutil info -plist` prints; empty and `unknown` where it does not tell."""
    try:
        told = plists.dictionary(text.encode("utf-8", "replace"))
    except plists.NotPlist:
        return "", "unknown", "unknown"
    locked = told.get("FileVault")
    encryption = "unknown" if not isinstance(locked, bool) else "on" if locked else "off"
    health = _HEALTH.get(plists.text(told, "SMARTStatus"), "unknown")
    return plists.text(told, "MediaName"), encryption, health


def disks(tree: Tree, asked: Asked) -> Source:
    def source(views: Views) -> Iterator[Row]:
        of_root = filevault(asked.may("fdesetup", "status"))
        for _, where in mounts(asked.must("mount")):
            try:
                room = os.statvfs(tree.path(where))
            except OSError as problem:
                views.miss(where, problem)
                continue
            size, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
            model, encryption, health = volume(asked.may("diskutil", "info", "-plist", where))
            if where == "/" and of_root != "unknown":
                encryption = of_root
            yield (where, model, size, free, encryption, health)

    return source
