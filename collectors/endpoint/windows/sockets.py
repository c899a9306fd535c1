"""Listening sockets with their program, and connections to the internet (GetExtendedTcpTable, GetExtendedUdpTable; iphlpapi.h)."""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Iterator
from typing import Any

from collectors.endpoint.linux.sockets import is_outside
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.windows.api import function, library
from collectors.endpoint.windows.processes import running

_V4, _V6 = 2, 23
_TCP_ALL, _UDP_OWNER = 5, 1
_LISTEN, _ESTABLISHED = 2, 5
_TCP4 = struct.Struct("=I4sI4sII")
_TCP6 = struct.Struct("=16sII16sIIII")
_UDP4 = struct.Struct("=4sII")
_UDP6 = struct.Struct("=16sIII")
_SMALL = 122

Found = tuple[str, str, int, str, int, int, int]
"""Transport, own address and port, other address and port, state (2 also for UDP), process id."""


def listeners() -> Source:
    def source(views: Views) -> Iterator[Row]:
        names = _names(views)
        seen: set[Row] = set()
        for transport, local, port, _, _, state, pid in _all(views):
            if state == _LISTEN:
                row: Row = (transport, local, port, *names.get(pid, ("", "")))
                if row not in seen:
                    seen.add(row)
                    yield row

    return source


def connections() -> Source:
    def source(views: Views) -> Iterator[Row]:
        names = _names(views)
        seen: set[Row] = set()
        for _, _, _, remote, port, state, pid in _all(views):
            if state == _ESTABLISHED and is_outside(remote):
                row: Row = (*names.get(pid, ("", "")), remote, port)
                if row not in seen:
                    seen.add(row)
                    yield row

    return source


def _names(views: Views) -> dict[int, tuple[str, str]]:
    try:
        return {p.pid: (p.name, p.path) for p in running()}
    except CannotRead as problem:
        views.miss("programs of the sockets", problem)
        return {}


def _all(views: Views) -> Iterator[Found]:
    tables = (
        ("tcp", "GetExtendedTcpTable", _V4, _TCP_ALL, _TCP4),
        ("tcp", "GetExtendedTcpTable", _V6, _TCP_ALL, _TCP6),
        ("udp", "GetExtendedUdpTable", _V4, _UDP_OWNER, _UDP4),
        ("udp", "GetExtendedUdpTable", _V6, _UDP_OWNER, _UDP6),
    )
    read = 0
    for transport, name, family, kind, form in tables:
        try:
            rows = _table(name, family, kind, form)
        except CannotRead as problem:
            views.miss(f"{transport} over {'IPv6' if family == _V6 else 'IPv4'}", problem)
            continue
        read += 1
        yield from (decoded(transport, family, row) for row in rows)
    if not read:
        raise CannotRead("no table of sockets")


def decoded(transport: str, family: int, row: tuple[Any, ...]) -> Found:
    """One row of MIB_TCPTABLE_OWNER_PID, MIB_TCP6TABLE_OWNER_PID and their kin for UDP. Ports stand in network order."""
    inet = socket.AF_INET6 if family == _V6 else socket.AF_INET
    if transport == "udp":
        address, port, pid = (row[0], row[-2], row[-1])
        return ("udp", socket.inet_ntop(inet, address), _port(port), "", 0, _LISTEN, pid)
    if family == _V6:
        local, _, port, remote, _, other, state, pid = row
    else:
        state, local, port, remote, other, pid = row
    text = socket.inet_ntop(inet, local)
    return ("tcp", text, _port(port), socket.inet_ntop(inet, remote), _port(other), state, pid)


def _port(value: int) -> int:
    return socket.ntohs(value & 0xFFFF)


def _table(name: str, family: int, kind: int, form: struct.Struct) -> list[tuple[Any, ...]]:
    call = function(library("iphlpapi"), name)
    size = ctypes.c_ulong(0)
    for _ in range(5):
        buffer = ctypes.create_string_buffer(max(size.value, 4))
        error = call(buffer, ctypes.byref(size), 0, family, kind, 0)
        if error == 0:
            (count,) = struct.unpack_from("=I", buffer)
            count = min(count, (len(buffer) - 4) // form.size)
            return [form.unpack_from(buffer, 4 + n * form.size) for n in range(count)]
        if error != _SMALL:
            raise CannotRead(f"{name}: error {error}")
        # Sockets may be opened between the two calls.
        size = ctypes.c_ulong(size.value + 1024)
    raise CannotRead(f"{name}: the table grew faster than it was read")
