"""A link with many machines for wire tests and measurements: one namespace stands for all of them, real kernels on both sides.

technician 10.90.0.1/16 == cable (delay, loss, a MAC per address, a meter) == machines 10.90.x.y. What each machine lets in is an nft rule:
open ports are accepted by real listeners, others refused by RST or dropped.
"""

from __future__ import annotations

import ctypes
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from fixtures.lab.netns import NamespaceWorker

ROOT = Path(__file__).parents[2]
OWN = "10.90.0.1"
OWN_MAC, THEIR_MAC = "02:00:00:00:90:01", "02:00:00:00:90:02"
NO_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--")


@dataclass(frozen=True)
class Machine:
    """`drops`: silent on closed ports, else a RST. `pings`: answers ICMP echo. `everything`: every port is open."""

    open: frozenset[int] = frozenset()
    drops: bool = False
    pings: bool = True
    everything: bool = False


@dataclass(frozen=True)
class Metered:
    """What the technician sent: target -> (nanoseconds, kind)."""

    sent: Mapping[str, list[tuple[int, str]]]
    lost: int

    def count(self, *kinds: str, host: str | None = None) -> int:
        rows = [self.sent.get(host, [])] if host else self.sent.values()
        return sum(1 for r in rows for _, kind in r if not kinds or kind in kinds)

    def peak(
        self,
        window_s: float = 0.1,
        kinds: tuple[str, ...] = ("arp", "syn", "rst", "udp", "icmp"),
    ) -> tuple[int, str]:
        """(most initiating packets to one host in any window, which host)."""
        best, who = 0, ""
        for host, rows in self.sent.items():
            times = sorted(at for at, kind in rows if kind in kinds)
            first = 0
            for last, at in enumerate(times):
                while at - times[first] >= window_s * 1e9:
                    first += 1
                if last - first + 1 > best:
                    best, who = last - first + 1, host
        return best, who


