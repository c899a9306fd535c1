"""`python -m tests.lan.cable A B`: the cable between two interfaces of this namespace, with delay and loss, and a meter on it.

Frames of A (the technician) go to B (all the machines) and back. Towards A each address gets a MAC of its own. Commands on stdin, one JSON
object a line: {"delay_s", "loss"} sets the cable (one way), {"read": true} prints what A has sent since the last time, per target.
Times are the kernel's (SO_TIMESTAMPNS), taken as a frame arrived: the meter cannot be late, only the cable.
"""

from __future__ import annotations

import json
import random
import select
import socket
import sys
import time
from collections import deque
from typing import Any

STAMP = 35
"""SO_TIMESTAMPNS (asm-generic/socket.h)."""
ALL = 3
Row = tuple[int, str]


def opened(name: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    made.setsockopt(socket.SOL_SOCKET, STAMP, 1)
    for option in (33, 32):  # SO_RCVBUFFORCE, SO_SNDBUFFORCE
        made.setsockopt(socket.SOL_SOCKET, option, 32 << 20)
    # What we send ourselves must not come back: PACKET_IGNORE_OUTGOING.
    made.setsockopt(263, 23, 1)
    made.bind((name, ALL))
    made.setblocking(False)
    return made


def told_apart(frame: bytes) -> tuple[str, bytes] | None:
    """(kind, target) of a frame that was sent to somebody; an answer to ARP is to nobody in particular."""
    kind = frame[12:14]
    if kind == b"\x08\x06" and frame[20:22] == b"\0\x01":
        return "arp", frame[38:42]
    if kind != b"\x08\0":
        return None
    protocol = {6: "tcp", 17: "udp", 1: "icmp"}.get(frame[23], "other")
    if protocol == "tcp":
        flags = frame[14 + (frame[14] & 15) * 4 + 13]
        protocol = "syn" if flags & 0x12 == 2 else "rst" if flags & 4 else "tcp"
    return protocol, frame[30:34]


def with_mac(frame: bytes) -> bytes:
    """As if each machine had a card of its own."""
    if frame[12:14] == b"\x08\x06":
        mac = b"\x02\x77" + frame[28:32]
        return frame[:6] + mac + frame[12:22] + mac + frame[28:]
    if frame[12:14] == b"\x08\0":
        return frame[:6] + b"\x02\x77" + frame[26:30] + frame[12:]
    return frame


def main() -> None:
    a, b = opened(sys.argv[1]), opened(sys.argv[2])
    their_mac = bytes.fromhex(sys.argv[3].replace(":", ""))
    chance = random.Random(int(sys.argv[4]) if len(sys.argv) > 4 else 1).random
    delay = loss = 0.0
    under_way: deque[tuple[float, socket.socket, bytes]] = deque()
    sent: dict[bytes, list[Row]] = {}
    lost = 0
    print("ready", flush=True)
    while True:
        now = time.monotonic()
        while under_way and under_way[0][0] <= now:
            _, to, frame = under_way.popleft()
            try:
                to.send(frame)
            except OSError:
                lost += 1
        wait = max(0.0, under_way[0][0] - now) if under_way else 1.0
        ready, _, _ = select.select([a, b, sys.stdin], [], [], wait)
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if not line:
                return
            command: dict[str, Any] = json.loads(line)
            delay, loss = command.get("delay_s", delay), command.get("loss", loss)
            if command.get("read"):
                rows = {socket.inet_ntoa(ip): times for ip, times in sent.items()}
                print(json.dumps({"sent": rows, "lost": lost}), flush=True)
                sent, lost = {}, 0
            else:
                print("{}", flush=True)
        for source in ready:
            if source is sys.stdin:
                continue
            assert isinstance(source, socket.socket)
            for _ in range(64):
                try:
                    frame, extra, _, _ = source.recvmsg(2048, 64)
                except BlockingIOError:
                    break
                if source is a:
                    if (what := told_apart(frame)) is not None:
                        stamp = extra[0][2]
                        at = int.from_bytes(stamp[:8], "little") * 10**9
                        at += int.from_bytes(stamp[8:16], "little")
                        sent.setdefault(what[1], []).append((at, what[0]))
                    if not frame[0] & 1:
                        frame = their_mac + frame[6:]
                else:
                    frame = with_mac(frame)
                if loss and chance() < loss:
                    lost += 1
                    continue
                under_way.append((time.monotonic() + delay, b if source is a else a, frame))


if __name__ == "__main__":
    main()
