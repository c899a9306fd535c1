"""ARP and ICMP echo over one packet socket each: scapy builds the frame once, patched copies go out, a BPF filter takes the answers.

scapy's own `sendp` manages 40 packets a second, prebuilt frames through `send` 470,000 (measured); pace, not speed, is the limit here.
"""

from __future__ import annotations

import ctypes
import select
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterable

_ETH_ARP, _ETH_IP = 0x0806, 0x0800
_SO_ATTACH_FILTER = 26
_SIOCGIFHWADDR, _ARPHRD_ETHER = 0x8927, 1
"""netdevice(7): an interface's hardware address; the kind that is Ethernet."""
TRIES = 2
FLOOD = 256
TAIL_S = 0.4
"""Waited after the last frame of a try; a LAN answers within milliseconds, a sleeping phone within a few hundred."""

# Classic BPF (packet(7), bpf(4)): code, jump if true, jump if false, operand.
_ARP_REPLY = ((0x28, 0, 0, 20), (0x15, 0, 1, 2), (6, 0, 0, 256), (6, 0, 0, 0))


def _echo_reply(ident: int) -> tuple[tuple[int, int, int, int], ...]:
    return (
        (0x30, 0, 0, 23),  # protocol
        (0x15, 0, 5, 1),  # ICMP
        (0x30, 0, 0, 34),  # type, with a header of 20 bytes as we send it
        (0x15, 0, 3, 0),  # echo reply
        (0x28, 0, 0, 38),  # identifier
        (0x15, 0, 1, ident),
        (6, 0, 0, 256),
        (6, 0, 0, 0),
    )


class ArpSweep:
    """Raises `OSError` without the right to open a packet socket, or without the interface."""

    def __init__(self, interface: str, source_ip: str) -> None:
        without_cryptography()
        from scapy.layers.l2 import ARP, Ether

        self._mac = mac_of(interface)
        frame = bytes(
            Ether(dst="ff:ff:ff:ff:ff:ff", src=self._mac)
            / ARP(op=1, hwsrc=self._mac, psrc=source_ip, hwdst="00:00:00:00:00:00", pdst="0.0.0.0")
        )
        self._head, self._pad = frame[:38], b"\0" * 18
        self._socket = _packet_socket(interface, _ETH_ARP, _ARP_REPLY)

    def run(self, targets: list[str], rate: int) -> dict[str, list[str]]:
        """MACs that answered for each address, several where several hosts claim it."""
        wanted = {socket.inet_aton(t): t for t in targets}
        found: dict[str, list[str]] = {}

        def take(frame: bytes, _at: float) -> None:
            if len(frame) < 42 or frame[28:32] not in wanted:
                return
            macs = found.setdefault(wanted[frame[28:32]], [])
            if (mac := _text(frame[22:28])) not in macs:
                macs.append(mac)

        for _ in range(TRIES):
            left = [ip for ip, text in wanted.items() if text not in found]
            frames = (self._head + ip + self._pad for ip in left)
            _pump(self._socket, frames, len(left), rate, take)
        return found


class EchoSweep:
    """One echo identifier a process, so that two helpers on one machine do not take each other's answers."""

    def __init__(self, interface: str, source_ip: str) -> None:
        without_cryptography()
        from scapy.layers.inet import ICMP, IP
        from scapy.layers.l2 import Ether

        self._mac = mac_of(interface)
        ident = int.from_bytes(struct.pack("=Q", time.time_ns())[1:3], "big") | 1
        frame = bytes(
            Ether(dst="ff:ff:ff:ff:ff:ff", src=self._mac, type=_ETH_IP)
            / IP(src=source_ip, dst="0.0.0.0", ttl=64, id=0)
            / ICMP(type=8, id=ident, seq=1)
            / b"handover echo"
        )
        self._ip, self._icmp = bytearray(frame[14:34]), frame[34:]
        self._socket = _packet_socket(interface, _ETH_IP, _echo_reply(ident))

    def run(self, targets: dict[str, str], rate: int) -> dict[str, tuple[int, int]]:
        """(TTL, round trip in microseconds) of each address that answered; *targets*: address -> MAC to send to."""
        wanted = {socket.inet_aton(t): t for t in targets}
        for mac in targets.values():
            unicast(mac)  # before the first frame leaves
        found: dict[str, tuple[int, int]] = {}
        sent: dict[bytes, float] = {}

        def take(frame: bytes, at: float) -> None:
            ip = frame[26:30]
            if ip in sent and wanted[ip] not in found:
                found[wanted[ip]] = (frame[22], max(0, int((at - sent[ip]) * 1_000_000)))

        def frames(left: list[bytes]) -> Iterable[bytes]:
            for ip in left:
                sent[ip] = time.monotonic()
                yield self._frame(ip, targets[wanted[ip]])

        for _ in range(TRIES):
            left = [ip for ip, text in wanted.items() if text not in found]
            _pump(self._socket, frames(left), len(left), rate, take)
        return found

    def _frame(self, ip: bytes, mac: str) -> bytes:
        header = bytearray(self._ip)
        header[16:20] = ip
        header[10:12] = b"\0\0"
        header[10:12] = struct.pack("!H", checksum(bytes(header)))
        own = bytes.fromhex(self._mac.replace(":", ""))
        return unicast(mac) + own + struct.pack("!H", _ETH_IP) + bytes(header) + self._icmp


