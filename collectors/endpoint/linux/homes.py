"""Accounts of /etc/passwd (passwd(5)) and their home folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.endpoint.tree import Tree

_NO_SHELL = ("nologin", "false", "sync", "halt", "shutdown")


@dataclass(frozen=True)
class Account:
    account: str
    uid: int
    gid: int
    full_name: str
    folder: str
    shell: str

    @property
    def may_log_in(self) -> bool:
        return not self.shell.endswith(_NO_SHELL)


def accounts(tree: Tree) -> list[Account]:
    """Raises `OSError`."""
    found: list[Account] = []
    for line in tree.lines("/etc/passwd"):
        parts = line.split(":")
        if len(parts) == 7 and parts[2].isdecimal() and parts[3].isdecimal():
            name, _, uid, gid, gecos, folder, shell = parts
            found.append(Account(name, int(uid), int(gid), gecos.split(",")[0], folder, shell))
    return found


def homes(tree: Tree) -> Iterator[Account]:
    """Accounts with a home folder of their own, each folder once."""
    seen: set[str] = set()
    for one in accounts(tree):
        if one.folder.startswith("/") and one.folder.strip("/") and one.folder not in seen:
            seen.add(one.folder)
            if tree.exists(one.folder):
                yield one
