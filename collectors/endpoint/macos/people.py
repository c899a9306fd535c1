"""Local accounts, who of them is an administrator, and who may come in over the network (dslocal, sudoers(5))."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.endpoint.linux.people import sudoers
from collectors.endpoint.macos import plists
from collectors.endpoint.macos.homes import NODE, Record, records
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree

_TELLING = frozenset({"admin", "wheel", "com.apple.access_ssh", "com.apple.access_screensharing"})
"""Groups whose members are administrators, or may log in from elsewhere."""
_NO_SHELL = ("/usr/bin/false", "/sbin/nologin", "/usr/bin/nologin")


@dataclass(frozen=True)
class Group:
    """`users` are names; `member_ids` and `nested` ids of users and groups."""

    name: str
    gid: str
    id: str
    users: tuple[str, ...]
    member_ids: tuple[str, ...]
    nested: tuple[str, ...]


def group(data: bytes) -> Group:
    """A group record of dslocal. Raises `NotPlist`."""
    told = plists.dictionary(data)
    return Group(
        plists.text(told, "name"),
        plists.text(told, "gid"),
        plists.text(told, "generateduid"),
        tuple(plists.texts(told, "users")),
        tuple(plists.texts(told, "groupmembers")),
        tuple(plists.texts(told, "nestedgroups")),
    )


def local_users(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        known = list(records(tree, views))
        groups = _groups(tree, views)
        admins = _admins(groups, known)
        admins |= {who for who, _ in sudoers(tree, views) if who[:1] not in "%+"}
        for one in known:
            a = one.account
            if a.uid == 0 or not a.shell.endswith(_NO_SHELL):
                admin = int(a.uid == 0 or a.account in admins)
                yield (a.account, a.full_name, one.enabled, admin, "", one.comment)

    return source


def local_groups(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        known = list(records(tree, views))
        groups = _groups(tree, views)
        for one in groups:
            if one.name in _TELLING:
                for member, kind in _members(groups, known, (one.name,)):
                    yield (one.name, member, kind)
        for who, _ in sudoers(tree, views):
            yield ("sudoers", who.removeprefix("%"), "group" if who[:1] in "%+" else "user")

    return source


def _admins(groups: Iterable[Group], known: Iterable[Record]) -> set[str]:
    """Members of admin and wheel, also through groups in them."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = ["admin", "wheel"]
    while todo:
        if (name := todo.pop()) not in seen:
            seen.add(name)
            for member, kind in _members(groups, known, (name,)):
                if kind == "user":
                    found.add(member)
                else:
                    todo.append(member)
    return found


def _groups(tree: Tree, views: Views) -> list[Group]:
    found: list[Group] = []
    for file in tree.names(f"{NODE}/groups"):
        if file.endswith(".plist"):
            try:
                found.append(group(tree.data(f"{NODE}/groups/{file}")))
            except OSError as problem:
                views.miss(f"group {file}", problem)
            except plists.NotPlist as problem:
                views.miss(f"group {file}", str(problem))
    return found


def _members(
    groups: Iterable[Group], known: Iterable[Record], names: Iterable[str]
) -> list[tuple[str, str]]:
    """(member, kind) of the groups called *names*, each once. An id that is of nobody here stands as it is: of a directory."""
    by_id = {g.id: g for g in groups if g.id}
    users = {u.id: u.account.account for u in known if u.id}
    found: dict[tuple[str, str], None] = {}
    for one in groups:
        if one.name not in names:
            continue
        for name in one.users:
            found[name, "user"] = None
        for id_ in one.member_ids:
            found[users.get(id_, id_), "user"] = None
        for u in known:
            a = u.account
            # Who has it as the primary group does not stand in its list; the system's own accounts are nobody.
            if str(a.gid) == one.gid and a.uid != 0 and not a.shell.endswith(_NO_SHELL):
                found[a.account, "user"] = None
        for id_ in one.nested:
            inner = by_id.get(id_)
            found[inner.name if inner else id_, "group"] = None
    return list(found)
