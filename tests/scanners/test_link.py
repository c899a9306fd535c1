"""Who is on the link, by the raw helper and without any right, on a small real network; the wire itself is the judge of both.

technician .1 | .2 answers | .3 answers ARP, drops ping | .4 twice (address conflict) | .5 gone, an old entry stays
              | .6 gone, a fixed entry | .7 there, but `never`
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent.model.scope import ScopeRule
from fixtures.lab.netns import NamespaceWorker

ROOT = Path(__file__).parents[2]
SCOPE = ScopeRule(allowed=("10.77.0.0/27",), never=("10.77.0.7",), actions=("sweep",))
HOSTS = ((2, 2), (3, 3), (4, 4), (4, 14), (7, 7))
"""(last octet of the address, of the MAC) of every machine that is there."""
ETH_ALL, ETH_ARP = 3, 0x0806
NO_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", "--")

pytestmark = [
    pytest.mark.root,
    pytest.mark.needs("ip", "nft", "nsenter", "setpriv"),
    pytest.mark.xdist_group("link"),
]


def mac(octet: int) -> str:
    return f"02:00:00:00:77:{octet:02x}"


def addr(octet: int) -> str:
    return f"10.77.0.{octet}"


@dataclass
class Frame:
    at_ns: int
    arp: bool
    target: str


@dataclass
class Net:
    worker: NamespaceWorker
    technician: int
    switch: int
    tap: socket.socket

    def look(self, *words: str, rights: bool, scope: ScopeRule = SCOPE) -> dict[str, Any]:
        drop = () if rights else NO_RIGHTS
        self.frames()
        done = subprocess.run(
            ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self.technician}", "--", *drop]
            + [sys.executable, "-m", "tests.scanners.link_child"]
            + [scope.model_dump_json(), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            cwd=ROOT,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["raw"] is rights
        assert found["address"] == addr(1)
        return found

    def remember(self, octet: int, state: str) -> None:
        """Put an entry into the technician's neighbour table."""
        line = f"neigh replace {addr(octet)} lladdr {mac(octet)} dev eth0 nud {state}\n"
        self.worker.command(self.technician, ["ip", "-batch", "-"], line)

    def frames(self) -> list[Frame]:
        """What the technician has sent since this was last asked: requests by ARP, and IP."""
        found: list[Frame] = []
        with contextlib.suppress(BlockingIOError):
            while True:
                data, extra, _, _ = self.tap.recvmsg(128, 128)
                if data[6:12].hex(":") != mac(1):
                    continue
                stamp = next((d for _, kind, d in extra if kind == _STAMP), b"\0" * 16)
                at = int.from_bytes(stamp[:8], "little") * 1_000_000_000
                at += int.from_bytes(stamp[8:16], "little")
                kind = int.from_bytes(data[12:14], "big")
                if kind == ETH_ARP and data[21] == 1:
                    found.append(Frame(at, True, socket.inet_ntoa(data[38:42])))
                elif kind == 0x0800:
                    found.append(Frame(at, False, socket.inet_ntoa(data[30:34])))
        return found


_STAMP = 35
"""SO_TIMESTAMPNS (asm-generic/socket.h): when the kernel saw the frame."""


