"""The sockets of the raw engine (packet(7), bpf(4), udp(7)): opened while there is a right to, used after it was given up."""

from __future__ import annotations

import ctypes
import errno
import secrets
import socket
import struct
import sys
from contextlib import suppress

from scanners.raw_helper.frames import PORTS
from scanners.raw_helper.kernel import LinuxKernel
from scanners.raw_helper.poke import FULL, Poker

_ETH_ARP, _ETH_IP = 0x0806, 0x0800
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE = 26, 33
_SOL_PACKET, _PACKET_STATISTICS = 263, 6
_BUFFER = 8 * 1024 * 1024
FLOOD = 256
"""Frames read in a row: a flood of answers must not keep the next frame from leaving."""
DOWN = frozenset({errno.ENETDOWN, errno.ENXIO, errno.ENODEV, errno.ENETUNREACH})
_LOWEST, _HIGHEST = 61_000, 65_000
"""Above the range the kernel hands out by default (ip_local_port_range)."""

_Program = tuple[tuple[int, int, int, int], ...]
_NOTHING: _Program = ((6, 0, 0, 0),)
_ARP_REPLY: _Program = ((0x28, 0, 0, 20), (0x15, 0, 1, 2), (6, 0, 0, 128), (6, 0, 0, 0))


def for_us(own_ip: bytes, base: int) -> _Program:
    """Classic BPF (code, jump if true, jump if false, operand): TCP to one of our ports, or ICMP that answers or turns away, to us."""
    mine = int.from_bytes(own_ip, "big")
    return (
        (0x20, 0, 0, 30),  # destination
        (0x15, 0, 16, mine),
        (0x28, 0, 0, 20),  # fragments
        (0x45, 14, 0, 0x1FFF),
        (0x30, 0, 0, 23),  # protocol
        (0x15, 0, 5, 6),
        (0xB1, 0, 0, 14),  # length of the header
        (0x48, 0, 0, 16),  # destination port
        (0x35, 0, 9, base),
        (0x25, 8, 0, base + PORTS - 1),
        (6, 0, 0, 192),
        (0x15, 0, 6, 1),  # ICMP
        (0xB1, 0, 0, 14),
        (0x50, 0, 0, 14),  # type
        (0x15, 2, 0, 0),
        (0x15, 1, 0, 3),
        (0x05, 0, 0, 1),
        (6, 0, 0, 192),
        (6, 0, 0, 0),
    )


class Down(OSError):
    """The interface is gone or down."""


class Wire:
    """Raises `OSError` without the right to open a packet socket, or without the interface."""

    def __init__(self, interface: str, address: str) -> None:
        self.interface, self.address = interface, address
        self._kernel = LinuxKernel(interface)
        self.mac = self._kernel.mac()
        self._held, self.base = hold_ports(address)
        self.mute = mute(self._held)
        self.arp = _packet_socket(interface, _ETH_ARP, _ARP_REPLY)
        self.ip = _packet_socket(interface, _ETH_IP, for_us(socket.inet_aton(address), self.base))
        self._poker = Poker(address)

    def send(self, frame: bytes) -> bool:
        """False when the card's queue is full. Raises `Down`, `OSError`."""
        try:
            self.ip.send(frame)
        except OSError as error:
            if error.errno in FULL:
                return False
            raise self._judged(error) from None
        return True

    def poke(self, host: bytes) -> bool:
        """As `Poker.poke`. Raises `Down`, `OSError`."""
        try:
            return self._poker.poke(host)
        except OSError as error:
            raise self._judged(error) from None

    def read(self, opened: socket.socket) -> list[bytes]:
        """Frames that wait. Raises `Down`, `OSError`."""
        frames: list[bytes] = []
        try:
            for _ in range(FLOOD):
                frames.append(opened.recv(256))
        except BlockingIOError:
            pass
        except OSError as error:
            raise self._judged(error) from None
        return frames

    def dropped(self) -> int:
        """Answers the kernel threw away since this was last asked, as its buffer was full."""
        total = 0
        for opened in (self.arp, self.ip):
            row = opened.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
            total += struct.unpack("=II", row)[1]
        return total

    def neighbours(self) -> list[bytes]:
        """Addresses our kernel knows the MAC of; empty where it does not tell."""
        return self._kernel.neighbours()

    def is_up(self) -> bool:
        """Is the interface up, with a carrier?"""
        return self._kernel.is_up()

    def begin(self) -> None:
        """Nothing to do: no thread reads here."""

    def _judged(self, error: OSError) -> OSError:
        if error.errno in DOWN:
            return Down(error.errno, f"interface {self.interface} went down")
        return error


def hold_ports(address: str) -> tuple[list[socket.socket], int]:
    """Sockets that hold `PORTS` ports in a row, and the first of these: nobody else uses them. What comes there the kernel resets."""
    for _ in range(64):
        base = _LOWEST + secrets.randbelow(_HIGHEST - _LOWEST)
        held: list[socket.socket] = []
        with suppress(OSError):
            for port in range(base, base + PORTS):
                one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                held.append(one)
                one.bind((address, port))
            return held, base
        for one in held:
            one.close()
    raise OSError(f"no {PORTS} free ports in a row on {address}")


def mute(held: list[socket.socket]) -> bool:
    """Keep our kernel from resetting what comes to *held*: it hands that to a listening socket, whose filter lets nothing in.

    A reset of the kernel's leaves whenever an answer comes, and no cap by send time holds it. False where this cannot be had.
    """
    try:
        for one in held:
            _filter(one, _NOTHING)
            one.listen(1)
    except OSError:
        return False
    return True


def _filter(opened: socket.socket, program: _Program) -> None:
    code = b"".join(struct.pack("=HBBI", *op) for op in program)
    held = ctypes.create_string_buffer(code, len(code))
    packed = struct.pack("@HP", len(program), ctypes.addressof(held))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, packed)


def _packet_socket(interface: str, protocol: int, program: _Program) -> socket.socket:
    if not sys.platform.startswith("linux"):
        raise OSError(f"packet sockets are not built for {sys.platform} yet")
    # Protocol 0 takes nothing in before the filter is there.
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    _filter(opened, program)
    try:
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
    except OSError:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    opened.bind((interface, protocol))
    opened.setblocking(False)
    return opened
