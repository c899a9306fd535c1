"""Security descriptors in self-relative form, [MS-DTYP] 2.4.6: owner, group, DACL, SACL. Pure; what comes in was written by anybody.

A domain of thousands of objects holds some dozens of distinct descriptors: whoever reads many keeps one result for equal bytes (`Once`).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Final
from uuid import UUID

from collectors.directory.sid import BadSid, sid_at

_HEAD = struct.Struct("<BBHIIII")
_ACL, _ACE = struct.Struct("<BBHHH"), struct.Struct("<BBHI")
DACL_PRESENT, DACL_PROTECTED, SELF_RELATIVE = 0x0004, 0x1000, 0x8000
ALLOW, DENY, ALLOW_OBJECT, DENY_OBJECT = 0x00, 0x01, 0x05, 0x06
ALLOW_CALLBACK, DENY_CALLBACK, ALLOW_CALLBACK_OBJECT, DENY_CALLBACK_OBJECT = 0x09, 0x0A, 0x0B, 0x0C
INHERITED, INHERIT_ONLY = 0x10, 0x08
_OBJECT = frozenset(
    {ALLOW_OBJECT, DENY_OBJECT, ALLOW_CALLBACK_OBJECT, DENY_CALLBACK_OBJECT, 0x07, 0x08, 0x0F, 0x10}
)
_PLAIN = frozenset(
    {ALLOW, DENY, ALLOW_CALLBACK, DENY_CALLBACK, 0x02, 0x03, 0x0D, 0x0E, 0x11, 0x12, 0x13}
)
_ALLOWS = frozenset({ALLOW, ALLOW_OBJECT, ALLOW_CALLBACK, ALLOW_CALLBACK_OBJECT})
_DENIES = frozenset({DENY, DENY_OBJECT, DENY_CALLBACK, DENY_CALLBACK_OBJECT})
_CALLBACK = frozenset(
    {
        ALLOW_CALLBACK,
        DENY_CALLBACK,
        ALLOW_CALLBACK_OBJECT,
        DENY_CALLBACK_OBJECT,
        0x0D,
        0x0E,
        0x0F,
        0x10,
    }
)
LARGEST: Final = 1 << 20


class BadDescriptor(ValueError):
    """These bytes are no security descriptor."""


@dataclass(frozen=True, slots=True)
class Ace:
    """One entry. `kind`: ACE type ([MS-DTYP] 2.4.4.1); `what`: attribute, property set, extended right or class it is about, as a GUID;
    `heirs`: class of objects that inherit it; `conditional`: holds only where an expression is true, which is not read."""

    kind: int
    flags: int
    mask: int
    sid: str
    what: str | None = None
    heirs: str | None = None

    @property
    def allows(self) -> bool:
        return self.kind in _ALLOWS

    @property
    def denies(self) -> bool:
        return self.kind in _DENIES

    @property
    def inherited(self) -> bool:
        return bool(self.flags & INHERITED)

    @property
    def here(self) -> bool:
        """Does it count on the object itself, not only on what is below?"""
        return not self.flags & INHERIT_ONLY

    @property
    def conditional(self) -> bool:
        return self.kind in _CALLBACK


@dataclass(frozen=True)
class Descriptor:
    """`dacl` None: there is none, and everybody may do everything; empty: nobody may do anything. `odd`: kinds of entries not known."""

    control: int
    owner: str | None
    group: str | None
    dacl: tuple[Ace, ...] | None
    sacl: tuple[Ace, ...] | None = None
    odd: tuple[int, ...] = ()

    @cached_property
    def protected(self) -> bool:
        """It inherits nothing."""
        return bool(self.control & DACL_PROTECTED)


def descriptor(data: bytes) -> Descriptor:
    """Raises `BadDescriptor`."""
    if not _HEAD.size <= len(data) <= LARGEST:
        raise BadDescriptor(f"{len(data)} bytes")
    revision, _, control, owner, group, sacl, dacl = _HEAD.unpack_from(data)
    if revision != 1 or not control & SELF_RELATIVE:
        raise BadDescriptor(f"revision {revision}, control {control:#06x}")
    odd: list[int] = []
    try:
        return Descriptor(
            control,
            sid_at(data, owner)[0] if owner else None,
            sid_at(data, group)[0] if group else None,
            _entries(data, dacl, odd) if control & DACL_PRESENT and dacl else None,
            _entries(data, sacl, odd) if control & 0x0010 and sacl else None,
            tuple(sorted(set(odd))),
        )
    except BadSid as error:
        raise BadDescriptor(str(error)) from None


def _entries(data: bytes, at: int, odd: list[int]) -> tuple[Ace, ...]:
    if at + _ACL.size > len(data):
        raise BadDescriptor("the list is cut short")
    revision, _, size, count, _ = _ACL.unpack_from(data, at)
    end = at + size
    if revision not in (2, 4) or size < _ACL.size or end > len(data):
        raise BadDescriptor(f"list of revision {revision}, {size} bytes")
    at += _ACL.size
    out: list[Ace] = []
    for _ in range(count):
        if at + 8 > end:
            raise BadDescriptor("fewer entries than it says")
        kind, flags, length, mask = _ACE.unpack_from(data, at)
        here, at = at, at + length
        if length < 8 or at > end:
            raise BadDescriptor(f"an entry of {length} bytes")
        if kind in _PLAIN:
            out.append(Ace(kind, flags, mask, _sid(data, here + 8, at)))
        elif kind in _OBJECT:
            out.append(_object_ace(data, here, at))
        else:
            odd.append(kind)
    return tuple(out)


def _object_ace(data: bytes, at: int, end: int) -> Ace:
    kind, flags, _, mask = _ACE.unpack_from(data, at)
    at += 8
    if at + 4 > end:
        raise BadDescriptor("an entry is cut short")
    (present,) = struct.unpack_from("<I", data, at)
    at += 4
    guids: list[str | None] = []
    for bit in (1, 2):
        if not present & bit:
            guids.append(None)
        elif at + 16 > end:
            raise BadDescriptor("an entry is cut short")
        else:
            guids.append(str(UUID(bytes_le=data[at : at + 16])))
            at += 16
    return Ace(kind, flags, mask, _sid(data, at, end), *guids)


def _sid(data: bytes, at: int, end: int) -> str:
    text, last = sid_at(data, at)
    if last > end:
        raise BadDescriptor("a SID reaches out of its entry")
    return text


class Once:
    """Reads each distinct descriptor once. `bad`: how many different ones could not be read."""

    def __init__(self) -> None:
        self._known: dict[bytes, Descriptor | None] = {}
        self.bad = 0

    def of(self, data: bytes) -> Descriptor | None:
        """None when it cannot be read: then nothing is known of who may do what, never that nobody may."""
        if data not in self._known:
            try:
                self._known[data] = descriptor(data)
            except BadDescriptor:
                self._known[data] = None
                self.bad += 1
        return self._known[data]

    def __len__(self) -> int:
        return len(self._known)
