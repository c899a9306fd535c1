"""Accounts of the local directory node (DirectoryService(8), files of dslocal) and their home folders.

Of a record only the attributes named here are looked at: beside them stand password hashes and hints.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from collectors.endpoint.linux.homes import Account
from collectors.endpoint.macos import plists
from collectors.endpoint.source import Views
from collectors.endpoint.tree import Tree

NODE = "/var/db/dslocal/nodes/Default"
_NOBODY = frozenset({"Shared", "Guest", "Deleted Users"})


@dataclass(frozen=True)
class Record:
    """A user record. `enabled`: None where it does not tell whether a password opens it."""

    account: Account
    id: str
    comment: str
    enabled: int | None


def user(data: bytes) -> Record | None:
    """A user record of dslocal; None for one without a name. Raises `NotPlist`."""
    told = plists.dictionary(data)
    name = plists.text(told, "name")
    if not name:
        return None
    account = Account(
        name,
        _number(plists.text(told, "uid")),
        _number(plists.text(told, "gid")),
        plists.text(told, "realname"),
        plists.text(told, "home"),
        plists.text(told, "shell"),
    )
    ways = list(plists.texts(told, "authentication_authority"))
    enabled: int | None = None
    if any(way.startswith(";DisabledUser;") for way in ways):
        enabled = 0
    elif ways:
        enabled = 1
    elif plists.text(told, "passwd").startswith("*"):
        # No way to prove who one is, and no password: nobody logs in by it.
        enabled = 0
    id_ = plists.text(told, "generateduid")
    return Record(account, id_, plists.text(told, "comment"), enabled)


def _number(text: str) -> int:
    return int(text) if len(text) < 12 and text.removeprefix("-").isdecimal() else -1


def records(tree: Tree, views: Views) -> Iterator[Record]:
    """Raises `OSError` where the node may not be listed: it is root's."""
    for file in tree.names(f"{NODE}/users"):
        if file.endswith(".plist"):
            try:
                found = user(tree.data(f"{NODE}/users/{file}"))
            except OSError as problem:
                views.miss(f"account {file}", problem)
            except plists.NotPlist as problem:
                views.miss(f"account {file}", str(problem))
            else:
                if found is not None:
                    yield found


def homes(tree: Tree) -> list[Account]:
    """Accounts with a home folder, from the records; from the folders of /Users where the records may not be read."""
    found: dict[str, Account] = {}
    try:
        # The home of root is also that of daemon.
        for one in sorted(records(tree, Views()), key=lambda r: (r.account.uid < 0, r.account.uid)):
            folder = one.account.folder
            if folder.startswith("/") and folder.strip("/") and not folder.startswith("/var/empty"):
                found.setdefault(folder, one.account)
    except OSError:
        pass
    try:
        names = tree.names("/Users")
    except OSError:
        names = []
    for name in names:
        if name[0] != "." and name not in _NOBODY:
            folder = f"/Users/{name}"
            found.setdefault(folder, Account(name, -1, -1, "", folder, ""))
    return [a for a in found.values() if tree.exists(a.folder)]
