"""`python -m tests.real.onvif ADDRESS`: a camera that answers WS-Discovery probes (OASIS 1.1; ONVIF Core Specification, 7)."""

from __future__ import annotations

import socket
import sys

from fixtures.lab.udp_services import Facts, UdpService, answers

GROUP, PORT = "239.255.255.250", 3702


def main(address: str) -> None:
    service = UdpService(
        port=PORT,
        kind="wsd",
        types="dn:NetworkVideoTransmitter tds:Device",
        scopes="onvif://www.onvif.org/hardware/{model} onvif://www.onvif.org/name/Acme%20{model}",
        xaddrs="http://{addr}/onvif/device_service",
    )
    facts: Facts = {"macs": "0200000213aa", "addr": address, "model": "CAM-4"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("", PORT))
        member = socket.inet_aton(GROUP) + socket.inet_aton(address)
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
        while True:
            data, peer = sock.recvfrom(9000)
            for answer in answers(service, facts, data):
                sock.sendto(answer, peer)


if __name__ == "__main__":
    main(sys.argv[1])