def tap(port: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
    made.setsockopt(socket.SOL_SOCKET, _STAMP, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    made.bind((port, ETH_ALL))
    made.setblocking(False)
    return made


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    worker = NamespaceWorker()
    switch, technician, *machines = worker.create(2 + len(HOSTS))
    everyone = [switch, technician, *machines]
    for one in everyone:
        worker.sysctl(one, {"ipv6/conf/all/disable_ipv6": 1, "ipv6/conf/default/disable_ipv6": 1})
    lines = ["link add br0 type bridge mcast_snooping 0", "link set br0 up"]
    for number, (one, (_, m)) in enumerate(
        zip([technician, *machines], [(1, 1), *HOSTS], strict=True)
    ):
        lines += [
            f"link add p{number} type veth peer name eth0 address {mac(m)} netns /proc/self/fd/{one}",
            f"link set p{number} master br0 up",
        ]
    worker.command(switch, ["ip", "-batch", "-"], "\n".join(lines) + "\n", tuple(everyone))
    for one, (a, _) in zip([technician, *machines], [(1, 1), *HOSTS], strict=True):
        setup = f"link set lo up\naddr add {addr(a)}/24 dev eth0\nlink set eth0 up\n"
        worker.command(one, ["ip", "-batch", "-"], setup)
    worker.sysctl(machines[1], {"ipv4/icmp_echo_ignore_all": 1})
    listening = worker.within(switch, lambda: tap("p0"))
    made = Net(worker, technician, switch, listening)
    made.remember(5, "stale")
    made.remember(6, "permanent")
    yield made
    listening.close()
    worker.close()
    for one in everyone:
        os.close(one)


def check_wire(net: Net, found: dict[str, Any], arp_pps: int) -> None:
    frames = net.frames()
    assert frames
    assert {f.target for f in frames} <= set(SCOPE.hosts()) | {addr(1)}
    assert addr(7) not in {f.target for f in frames}
    for arp in (True, False):
        wire = Counter(f.target for f in frames if f.arp is arp)
        names = ("arp",) if arp else ("icmp", "udp")
        for target, packets in wire.items():
            counted = sum(found["sent"].get(f"{target} {n}", 0) for n in names)
            assert packets <= counted, f"{target}: {packets} on the wire, {counted} in the ledger"
    assert_paced(sorted(f.at_ns for f in frames if f.arp), arp_pps)


def assert_paced(times: list[int], pps: int) -> None:
    """In no 100 ms more than a tenth of the cap, and one. A busy machine may deliver late; a burst comes in no time at all."""
    most = -(-pps // 10) + 1
    for first, last in zip(times, times[most:], strict=False):
        assert last - first > 50_000_000, f"{most + 1} ARP requests in {(last - first) / 1e6} ms"


def test_by_the_raw_helper(net: Net) -> None:
    found = net.look(rights=True)
    assert found["arp"] == [
        [addr(2), mac(2)],
        [addr(3), mac(3)],
        [addr(4), mac(4)],
        [addr(4), mac(14)],
    ]
    assert [h for h, _ in found["icmp"]] == [addr(2), addr(4)]
    assert {t for _, t in found["icmp"]} == {64}
    assert found["alive"] == {
        h: "answered" if h in (addr(2), addr(3), addr(4)) else "silent"
        for h in SCOPE.hosts()
        if h != addr(1)
    }
    assert found["units"]["arp/10.77.0.0/27"] == ["done", ""]
    check_wire(net, found, 500)


def test_without_any_right_the_same_is_seen(net: Net) -> None:
    # Of a machine that is there, too, the kernel has but an old entry.
    net.remember(2, "stale")
    found = net.look(rights=False)
    heard = {h for h, _ in found["arp"]}
    # Of two machines that fight for one address the kernel may still be in doubt: then it was not asked, and never silent.
    doubt = 0 if addr(4) in heard else 1
    assert heard | {addr(4)} == {addr(2), addr(3), addr(4)}
    assert found["alive"][addr(4)] == ("error" if doubt else "answered")
    assert all(m in (mac(int(h.split(".")[3])), mac(14)) for h, m in found["arp"])
    # An old entry of a machine that is gone proves nothing; a fixed one makes the kernel ask nobody.
    assert found["alive"][addr(5)] == "silent"
    assert found["alive"][addr(6)] == "error"
    outcome, reason = found["units"]["neighbours/10.77.0.0/27"]
    assert outcome == "partial"
    assert f"{1 + doubt} errors" in reason
    check_wire(net, found, 500)


@pytest.mark.parametrize("rights", [True, False], ids=["raw", "plain"])
def test_quiet_is_ten_a_second(net: Net, rights: bool) -> None:
    scope = ScopeRule(allowed=("10.77.0.24/29",), actions=("sweep",))
    found = net.look("quiet", rights=rights, scope=scope)
    assert found["arp"] == []
    times = sorted(f.at_ns for f in net.frames() if f.arp)
    assert len(times) >= 6
    for first, last in zip(times, times[11:], strict=False):
        assert last - first > 950_000_000


def test_beyond_the_link_nobody_is_asked_by_arp(net: Net) -> None:
    """Silence there would mean nothing, and must not look like an answer."""
    scope = ScopeRule(allowed=("10.78.0.0/29", "10.77.0.0/29"), actions=("sweep",))
    for rights in (True, False):
        found = net.look(rights=rights, scope=scope)
        assert not [h for h in found["alive"] if h.startswith("10.78.")]
        assert not [f for f in net.frames() if f.target.startswith("10.78.")]


@pytest.mark.parametrize("rights", [True, False], ids=["raw", "plain"])
def test_pieces_of_one_link_share_its_cap(net: Net, rights: bool) -> None:
    pieces = tuple(f"10.77.0.{n}/27" for n in (64, 96, 128, 160, 192))
    scope = ScopeRule(allowed=pieces, actions=("sweep",))
    found = net.look(rights=rights, scope=scope)
    assert found["arp"] == []
    times = sorted(f.at_ns for f in net.frames() if f.arp)
    assert len(times) > 120
    assert_paced(times, 500)


@pytest.mark.parametrize("rights", [True, False], ids=["raw", "plain"])
@pytest.mark.parametrize("back", [True, False], ids=["and put back", "and left out"])
def test_a_cable_pulled_in_mid_sweep_makes_nobody_silent(
    net: Net, rights: bool, back: bool
) -> None:
    """The port of the switch goes down: no packet can leave, and no error comes back."""
    scope = ScopeRule(allowed=("10.77.0.0/25",), never=(addr(7),), actions=("sweep",))
    with ThreadPoolExecutor(1) as other:
        looking = other.submit(net.look, rights=rights, scope=scope)
        wait_for_arp(net, addr(9))
        net.worker.command(net.switch, ["ip", "link", "set", "p0", "down"])
        try:
            time.sleep(0.2)
            if back:
                net.worker.command(net.switch, ["ip", "link", "set", "p0", "up"])
            found = looking.result()
        finally:
            net.worker.command(net.switch, ["ip", "link", "set", "p0", "up"])
            # The tap is told once that its port went down; after that come the frames it still held.
            for _ in range(2):
                with contextlib.suppress(OSError):
                    net.frames()
    [(outcome, reason)] = [v for k, v in found["units"].items() if k.endswith("/10.77.0.0/25")][:1]
    assert outcome in ("partial", "failed")
    assert "eth0" in reason
    assert "silent" not in found["alive"].values()


def wait_for_arp(net: Net, target: str) -> None:
    until = time.monotonic() + 60
    while not any(f.target == target for f in net.frames()):
        assert time.monotonic() < until, "no ARP request"
        time.sleep(0.02)


def test_an_entry_that_stays_doubtful_is_no_answer(net: Net) -> None:
    """The kernel of this one checks old entries only after a minute: who is there cannot be told, and that is what is said."""
    wait = "ipv4/neigh/eth0/delay_first_probe_time"
    net.worker.sysctl(net.technician, {wait: 60})
    net.remember(5, "stale")
    scope = ScopeRule(allowed=("10.77.0.4/30",), actions=("sweep",))
    try:
        found = net.look("quiet", rights=False, scope=scope)
    finally:
        net.worker.sysctl(net.technician, {wait: 5})
    assert found["alive"] == {addr(5): "error", addr(6): "error"}
    assert found["arp"] == []
