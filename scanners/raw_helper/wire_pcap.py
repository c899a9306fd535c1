"""The wire of the raw engine where there are no packet sockets: Npcap on Windows, libpcap elsewhere, both through scapy.

The same face as `wire.Wire`. Windows cannot wait for a capture and a pipe at once: a thread a capture reads, and wakes the loop through a
socket. Filters are compiled by the library (pcap-filter(7)); all handles are opened before anything is sent.
"""

from __future__ import annotations

import errno
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

from scanners.raw_helper.frames import PORTS
from scanners.raw_helper.kernel import kernel
from scanners.raw_helper.poke import Poker
from scanners.raw_helper.wire import DOWN, FLOOD, Down, hold_ports

_SNAP = 256
_WAIT_MS = 5
"""pcap_set_timeout: how long frames may wait in the kernel (Npcap hands them up at once, as scapy sets mintocopy to 0)."""
_TRIES, _PAUSE_S = 100, 0.05
"""A capture that fails for five seconds on end is over."""
_HELD = 65_536
"""Frames that wait for the loop; more are counted as dropped."""


def prefer_pcap() -> None:
    """Tell scapy before its first layer is loaded. Raises `ImportError` where there is neither Npcap nor libpcap."""
    from scapy.config import conf

    conf.use_pcap = True
    from importlib import import_module

    if not hasattr(import_module("scapy.arch.libpcap"), "open_pcap"):
        raise ImportError("neither Npcap nor libpcap is installed")


class Inbox:
    """Frames of one capture: read by a thread, taken by the loop, which waits for `fileno`."""

    def __init__(self, interface: str, which: str) -> None:
        self._handle = _opened(interface, which)
        self._frames: deque[bytes] = deque()
        self._lost = self._told = 0
        self._error = ""
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)

    def begin(self) -> None:
        """Start to read: after the rights were given up, which a thread that runs already would keep (capabilities(7))."""
        threading.Thread(target=self._fill, daemon=True).start()

    def fileno(self) -> int:
        return self._woken.fileno()

    def take(self, most: int) -> list[bytes]:
        """At most *most* frames that wait. Raises `Down` when the capture ended."""
        with suppress(BlockingIOError):
            self._woken.recv(4096)
        out: list[bytes] = []
        while self._frames and len(out) < most:
            out.append(self._frames.popleft())
        if self._frames:
            self._ring()
        elif self._error and not out:
            raise Down(errno.ENETDOWN, self._error)
        return out

    def dropped(self) -> int:
        """Frames lost since this was last asked: here, and before us by the library's own count (pcap_stats(3PCAP))."""
        from ctypes import byref

        from scapy.libs.winpcapy import pcap_stat, pcap_stats

        row = pcap_stat()
        kernel = int(row.ps_drop) if pcap_stats(self._handle.pcap, byref(row)) == 0 else 0
        lost = self._lost + kernel
        new, self._told = max(0, lost - self._told), max(lost, self._told)
        return new

    def _fill(self) -> None:
        """Not by scapy's `next`, which tells an error and a quiet line alike: on an error it would turn without a pause."""
        from ctypes import POINTER, byref, c_ubyte, string_at

        from scapy.libs.winpcapy import pcap_next_ex, pcap_pkthdr

        head, data = POINTER(pcap_pkthdr)(), POINTER(c_ubyte)()
        failed = 0
        while failed < _TRIES:
            got = pcap_next_ex(self._handle.pcap, byref(head), byref(data))
            if got < 0:
                # Told once when the card goes down, too; `is_up` sees that by itself.
                failed += 1
                time.sleep(_PAUSE_S)
                continue
            failed = 0
            if got == 0:
                continue
            if len(self._frames) >= _HELD:
                self._lost += 1
                continue
            self._frames.append(string_at(data, head.contents.caplen))
            self._ring()
        self._error = "the capture ended"
        self._ring()

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it rings already
            self._wake.send(b"\0")


class PcapWire:
    """Raises `OSError` without the right to capture or without the interface."""

    mute = False
    """Windows has no filter for a socket: its kernel resets what comes, if its firewall lets it."""

    def __init__(self, interface: str, address: str) -> None:
        self.interface, self.address = interface, address
        from scapy.interfaces import resolve_iface

        self._kernel = kernel(interface, int(resolve_iface(interface).index))
        self.mac = self._kernel.mac()
        self._held, self.base = hold_ports(address)
        self._out = _opened(interface, "less 1")
        self._poker = Poker(address)
        self.arp = Inbox(interface, "arp[6:2] = 2")
        self.ip = Inbox(interface, which(address, self.base))

    def begin(self) -> None:
        """After the rights were given up."""
        self.arp.begin()
        self.ip.begin()

    def send(self, frame: bytes) -> bool:
        """False when the card's queue is full. Raises `Down`."""
        if self._out.send(frame) >= 0:
            return True
        if self.is_up():
            return False
        raise Down(errno.ENETDOWN, f"interface {self.interface} went down")

    def poke(self, host: bytes) -> bool:
        """As `Wire.poke`."""
        try:
            return self._poker.poke(host)
        except OSError as error:
            if error.errno in DOWN:
                raise Down(error.errno, f"interface {self.interface} went down") from None
            raise

    def read(self, opened: Inbox) -> list[bytes]:
        """Frames that wait. Raises `Down`."""
        return opened.take(FLOOD)

    def dropped(self) -> int:
        return self.arp.dropped() + self.ip.dropped()

    def neighbours(self) -> list[bytes]:
        """As `Wire.neighbours`."""
        return self._kernel.neighbours()

    def is_up(self) -> bool:
        """Is the interface up, with a carrier?"""
        return self._kernel.is_up()


def which(address: str, base: int) -> str:
    """Filter for what answers us, as `wire.for_us`: TCP to one of our ports, or ICMP that answers or turns away, no later fragment."""
    tcp = f"tcp dst portrange {base}-{base + PORTS - 1}"
    return f"dst host {address} and ip[6:2] & 0x1fff = 0 and ({tcp} or icmp[0] = 0 or icmp[0] = 3)"


def _opened(interface: str, which: str) -> Any:
    from scapy.arch.libpcap import open_pcap
    from scapy.error import Scapy_Exception

    handle = open_pcap(interface, _SNAP, False, _WAIT_MS)
    try:
        handle.setfilter(which)
    except Scapy_Exception as error:
        raise OSError(str(error)) from None
    return handle
