"""A network in no time: the raw engine against machines made of bytes, with a clock of its own. Answers are built here by the RFCs, not by
the engine's code."""

from __future__ import annotations

import heapq
import itertools
import random
import socket
import struct
from collections import defaultdict
from dataclasses import dataclass, field

from agent.model.raw_caps import RawCaps
from scanners.raw_helper.engine import Engine
from scanners.raw_helper.frames import Frames
from scanners.raw_helper.work import Job

OWN, OWN_MAC, BASE = "10.0.0.1", "02:00:00:00:00:01", 61000
ETH_ARP, ETH_IP = b"\x08\x06", b"\x08\0"


@dataclass(frozen=True)
class Box:
    """A machine. `closed`: what a closed port does."""

    open: frozenset[int] = frozenset()
    closed: str = "rst"
    every: bool = False
    macs: int = 1
    rtt: float = 0.003


@dataclass
class Net:
    boxes: dict[str, Box]
    loss: float = 0.0
    seed: int = 1
    full: float = 0.0
    """Share of sends the card refuses."""
    mute: bool = True
    """Our kernel sends no resets: the engine does."""
    swallowed: set[tuple[str, int]] = field(default_factory=set)
    """(host, port) whose first SYN gets lost."""
    wire: dict[str, list[tuple[float, str]]] = field(default_factory=lambda: defaultdict(list))
    ended: list[tuple[str, int]] = field(default_factory=list)
    """(host, port) of each reset of the engine's."""
    _numbers: itertools.count[int] = field(default_factory=itertools.count)
    _coming: list[tuple[float, int, str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.events: list[tuple[object, ...]] = []
        self.sent: dict[str, list[int]] = {}

    def sweep(
        self,
        targets: dict[str, str | None],
        ports: tuple[int, ...],
        caps: RawCaps | None = None,
        *,
        first: int = 3,
        routed: bool = False,
        stop_at: float = 3600.0,
    ) -> tuple[Engine, float]:
        """Run one job to its end; gives the engine and how long it took."""
        engine = Engine(Frames(OWN_MAC, OWN, BASE, b"k" * 32), caps or RawCaps(), mute=self.mute)
        job = Job(1, ports, first, 5000.0, {p: i for i, p in enumerate(ports)})
        macs = {
            socket.inet_aton(t): None if m is None else bytes.fromhex(m.replace(":", ""))
            for t, m in targets.items()
        }
        engine.add(job, macs, routed)
        now = 0.0
        while engine.busy() and now < stop_at:
            while self._coming and self._coming[0][0] <= now:
                _at, _, kind, frame = heapq.heappop(self._coming)
                if kind == "arp":
                    engine.on_arp(frame, now)
                else:
                    engine.on_ip(frame, now)
            send, wake = engine.due(now)
            if not engine.busy():
                break
            if send is None:
                coming = self._coming[0][0] if self._coming else wake
                assert min(wake, coming) > now or self._coming, "nothing to wait for"
                now = max(now + 1e-6, min(wake, coming, now + 1.0))
            elif self.full and self.draw.random() < self.full:
                if not engine.refused(now):
                    engine.stop_all("full")
            else:
                if send.frame is None:
                    self._poked(socket.inet_ntoa(send.poke), now)
                else:
                    self._took(send.frame, now)
                now += 2e-5
                engine.left(now)
        self.events = list(job.events)
        self.sent = {socket.inet_ntoa(ip): row for ip, row in job.sent.items()}
        return engine, now

    def opened(self) -> set[tuple[str, int]]:
        return {
            (socket.inet_ntoa(e[1]), int(str(e[2])))
            for e in self.events
            if e[0] == "open" and isinstance(e[1], bytes)
        }

    def peak(self, host: str, window: float = 0.1) -> int:
        times = sorted(at for at, _ in self.wire[host])
        return max(
            (sum(1 for t in times if at <= t < at + window - 1e-9) for at in times), default=0
        )

    def _lost(self) -> bool:
        return self.loss > 0 and self.draw.random() < self.loss

    def _later(self, at: float, kind: str, frame: bytes) -> None:
        if not self._lost():
            heapq.heappush(self._coming, (at, next(self._numbers), kind, frame))

    def _poked(self, host: str, now: float) -> None:
        """The kernel asks by ARP, and sends the datagram when it is answered; lost, it asks again after a second."""
        self.wire[host].append((now, "arp"))
        box = self.boxes[host]
        for again in range(3):
            if not self._lost():
                at = now + again + box.rtt
                heapq.heappush(self._coming, (at, next(self._numbers), "arp", self._arp(host, 0)))
                self.wire[host].append((at, "udp"))
                return
            if again < 2:
                self.wire[host].append((now + again + 1, "arp"))

    def _took(self, frame: bytes, now: float) -> None:
        if frame[12:14] == ETH_ARP:
            host = socket.inet_ntoa(frame[38:42])
            self.wire[host].append((now, "arp"))
            box = self.boxes.get(host)
            if box is not None and not self._lost():
                for number in range(box.macs):
                    self._later(now + box.rtt + number * 1e-4, "arp", self._arp(host, number))
            return
        host = socket.inet_ntoa(frame[30:34])
        if frame[47] == 0x04:
            self.wire[host].append((now, "rst"))
            self.ended.append((host, int.from_bytes(frame[36:38], "big")))
            return
        self.wire[host].append((now, "syn"))
        box = self.boxes.get(host)
        if box is None or self._lost():
            return
        port = int.from_bytes(frame[36:38], "big")
        if (host, port) in self.swallowed:
            self.swallowed.discard((host, port))
            return
        accepts = box.every or port in box.open
        if not accepts and box.closed == "drop":
            return
        self._later(now + box.rtt, "ip", tcp_answer(frame, 0x12 if accepts else 0x14))
        if accepts and self._coming and not self.mute:
            self.wire[host].append((now + box.rtt, "rst"))

    def _arp(self, host: str, number: int) -> bytes:
        packed = socket.inet_aton(host)
        mac = bytes([2, 9, number]) + packed[1:]
        own = bytes.fromhex(OWN_MAC.replace(":", ""))
        return (
            own
            + mac
            + ETH_ARP
            + b"\0\1\x08\0\x06\4\0\2"
            + mac
            + packed
            + own
            + socket.inet_aton(OWN)
        )


def tcp_answer(syn: bytes, flags: int) -> bytes:
    """What a host sends back to *syn* (RFC 9293): acknowledges its number plus one."""
    ip, tcp = syn[14:34], syn[34:]
    ack = (int.from_bytes(tcp[4:8], "big") + 1) & 0xFFFFFFFF
    header = ip[:8] + b"\x40\x06\0\0" + ip[16:20] + ip[12:16]
    body = tcp[2:4] + tcp[0:2] + struct.pack("!IIBBHHH", 7, ack, 0x50, flags, 1024, 0, 0)
    return syn[6:12] + syn[0:6] + ETH_IP + header + body
