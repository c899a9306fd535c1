"""`python -m tests.scanners.udp.dhcp_client`: asks for an address by broadcast every second, and takes none (RFC 2131, 3.1)."""

from __future__ import annotations

import socket
import struct
import time

MAC = bytes.fromhex("3c5282aabbcc")
SO_BINDTODEVICE = 25


def discover() -> bytes:
    head = struct.pack("!4BIHH", 1, 1, 6, 0, 0x4711, 0, 0x8000) + bytes(16)
    options = (
        b"\x35\x01\x01"
        + b"\x0c\x08PC-DHCP1"
        + b"\x3c\x08MSFT 5.0"
        + b"\x37\x04\x01\x0f\x03\x06\xff"
    )
    return head + MAC + bytes(10 + 192) + bytes.fromhex("63825363") + options


def main() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, b"eth0\0")
        sock.bind(("", 68))
        while True:
            sock.sendto(discover(), ("255.255.255.255", 67))
            time.sleep(1)


if __name__ == "__main__":
    main()
