"""The socket layer: descriptors kept for others, the family of an address."""

from __future__ import annotations

import socket

from agent.net.sockets import room_for, tcp_socket


def test_descriptors_are_left_for_the_others() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 300), hard))
        assert room_for(200) == 200
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 300), hard))
        assert room_for(10_000_000) == resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 128
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_v6_socket_for_a_v6_address() -> None:
    with tcp_socket("::1", 4096) as six, tcp_socket("127.0.0.1", 4096) as four:
        assert (six.family, four.family) == (socket.AF_INET6, socket.AF_INET)
