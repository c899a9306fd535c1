"""`python -m scanners.raw_helper.listen`: hears the link and says what came, as JSON lines. It sends nothing.

First line in: {"interface"}. Then out: {"ready", "rights"}, and a line {"at", "frame"} (microseconds UTC, hexadecimal) for each frame of
ARP, LLDP, CDP, EAPOL, DHCP, mDNS, LLMNR and SSDP that passes the filter in the kernel. A process of its own beside the sweeping one, so
that neither waits for the other; scapy is not loaded. Ends when its input does.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import socket
import struct
import sys
import time

from scanners.raw_helper.rights import give_up

_ETH_ALL = 0x0003
_SOL_PACKET, _ADD_MEMBERSHIP, _ALL_MULTICAST = 263, 1, 2
"""packet(7): LLDP and CDP go to multicast addresses that the card would not hand up."""
_OUTGOING = 4
_SO_ATTACH_FILTER = 26
MOST_A_SECOND = 400
LARGEST = 1600
_PORTS = (67, 68, 1900, 5353, 5355)


_LDH, _LDB, _LD, _LDX, _LDHX, _JEQ, _JGT, _JSET, _RET = (0x28, 0x30, 0x20, 0xB1, 0x48) + (
    0x15,
    0x25,
    0x45,
    0x06,
)
"""Classic BPF (bpf(4)); `_LDX` takes the length of the IPv4 header, `_LDHX` loads behind it."""
_TAKE, _LEAVE, _NEXT = "take", "leave", ""
_RULES: tuple[tuple[int, int, str, str, str], ...] = (
    # (code, operand, where to go on true, on false, own name)
    (_LDH, 12, _NEXT, _NEXT, ""),  # EtherType, or a length
    (_JEQ, 0x0806, _TAKE, _NEXT, ""),  # ARP
    (_JEQ, 0x88CC, _TAKE, _NEXT, ""),  # LLDP
    (_JEQ, 0x888E, _TAKE, _NEXT, ""),  # EAPOL
    (_JEQ, 0x0800, "ip", _NEXT, ""),
    (_JGT, 1500, _LEAVE, _NEXT, ""),
    (_LD, 0, _NEXT, _NEXT, ""),
    (_JEQ, 0x01000CCC, _NEXT, _LEAVE, ""),  # CDP's multicast address
    (_LDH, 4, _NEXT, _NEXT, ""),
    (_JEQ, 0xCCCC, _TAKE, _LEAVE, ""),
    (_LDB, 23, _NEXT, _NEXT, "ip"),
    (_JEQ, 17, _NEXT, _LEAVE, ""),  # UDP
    (_LDH, 20, _NEXT, _NEXT, ""),
    (_JSET, 0x1FFF, _LEAVE, _NEXT, ""),  # a later fragment
    (_LDX, 14, _NEXT, _NEXT, ""),
    (_LDHX, 16, _NEXT, _NEXT, ""),  # destination port
    *((_JEQ, port, _TAKE, _NEXT, "") for port in _PORTS),
    (_RET, 0, _NEXT, _NEXT, _LEAVE),
    (_RET, LARGEST, _NEXT, _NEXT, _TAKE),
)


def program() -> tuple[tuple[int, int, int, int], ...]:
    """(code, jump if true, jump if false, operand) of the kernel's filter; jumps count from the next instruction."""
    places = {name: i for i, (*_, name) in enumerate(_RULES) if name}

    def jump(here: int, name: str) -> int:
        return places[name] - here - 1 if name else 0

    return tuple(
        (code, jump(i, yes), jump(i, no), operand)
        for i, (code, operand, yes, no, _) in enumerate(_RULES)
    )


def listening(interface: str) -> socket.socket:
    """Raises `OSError` without the right to open a packet socket, or without the interface."""
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        code = b"".join(struct.pack("=HBBI", *op) for op in program())
        held = ctypes.create_string_buffer(code, len(code))
        packed = struct.pack("@HP", len(_RULES), ctypes.addressof(held))
        # Before it is bound to a protocol: nothing comes that did not pass the filter.
        opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, packed)
        index = socket.if_nametoindex(interface)
        member = struct.pack("iHH8s", index, _ALL_MULTICAST, 0, b"")
        opened.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, member)
        opened.bind((interface, _ETH_ALL))
    except OSError:
        opened.close()
        raise
    return opened


def main() -> int:
    try:
        first = json.loads(sys.stdin.buffer.readline(65536))
        heard = listening(str(first["interface"]))
        left = give_up()
    except (ValueError, KeyError, TypeError, OSError) as error:
        _say({"ready": False, "error": f"{type(error).__name__}: {error}"[:300]})
        return 1
    _say({"ready": True, "rights": left})
    second, count = 0, 0
    while True:
        ready, _, _ = select.select([heard, sys.stdin], [], [])
        if sys.stdin in ready and not os.read(sys.stdin.fileno(), 4096):
            return 0
        if heard not in ready:
            continue
        frame, where = heard.recvfrom(LARGEST)
        if where[2] == _OUTGOING:
            continue
        now = int(time.monotonic())
        second, count = (second, count + 1) if now == second else (now, 1)
        # A storm must not drown who listens to us.
        if count <= MOST_A_SECOND:
            _say({"at": time.time_ns() // 1000, "frame": frame.hex()})


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
