"""Disks with their file systems, and how far back the logs go."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree

_LOCAL = re.compile(r"^/dev/[\w/.-]+$")
_LOGS = re.compile(r"^(auth\.log|secure|syslog|messages|daemon\.log|kern\.log)(?:[.-].*)?$")
_JOURNAL = re.compile(r"^system@[0-9a-f]+-[0-9a-f]+-([0-9a-f]{16})\.journal$")


def disks(tree: Tree) -> Source:
    """One row a mounted block device: statvfs(3) of a network mount could hang, and is no disk of this machine."""

    def source(views: Views) -> Iterator[Row]:
        encrypted = _encrypted(tree)
        seen: set[str] = set()
        for line in tree.lines("/proc/self/mounts"):
            parts = line.split()
            if len(parts) < 3 or not _LOCAL.match(parts[0]) or parts[0] in seen:
                continue
            device, where = parts[0], parts[1].replace("\\040", " ")
            if device.startswith("/dev/loop"):
                continue
            seen.add(device)
            try:
                room = os.statvfs(tree.path(where))
            except OSError as problem:
                views.miss(where, problem)
                continue
            size, free = room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize
            state = "on" if _base(tree, device) in encrypted else "off"
            yield (where, _model(tree, device), size, free, state, "unknown")

    return source


def _base(tree: Tree, device: str) -> str:
    try:
        return tree.path(device).resolve().name
    except OSError:
        return device.rsplit("/", 1)[-1]


def _encrypted(tree: Tree) -> set[str]:
    """Device-mapper nodes that rest on dm-crypt, also through LVM (their uuids begin with CRYPT-)."""
    found = {
        name
        for name in tree.names("/sys/block")
        if tree.line(f"/sys/block/{name}/dm/uuid").startswith("CRYPT-")
    }
    for name in tree.names("/sys/block"):
        if found & set(tree.names(f"/sys/block/{name}/slaves")):
            found.add(name)
    return found


def _model(tree: Tree, device: str) -> str:
    name = _base(tree, device)
    for disk in (name, re.sub(r"(?:p?\d+)$", "", name)):
        if text := tree.line(f"/sys/block/{disk}/device/model"):
            return text
    return ""


def logs(tree: Tree) -> Source:
    """The oldest file of each log: it ends on the day given, so the log goes back at least so far; the journal by the name of its files."""

    def source(views: Views) -> Iterator[Row]:
        oldest: dict[str, float] = {}
        for name in tree.names("/var/log"):
            if hit := _LOGS.match(name):
                at = tree.path(f"/var/log/{name}").stat().st_mtime
                oldest[hit[1]] = min(at, oldest.get(hit[1], at))
        for base in ("/var/log/journal", "/run/log/journal"):
            for machine in tree.names(base):
                try:
                    names = tree.names(f"{base}/{machine}")
                except OSError as problem:
                    views.miss("journal", problem)
                    continue
                for name in names:
                    if hit := _JOURNAL.match(name):
                        at = int(hit[1], 16) / 1e6
                        oldest["journal"] = min(at, oldest.get("journal", at))
        for name, at in sorted(oldest.items()):
            yield (name, datetime.fromtimestamp(at, UTC).date().isoformat())

    return source