@dataclass
class Lan:
    """Raises `fixtures.lab.netns.LabError` where namespaces cannot be made."""

    machines: Mapping[str, Machine]
    seed: int = 1
    worker: NamespaceWorker = field(default_factory=NamespaceWorker)
    _fds: list[int] = field(default_factory=list)
    _listeners: list[socket.socket] = field(default_factory=list)
    _cable: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self._fds = self.worker.create(3)
        self.technician, self.middle, self.crowd = self._fds
        for one in self._fds:
            off: dict[str, int | str] = {
                "ipv6/conf/all/disable_ipv6": 1,
                "ipv6/conf/default/disable_ipv6": 1,
            }
            self.worker.sysctl(one, off)
            self.worker.command(one, ["ip", "-batch", "-"], "link set lo up\n")
        ends = ((self.technician, "port0", OWN_MAC), (self.crowd, "port1", THEIR_MAC))
        lines = [
            f"link add {name} type veth peer name eth0 address {mac} netns /proc/self/fd/{one}\n"
            f"link set {name} up promisc on"
            for one, name, mac in ends
        ]
        self.worker.command(
            self.middle, ["ip", "-batch", "-"], "\n".join(lines) + "\n", tuple(self._fds)
        )
        setup = "link set eth0 up\naddr add {}/16 dev eth0\n"
        self.worker.command(self.technician, ["ip", "-batch", "-"], setup.format(OWN))
        self.worker.sysctl(self.crowd, {"ipv4/conf/all/rp_filter": 0})
        self.worker.sysctl(self.crowd, {"ipv4/tcp_max_syn_backlog": 8192, "core/somaxconn": 8192})
        addresses = [f"addr add {ip}/16 dev eth0" for ip in self.machines]
        self.worker.command(
            self.crowd, ["ip", "-batch", "-"], "\n".join([*addresses, "link set eth0 up"]) + "\n"
        )
        self.worker.command(self.crowd, ["nft", "-f", "-"], self._rules())
        ports = {p for m in self.machines.values() for p in m.open}
        self._listeners = self.worker.within(self.crowd, lambda: [_listener(p) for p in ports])
        for one in (self.technician, self.crowd):
            self.worker.within(one, _whole_checksums)
        self._start_cable()
        self.set(delay_s=0.0015, loss=0.0)
        return self

    def _rules(self) -> str:
        def named(hosts: Iterable[str]) -> str:
            return ", ".join(hosts) or "192.0.2.1"

        opened = [f"{ip} . {p}" for ip, m in self.machines.items() for p in m.open]
        silent = [ip for ip, m in self.machines.items() if m.drops]
        deaf = [ip for ip, m in self.machines.items() if not m.pings]
        every = [ip for ip, m in self.machines.items() if m.everything]
        first = min((p for m in self.machines.values() for p in m.open), default=1)
        return f"""
table ip t {{
  set opened {{ type ipv4_addr . inet_service; elements = {{ {named(opened) if opened else "192.0.2.1 . 1"} }} }}
  set silent {{ type ipv4_addr; elements = {{ {named(silent)} }} }}
  set deaf {{ type ipv4_addr; elements = {{ {named(deaf)} }} }}
  set every {{ type ipv4_addr; elements = {{ {named(every)} }} }}
  chain n {{ type nat hook prerouting priority -100;
    ip daddr @every tcp dport 1-65535 redirect to :{first}
  }}
  chain i {{ type filter hook input priority 0;
    ip daddr @every accept
    ip protocol icmp ip daddr @deaf drop
    ip daddr . tcp dport @opened accept
    ip daddr @silent drop
    meta l4proto tcp reject with tcp reset
  }}
}}
"""

    def _start_cable(self) -> None:
        enter = ("nsenter", f"--net=/proc/{os.getpid()}/fd/{self.middle}", "--")
        self._cable = subprocess.Popen(
            [
                *enter,
                sys.executable,
                "-m",
                "tests.lan.cable",
                "port0",
                "port1",
                THEIR_MAC,
                str(self.seed),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        assert self._cable.stdout is not None
        assert self._cable.stdout.readline() == "ready\n"

    def _ask(self, command: dict[str, Any]) -> Any:
        assert self._cable is not None and self._cable.stdin and self._cable.stdout
        self._cable.stdin.write(json.dumps(command) + "\n")
        self._cable.stdin.flush()
        return json.loads(self._cable.stdout.readline())

    def set(self, *, delay_s: float | None = None, loss: float | None = None) -> None:
        """Of the cable, one way."""
        given = {"delay_s": delay_s, "loss": loss}
        self._ask({k: v for k, v in given.items() if v is not None})

    def read(self) -> Metered:
        """What left since this was last asked."""
        found = self._ask({"read": True})
        rows = {ip: [(at, kind) for at, kind in r] for ip, r in found["sent"].items()}
        return Metered(rows, found["lost"])

    def command(self, argv: Sequence[str], *, rights: bool = True) -> list[str]:
        """*argv* as it is to be started to run where the technician stands."""
        enter = ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self.technician}", "--"]
        return [*enter, *(() if rights else NO_RIGHTS), *argv]

    def link(self, state: str) -> None:
        """Set the technician's card "up" or "down"."""
        self.worker.command(self.technician, ["ip", "-batch", "-"], f"link set eth0 {state}\n")

    def route(self, network: str, gateway: str) -> None:
        """*network* is reached through *gateway*, one of the machines, whose MAC the technician's kernel knows."""
        mac = ":".join(["02", "77", *(f"{int(n):02x}" for n in gateway.split("."))])
        words = f"neigh replace {gateway} lladdr {mac} dev eth0 nud permanent\n"
        words += f"route replace default via {gateway}\nroute replace {network} via {gateway}\n"
        self.worker.command(self.technician, ["ip", "-batch", "-"], words)

    def forget_neighbours(self) -> None:
        self.worker.command(self.technician, ["ip", "neigh", "flush", "all"])

    def __exit__(self, *_: object) -> None:
        if self._cable is not None:
            assert self._cable.stdin is not None
            self._cable.stdin.close()
            self._cable.kill()
            self._cable.wait()
            assert self._cable.stdout is not None
            self._cable.stdout.close()
        for one in self._listeners:
            one.close()
        self.worker.close()
        for fd in self._fds:
            os.close(fd)


def _whole_checksums() -> None:
    """The cable carries bytes: a checksum that was left for the card to fill in would stay wrong (ethtool(8), tx off)."""
    import fcntl

    value = ctypes.create_string_buffer(struct.pack("=II", 0x17, 0))  # ETHTOOL_STXCSUM
    request = struct.pack("16sP16x", b"eth0", ctypes.addressof(value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        fcntl.ioctl(asking, 0x8946, request)  # SIOCETHTOOL


def _listener(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind(("0.0.0.0", port))
    made.listen(4096)
    return made
