"""`python -m tests.scanners.udp.liar ADDRESS`: a host nobody may ask. It answers every multicast question it hears, and counts nothing."""

from __future__ import annotations

import selectors
import socket
import struct
import sys

SSDP = (
    b"HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=1800\r\nEXT:\r\nLOCATION: http://%s:80/d.xml\r\n"
    b"SERVER: Never/1.0 UPnP/1.0 Asked/1.0\r\nST: upnp:rootdevice\r\nUSN: uuid:never::upnp:rootdevice\r\n\r\n"
)


def main() -> None:
    own = sys.argv[1]
    chosen = selectors.DefaultSelector()
    for group, port in (("224.0.0.251", 5353), ("239.255.255.250", 1900)):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("", port))
        member = socket.inet_aton(group) + socket.inet_aton(own)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        chosen.register(sock, selectors.EVENT_READ, port)
    while True:
        for key, _ in chosen.select():
            heard = key.fileobj
            assert isinstance(heard, socket.socket)
            data, peer = heard.recvfrom(9000)
            if key.data == 1900 and data.startswith(b"M-SEARCH"):
                heard.sendto(SSDP % own.encode(), peer)
            elif key.data == 5353 and len(data) > 12 and not data[2] & 0x80:
                heard.sendto(mdns(data[:2]), peer)


def mdns(ident: bytes) -> bytes:
    """One type, `_never._tcp`."""
    head = ident + struct.pack("!5H", 0x8400, 0, 1, 0, 0)
    name = b"\x09_services\x07_dns-sd\x04_udp\x05local\0"
    target = b"\x06_never\x04_tcp\x05local\0"
    return head + name + struct.pack("!HHIH", 12, 1, 10, len(target)) + target


if __name__ == "__main__":
    main()
