"""Listening sockets and connections to the internet, as lsof(8) prints them for other programs (`-F`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

from collectors.endpoint.linux.sockets import is_outside
from collectors.endpoint.macos.asked import Asked
from collectors.endpoint.macos.processes import processes_of
from collectors.endpoint.source import CannotRead, Row, Source, Views
from collectors.endpoint.tree import Tree

LSOF = ("lsof", "-nP", "+c0", "-i", "-FpcftPnT")
MOST = 400_000
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")


@dataclass(frozen=True)
class Socket:
    """`remote` is empty where nobody is connected."""

    pid: int
    command: str
    transport: str
    local: str
    port: int
    remote: str
    remote_port: int
    state: str


def sockets(text: str) -> Iterator[Socket]:
    """The sockets of lsof's output: a set of lines a process (p, c), below it a set a file (f, t, P, n, T). Others are passed over."""
    pid, command = 0, ""
    file: dict[str, str] = {}
    for line in [*text.splitlines()[:MOST], "p0"]:
        kind, value = line[:1], line[1:]
        if kind in ("p", "f"):
            if found := _socket(pid, command, file):
                yield found
            file = {}
        if kind == "p":
            pid, command = (int(value) if value.isdecimal() and len(value) < 12 else 0), ""
        elif kind == "c":
            command = _ESCAPED.sub(lambda m: chr(int(m[1], 16)), value)
        elif kind in ("t", "P", "n"):
            file[kind] = value
        elif kind == "T" and value.startswith("ST="):
            file["T"] = value[3:]


def _socket(pid: int, command: str, file: dict[str, str]) -> Socket | None:
    transport = file.get("P", "").lower()
    if transport not in ("tcp", "udp"):
        return None
    here, _, there = file.get("n", "").partition("->")
    try:
        local, port = _address(here, file.get("t", ""))
        remote, remote_port = _address(there, file.get("t", "")) if there else ("", 0)
    except ValueError:
        return None
    return Socket(pid, command, transport, local, port, remote, remote_port, file.get("T", ""))


def _address(text: str, family: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    # A socket that is not bound yet has the port *.
    number = int(port) if port.isdecimal() and len(port) < 6 else -1
    if not 0 < number < 65536:
        raise ValueError("no port")
    if host == "*":
        return ("::" if family == "IPv6" else "0.0.0.0"), number
    address = ip_address(host.strip("[]").split("%", 1)[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address), number


def _told(tree: Tree, asked: Asked, views: Views, elevated: bool) -> Iterator[tuple[Socket, str]]:
    said = asked.must(*LSOF)
    if not elevated:
        views.miss("sockets of other users", CannotRead("not as root", True))
    paths = {pid: p.path for pid, p in processes_of(tree, asked).items()}
    for one in sockets(said):
        yield one, paths.get(one.pid, "")


def listeners(tree: Tree, asked: Asked, elevated: bool) -> Source:
    def source(views: Views) -> Iterator[Row]:
        seen: set[Row] = set()
        for s, path in _told(tree, asked, views, elevated):
            if s.state == "LISTEN" or (s.transport == "udp" and not s.remote):
                row: Row = (
                    s.transport,
                    s.local,
                    s.port,
                    path.rsplit("/", 1)[-1] or s.command,
                    path,
                )
                if row not in seen:
                    seen.add(row)
                    yield row

    return source


def connections(tree: Tree, asked: Asked, elevated: bool) -> Source:
    def source(views: Views) -> Iterator[Row]:
        seen: set[Row] = set()
        for s, path in _told(tree, asked, views, elevated):
            if s.state == "ESTABLISHED" and s.remote and is_outside(s.remote):
                name = path.rsplit("/", 1)[-1] or s.command
                row: Row = (name, path, s.remote, s.remote_port)
                if row not in seen:
                    seen.add(row)
                    yield row

    return source