def without_cryptography() -> None:
    """scapy loads it where it finds it, for layers we never use; the licence of its OpenSSL does not go with GPL-2.0-only."""
    sys.modules.setdefault("cryptography", None)  # type: ignore[arg-type]  # None: "not installed"


def checksum(data: bytes) -> int:
    """Internet checksum of an even number of bytes (RFC 1071)."""
    words: tuple[int, ...] = struct.unpack(f"!{len(data) // 2}H", data)
    total = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def unicast(mac: str) -> bytes:
    """The six octets of *mac*. Raises `ValueError` for what would reach more than one host."""
    octets = bytes.fromhex(mac.replace(":", ""))
    if len(octets) != 6 or octets[0] & 1:
        raise ValueError(f"{mac[:20]} is no MAC of one host")
    return octets


def mac_of(interface: str) -> str:
    """Raises `OSError` when there is no such interface or it has no Ethernet address."""
    import fcntl

    # Asked of the kernel by a socket: /sys shows the namespace it was mounted in, which need not be ours.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        row = fcntl.ioctl(asking, _SIOCGIFHWADDR, struct.pack("256s", interface.encode()[:15]))
    (family,) = struct.unpack_from("=H", row, 16)
    if family != _ARPHRD_ETHER or not any(row[18:24]):
        raise OSError(f"{interface} has no Ethernet address")
    return _text(row[18:24])


def _text(mac: bytes) -> str:
    return ":".join(f"{b:02x}" for b in mac)


def _packet_socket(
    interface: str, protocol: int, program: tuple[tuple[int, int, int, int], ...]
) -> socket.socket:
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol))
    code = b"".join(struct.pack("=HBBI", *op) for op in program)
    held = ctypes.create_string_buffer(code, len(code))
    packed = struct.pack("@HP", len(program), ctypes.addressof(held))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, packed)
    opened.bind((interface, protocol))
    opened.setblocking(False)
    return opened


def _pump(
    opened: socket.socket,
    frames: Iterable[bytes],
    count: int,
    rate: int,
    take: Callable[[bytes, float], None],
) -> None:
    """Send *frames* at *rate* a second, by send time: a frame that was late is not caught up; then wait for the last answers."""
    if not count:
        return
    gap = 1 / rate
    due = time.monotonic()
    todo = iter(frames)
    while True:
        now = time.monotonic()
        if now >= due:
            frame = next(todo, None)
            if frame is None:
                break
            _send(opened, frame)
            due = now + gap
        _drain(opened, take, max(0.0, due - time.monotonic()))
    until = time.monotonic() + TAIL_S
    while (left := until - time.monotonic()) > 0:
        _drain(opened, take, left)


def _send(opened: socket.socket, frame: bytes) -> None:
    try:
        opened.send(frame)
    except BlockingIOError:
        # The card's queue is full: the second try will reach this host.
        time.sleep(0.001)


def _drain(opened: socket.socket, take: Callable[[bytes, float], None], wait_s: float) -> None:
    ready, _, _ = select.select([opened], [], [], wait_s)
    # A flood of answers must not keep the next frame from leaving.
    for _ in range(FLOOD if ready else 0):
        try:
            frame = opened.recv(2048)
        except BlockingIOError:
            return
        take(frame, time.monotonic())
