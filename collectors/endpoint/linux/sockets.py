"""Listening sockets with their program, and connections to the internet (proc_net(5)). What is connected inside the network is nobody's
business here: neighbours are never named."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.tree import Tree

_LISTEN, _ESTABLISHED = "0A", "01"


@dataclass(frozen=True)
class Socket:
    transport: str
    local: str
    port: int
    remote: str
    remote_port: int
    state: str
    inode: str


def listeners(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        owners = _owners(tree, views)
        seen: set[Row] = set()
        for s in _sockets(tree):
            if s.state == _LISTEN or (s.transport == "udp" and s.remote_port == 0):
                name, path = owners.get(s.inode, ("", ""))
                row: Row = (s.transport, s.local, s.port, name, path)
                if row not in seen:
                    seen.add(row)
                    yield row

    return source


def connections(tree: Tree) -> Source:
    def source(views: Views) -> Iterator[Row]:
        owners = _owners(tree, views)
        seen: set[Row] = set()
        for s in _sockets(tree):
            if s.state == _ESTABLISHED and s.transport == "tcp" and is_outside(s.remote):
                name, path = owners.get(s.inode, ("", ""))
                row: Row = (name, path, s.remote, s.remote_port)
                if row not in seen:
                    seen.add(row)
                    yield row

    return source


def is_outside(address: str) -> bool:
    """Is it an address of the internet?"""
    one = ip_address(address)
    return one.is_global and not one.is_multicast


def _sockets(tree: Tree) -> Iterator[Socket]:
    found = False
    for transport in ("tcp", "udp"):
        for family in ("", "6"):
            file = f"/proc/net/{transport}{family}"
            if tree.exists(file):
                found = True
                yield from sockets(transport, tree.text(file, 64_000_000))
    if not found:
        raise CannotRead("no table of sockets in /proc/net")


def sockets(transport: str, text: str) -> Iterator[Socket]:
    """The lines of /proc/net/tcp and its kin. What is no such line is passed over."""
    for line in text.splitlines()[1:]:
        parts = line.split()
        if len(parts) < 10:
            continue
        try:
            local, port = _address(parts[1])
            remote, remote_port = _address(parts[2])
        except (ValueError, OSError, struct.error):
            continue
        yield Socket(transport, local, port, remote, remote_port, parts[3], parts[9])


def _address(text: str) -> tuple[str, int]:
    """Addresses stand there as the machine holds them: words of 32 bits, little end first on all we run on."""
    words, _, port = text.partition(":")
    raw = bytes.fromhex(words)
    data = b"".join(raw[i : i + 4][::-1] for i in range(0, len(raw), 4))
    family = socket.AF_INET if len(data) == 4 else socket.AF_INET6
    address = ip_address(socket.inet_ntop(family, data))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address), int(port, 16)


def _owners(tree: Tree, views: Views) -> dict[str, tuple[str, str]]:
    """inode of a socket -> (program, its path)."""
    found: dict[str, tuple[str, str]] = {}
    unread = 0
    for pid in tree.names("/proc"):
        if not pid.isdecimal():
            continue
        try:
            fds = tree.names(f"/proc/{pid}/fd")
            path = str(tree.path(f"/proc/{pid}/exe").readlink())
        except (FileNotFoundError, ProcessLookupError):
            continue
        except OSError:
            unread += 1
            continue
        for fd in fds:
            try:
                target = str(tree.path(f"/proc/{pid}/fd/{fd}").readlink())
            except OSError:
                continue
            if target.startswith("socket:["):
                path = path.removesuffix(" (deleted)")
                found[target[8:-1]] = (path.rsplit("/", 1)[-1], path)
    if unread:
        views.miss("sockets of other users", CannotRead(f"{unread} programs not readable", True))
    return found
