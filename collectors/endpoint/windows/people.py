"""Local accounts and the members of the groups that let in (NetUserEnum, NetLocalGroupGetMembers; lmaccess.h). Groups by SID: their
names are in the language of the system."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.windows.api import function, library

ADMINISTRATORS, _NONE_MAPPED = "S-1-5-32-544", 1332
GROUPS = {
    "Administrators": ADMINISTRATORS,
    "Power Users": "S-1-5-32-547",
    "Backup Operators": "S-1-5-32-551",
    "Remote Desktop Users": "S-1-5-32-555",
    "Distributed COM Users": "S-1-5-32-562",
    "Hyper-V Administrators": "S-1-5-32-578",
    "Remote Management Users": "S-1-5-32-580",
}
"""Well-known SIDs (MS-DTYP 2.4.2.4)."""
_NORMAL, _ALL, _NO_GROUP, _DENIED = 2, 0xFFFFFFFF, 2220, 5
_DISABLED = 0x2
_KINDS = {1: "user", 2: "group", 4: "group", 5: "group", 6: "deleted"}


class _User(ctypes.Structure):
    """USER_INFO_2."""

    _fields_ = (
        ("name", ctypes.c_wchar_p),
        ("password", ctypes.c_void_p),
        ("password_age", ctypes.c_ulong),
        ("privilege", ctypes.c_ulong),
        ("home", ctypes.c_wchar_p),
        ("comment", ctypes.c_wchar_p),
        ("flags", ctypes.c_ulong),
        ("script", ctypes.c_wchar_p),
        ("auth_flags", ctypes.c_ulong),
        ("full_name", ctypes.c_wchar_p),
        ("user_comment", ctypes.c_wchar_p),
        ("parameters", ctypes.c_wchar_p),
        ("workstations", ctypes.c_wchar_p),
        ("last_logon", ctypes.c_ulong),
        ("last_logoff", ctypes.c_ulong),
        ("expires", ctypes.c_ulong),
        ("storage", ctypes.c_ulong),
        ("units", ctypes.c_ulong),
        ("hours", ctypes.c_void_p),
        ("bad", ctypes.c_ulong),
        ("logons", ctypes.c_ulong),
        ("server", ctypes.c_wchar_p),
        ("country", ctypes.c_ulong),
        ("code_page", ctypes.c_ulong),
    )


class _Member(ctypes.Structure):
    """LOCALGROUP_MEMBERS_INFO_2."""

    _fields_ = (
        ("sid", ctypes.c_void_p),
        ("usage", ctypes.c_int),
        ("name", ctypes.c_wchar_p),
    )


def local_users() -> Source:
    def source(views: Views) -> Iterator[Row]:
        try:
            admins = {m.rsplit("\\", 1)[-1].lower() for m, _ in _members(ADMINISTRATORS)}
            known = True
        except CannotRead as problem:
            views.miss("who is an administrator", problem)
            admins, known = set[str](), False
        for u in _rows("NetUserEnum", 2, _User, _NORMAL):
            at = datetime.fromtimestamp(u.last_logon, UTC).date().isoformat()
            yield (
                u.name or "",
                u.full_name or "",
                int(not u.flags & _DISABLED),
                int((u.name or "").lower() in admins) if known else None,
                at if u.last_logon else "",
                u.comment or "",
            )

    return source


def local_groups() -> Source:
    def source(views: Views) -> Iterator[Row]:
        for group, sid in GROUPS.items():
            try:
                for member, kind in _members(sid):
                    yield (group, member, kind)
            except CannotRead as problem:
                views.miss(group, problem)

    return source


def _members(sid: str) -> Iterator[tuple[str, str]]:
    """(member, kind) of the local group *sid*; nobody where the system has no such group."""
    if (name := _name_of(sid)) is None:
        return
    found = _rows("NetLocalGroupGetMembers", 2, _Member, None, name)
    if not found and sid == ADMINISTRATORS:
        raise CannotRead("no administrator was told, and there is always one")
    for m in found:
        yield m.name or "", _KINDS.get(m.usage, "other")


def _name_of(sid: str) -> str | None:
    api: Any = library("advapi32")
    binary = ctypes.c_void_p()
    if not api.ConvertStringSidToSidW(sid, ctypes.byref(binary)):
        raise CannotRead(f"{sid} was not taken for a SID")
    name, domain = ctypes.create_unicode_buffer(257), ctypes.create_unicode_buffer(257)
    size, domain_size, use = ctypes.c_ulong(257), ctypes.c_ulong(257), ctypes.c_int()
    try:
        ok = api.LookupAccountSidW(
            None, binary, name, ctypes.byref(size), domain, ctypes.byref(domain_size), ctypes.byref(use)
        )  # fmt: skip
        error = 0 if ok else int(ctypes.GetLastError())  # type: ignore[attr-defined]
    finally:
        library("kernel32").LocalFree(binary)
    # Only "none mapped" says that there is no such group, and every Windows has administrators.
    if not ok and (error != _NONE_MAPPED or sid == ADMINISTRATORS):
        raise CannotRead(f"the name of {sid} was not found: error {error}")
    return name.value if ok else None


def _rows(
    call: str, level: int, form: type[Any], filtered: int | None, group: str = ""
) -> list[Any]:
    """All rows of a NetXxxEnum call, copied out before its buffer is freed."""
    net = library("netapi32")
    function_ = function(net, call)
    found: list[Any] = []
    resume = ctypes.c_size_t()
    while True:
        buffer, read, total = ctypes.c_void_p(), ctypes.c_ulong(), ctypes.c_ulong()
        first = (None, group) if group else (None,)
        middle = (level,) if filtered is None else (level, filtered)
        error = function_(
            *first, *middle, ctypes.byref(buffer), _ALL,
            ctypes.byref(read), ctypes.byref(total), ctypes.byref(resume),
        )  # fmt: skip
        try:
            if error == _NO_GROUP:
                return found
            if error not in (0, 234):
                raise CannotRead(f"{call}: error {error}", error == _DENIED)
            if read.value:
                start, size = buffer.value or 0, ctypes.sizeof(form)
                found += [
                    _Copied(form.from_address(start + n * size), form) for n in range(read.value)
                ]
        finally:
            if buffer.value:
                net.NetApiBufferFree(buffer)
        if error == 0 or not read.value:
            return found


class _Copied:
    """The fields of a row, valid after its buffer is freed. A field that points to a secret has no type of text, and is not followed."""

    def __init__(self, row: Any, form: type[Any]) -> None:
        for name, _ in form._fields_:
            setattr(self, name, getattr(row, name))

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)
