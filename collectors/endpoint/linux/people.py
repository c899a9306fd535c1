"""Local accounts, who of them is an administrator, and whose keys open them (passwd(5), group(5), sudoers(5), sshd(8)).

Of a password nothing is read but whether there can be one; of a key its type, fingerprint and comment.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from collectors.endpoint.linux.homes import Account, accounts, homes
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree

ADMIN_GROUPS = frozenset({"root", "sudo", "wheel", "admin", "docker", "lxd", "libvirt", "disk"})
"""Whose members are root, or become it without a further secret."""
_LASTLOG = struct.Struct("<i32s256s")
_SUDO = re.compile(r"^\s*([%+]?[\w.\\ @-]+?)\s+[\w.,]+\s*=\s*(.+)$")


def local_users(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        locked = _locked(tree, views)
        admins = {m for g, m, _ in _groups(tree) if g in ADMIN_GROUPS}
        admins |= {who for who, _ in sudoers(tree, views) if who[:1] not in "%+"}
        last = _last_logons(tree)
        for a in accounts(tree):
            if a.uid == 0 or a.may_log_in:
                enabled = None if locked is None else int(a.account not in locked)
                admin = int(a.uid == 0 or a.account in admins)
                yield (a.account, a.full_name, enabled, admin, last.get(a.uid, ""), "")

    return source


def local_groups(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        for group, member, kind in _groups(tree):
            if group in ADMIN_GROUPS:
                yield (group, member, kind)
        for who, _ in sudoers(tree, views):
            yield ("sudoers", who.removeprefix("%"), "group" if who[:1] in "%+" else "user")

    return source


def _groups(tree: Tree) -> Iterator[tuple[str, str, str]]:
    primary: dict[int, list[str]] = {}
    for a in accounts(tree):
        primary.setdefault(a.gid, []).append(a.account)
    for line in tree.lines("/etc/group"):
        parts = line.split(":")
        if len(parts) == 4 and parts[2].isdecimal():
            members = [m for m in parts[3].split(",") if m] + primary.get(int(parts[2]), [])
            for member in dict.fromkeys(members):
                yield parts[0], member, "user"


def sudoers(tree: Tree, views: Views) -> list[tuple[str, str]]:
    """(who, what) of each line that grants something; aliases stand as they are."""
    found: list[tuple[str, str]] = []
    files = [
        "/etc/sudoers",
        *(f"/etc/sudoers.d/{n}" for n in _names(tree, views, "/etc/sudoers.d")),
    ]
    for file in files:
        if not tree.exists(file) or file.endswith(("~", "README")):
            continue
        try:
            text = tree.text(file)
        except OSError as problem:
            views.miss(file, problem)
            continue
        for line in re.sub(r"\\\n", " ", text).splitlines():
            if line.lstrip().startswith(("#", "@", "Defaults")) or "_Alias" in line[:20]:
                continue
            if hit := _SUDO.match(line[:2000]):
                found.append((hit[1].strip(), hit[2].strip()))
    return found


def _names(tree: Tree, views: Views, folder: str) -> list[str]:
    try:
        return tree.names(folder)
    except OSError as problem:
        views.miss(folder, problem)
        return []


def _locked(tree: Tree, views: Views) -> set[str] | None:
    """Accounts that no password opens (shadow(5)); None where that may not be read."""
    try:
        lines = tree.lines("/etc/shadow")
    except OSError as problem:
        views.miss("which accounts have a password", problem)
        return None
    parts = (line.split(":") for line in lines)
    return {p[0] for p in parts if len(p) > 1 and p[1][:1] in ("!", "*")}


def _last_logons(tree: Tree) -> dict[int, str]:
    """uid -> day of the last logon (lastlog(8)); empty where it is not kept."""
    try:
        # As long as its highest uid is large: hundreds of gigabytes of nothing where a directory gives the uids.
        data = tree.data("/var/log/lastlog", 4096 * _LASTLOG.size)
    except OSError:
        return {}
    found: dict[int, str] = {}
    for uid in range(len(data) // _LASTLOG.size):
        at, _, _ = _LASTLOG.unpack_from(data, uid * _LASTLOG.size)
        if at > 0:
            found[uid] = datetime.fromtimestamp(at, UTC).date().isoformat()
    return found


def authorized_keys(tree: Tree, people: Iterable[Account] | None = None) -> Source:
    """Of every account (else of /etc/passwd), in the places that sshd_config names, else the usual ones."""

    def source(views: Views) -> Iterator[Row]:
        patterns = _places(tree, views)
        for a in homes(tree) if people is None else people:
            for pattern in patterns:
                file = _place(pattern, a)
                try:
                    if tree.path(file).is_file():
                        for row in keys(tree.text(file)):
                            yield (a.account, *row)
                except OSError as problem:
                    views.miss(f"keys of {a.account}", problem)

    return source


def _places(tree: Tree, views: Views) -> list[str]:
    found: list[str] = []
    for file in ("/etc/ssh/sshd_config", *tree.glob("/etc/ssh/sshd_config.d/*.conf", views.miss)):
        try:
            lines = tree.lines(file)
        except FileNotFoundError:
            continue
        except OSError as problem:
            views.miss(file, problem)
            continue
        for line in lines:
            words = line.split()
            if words and words[0].lower() == "authorizedkeysfile":
                found += words[1:]
    return list(dict.fromkeys([*found, ".ssh/authorized_keys", ".ssh/authorized_keys2"]))


def _place(pattern: str, a: Account) -> str:
    text = pattern.replace("%h", a.folder).replace("%u", a.account).replace("%%", "%")
    return text if text.startswith("/") else f"{a.folder}/{text}"


def keys(text: str) -> Iterator[tuple[str, str, str, int]]:
    """(type, fingerprint, comment, whether a command is forced) of each key of an authorized_keys file."""
    for line in text.splitlines()[:5000]:
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        hit = re.search(
            r"(?:^|\s)((?:sk-)?(?:ssh|ecdsa)-[\w@.-]+)\s+([A-Za-z0-9+/=]+)(?:\s+(.*))?$", line
        )
        if hit is None:
            continue
        mark = fingerprint(hit[2])
        if mark:
            options = line[: hit.start()]
            yield hit[1], mark, (hit[3] or "").strip()[:200], int("command=" in options)


def fingerprint(key: str) -> str:
    """`SHA256:...` as `ssh-keygen -l` prints it; empty for what is no key."""
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return ""
    digest = hashlib.sha256(raw).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def host_keys(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        for file in tree.glob("/etc/ssh/ssh_host_*_key.pub", views.miss):
            try:
                parts = tree.text(file, 4096).split()
            except OSError as problem:
                views.miss(file, problem)
                continue
            if len(parts) >= 2 and (mark := fingerprint(parts[1])):
                yield (parts[0], mark)

    return source
