"""The raw helper as a process of its own, in a namespace with one real card: what it refuses, what it has left, when it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.model.scope import ScopeRule
from fixtures.lab.netns import NamespaceWorker

ROOT = Path(__file__).parents[2]
SCOPE = ScopeRule(allowed=("10.79.0.0/24",), never=("10.79.0.9",), actions=("sweep",))
FIRST: dict[str, Any] = {
    "interface": "eth0",
    "source_ip": "10.79.0.1",
    "scope": SCOPE.model_dump(mode="json"),
}
PEER = "02:00:00:00:79:02"
ASK: dict[str, Any] = {"id": 1, "op": "arp", "targets": ["10.79.0.2"], "rate": 200}
CLIENT = """
import asyncio, contextlib, json, os, socket, sys
from agent.contract import OutOfScope, RawError
from agent.model.run import Vantage
from agent.model.scope import ScopeRule
from agent.net.raw_port import RawHelper

scope = ScopeRule.model_validate_json(sys.argv[1])
where = Vantage(site="s", host="x", interface="eth0", address="10.79.0.1", mode="raw")
many = tuple(f"10.79.0.{n}" for n in range(20, 250))

async def main():
    helper = await RawHelper.start(scope, where)
    say = lambda what: print(json.dumps(what), flush=True)
    pid = lambda: helper._process.pid
    say(pid())
    await globals()[sys.argv[2]](helper, say, pid)
    await helper.close()

async def busy(helper, say, pid):
    # Its sweep takes a minute: it sits there, and does not wait for our next word.
    await helper.arp("eth0", "10.79.0.1", many, 8)

async def refused(helper, say, pid):
    for target in ("10.79.0.9", "192.0.2.1", "example.org"):
        with contextlib.suppress(OutOfScope):
            await helper.arp("eth0", "10.79.0.1", (target,), 200)
            say("sent")
        with contextlib.suppress(OutOfScope):
            await helper.icmp("eth0", "10.79.0.1", {target: "02:00:00:00:79:02"}, 200)
            say("sent")
    say({h: list(m) for h, m in (await helper.arp("eth0", "10.79.0.1", ("10.79.0.2",), 200)).items()})

async def cancelled(helper, say, pid):
    beside = asyncio.create_task(helper.arp("eth0", "10.79.0.1", ("10.79.0.2", "10.79.0.3"), 200))
    task = asyncio.create_task(helper.arp("eth0", "10.79.0.1", many, 10))
    await asyncio.sleep(0.5)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    # Who was stopped does not take the others along.
    say({h: list(m) for h, m in (await beside).items()})
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as wire:
        wire.bind(("eth0", 3))
        wire.setblocking(False)
        await asyncio.sleep(0.5)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += wire.recv(64)[12:14] == b"\\x08\\x06"
        say(sent)
    say({h: list(m) for h, m in (await helper.arp("eth0", "10.79.0.1", ("10.79.0.2",), 200)).items()})
    say(pid())

async def killed(helper, say, pid):
    os.kill(pid(), 9)
    with contextlib.suppress(RawError):
        await helper.arp("eth0", "10.79.0.1", ("10.79.0.2",), 200)
    say({h: list(m) for h, m in (await helper.arp("eth0", "10.79.0.1", ("10.79.0.2",), 200)).items()})

asyncio.run(main())
"""

pytestmark = [
    pytest.mark.root,
    pytest.mark.needs("ip", "nsenter", "setpriv"),
    pytest.mark.xdist_group("raw-helper"),
]


class Start:
    """Starts programs where a card eth0 with 10.79.0.1 has one peer, 10.79.0.2; with `there`, on that peer's side."""

    def __init__(self, worker: NamespaceWorker, mine: int, theirs: int) -> None:
        self._worker, self._mine, self._theirs = worker, mine, theirs
        self.started: list[subprocess.Popen[bytes]] = []

    def __call__(
        self, *argv: str, drop: str = "", there: bool = False, **env: str
    ) -> subprocess.Popen[bytes]:
        rights = ("setpriv", f"--bounding-set={drop}", "--") if drop else ()
        where = self._theirs if there else self._mine
        enter = ("nsenter", f"--net=/proc/{os.getpid()}/fd/{where}", "--")
        process = subprocess.Popen(
            [*enter, *rights, sys.executable, *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, **env},
        )
        self.started.append(process)
        return process

    def link(self, state: str) -> None:
        """Set eth0 up or down, and wait until the kernel says it carries (linkwatch takes up to a second)."""
        self._worker.command(self._mine, ["ip", "link", "set", "eth0", state])
        enter = ("nsenter", f"--net=/proc/{os.getpid()}/fd/{self._mine}", "--")
        until = time.monotonic() + 10
        while state == "up" and time.monotonic() < until:
            told = subprocess.run([*enter, "ip", "link", "show", "eth0"], capture_output=True)
            if b"LOWER_UP" in told.stdout and b"state UP" in told.stdout:
                return
            time.sleep(0.05)


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    worker = NamespaceWorker()
    mine, theirs = worker.create(2)
    for one in (mine, theirs):
        worker.sysctl(one, {"ipv6/conf/all/disable_ipv6": 1, "ipv6/conf/default/disable_ipv6": 1})
    cable = f"link add eth0 type veth peer name eth0 address {PEER} netns /proc/self/fd/{theirs}\n"
    worker.command(mine, ["ip", "-batch", "-"], cable, (theirs,))
    for one, address in ((mine, "10.79.0.1"), (theirs, "10.79.0.2")):
        worker.command(
            one, ["ip", "-batch", "-"], f"addr add {address}/24 dev eth0\nlink set eth0 up\n"
        )
    begin = Start(worker, mine, theirs)
    yield begin
    for process in begin.started:
        process.kill()
        process.communicate()
    worker.close()
    for one in (mine, theirs):
        os.close(one)


def tell(process: subprocess.Popen[bytes], line: Any) -> None:
    assert process.stdin is not None
    process.stdin.write((line if isinstance(line, bytes) else json.dumps(line).encode()) + b"\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


def answer(process: subprocess.Popen[bytes]) -> Any:
    """All that is told about one request, as one: {"id", "found"} or {"id", "error"}."""
    found: dict[str, Any] = {}
    while True:
        line = hear(process)
        for kind, host, *rest in line.get("news", ()):
            if kind == "mac":
                found.setdefault(host, []).append(rest[0])
            elif kind == "echo":
                found[host] = rest
        if "error" in line:
            return line
        if "done" in line:
            return {"id": line["id"], "found": found}


@contextmanager
def helper(start: Start, wire: str = "") -> Generator[subprocess.Popen[bytes]]:
    process = start("-m", "scanners.raw_helper")
    try:
        tell(process, {**FIRST, "wire": wire})
        assert hear(process) == {"ready": True, "rights": "none"}
        yield process
    finally:
        process.kill()
        process.wait()


def status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {k: v.strip() for k, _, v in (line.partition(":") for line in lines)}


def gone(pid: int) -> bool:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            if status(pid)["State"].startswith("Z"):
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("wire", ["", "pcap"])
def test_answers_and_has_no_right_left(start: Start, wire: str) -> None:
    with helper(start, wire) as process:
        found = status(process.pid)
        assert set(found["Uid"].split()) == set(found["Gid"].split()) == {"65534"}
        assert found["Groups"] == ""
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(found[name], 16) == 0, name
        assert found["NoNewPrivs"] == "1"
        tell(process, ASK)
        assert answer(process) == {"id": 1, "found": {"10.79.0.2": [PEER]}}
        tell(process, {**ASK, "id": 2, "op": "icmp", "macs": {"10.79.0.2": PEER}})
        told = answer(process)
        assert told["id"] == 2
        ttl, rtt = told["found"]["10.79.0.2"]
        assert ttl == 64
        assert 0 <= rtt < 60_000_000


@pytest.mark.parametrize("wire", ["", "pcap"])
def test_both_wires_tell_the_same_of_ports(start: Start, wire: str) -> None:
    """What Npcap is to Windows, libpcap is here: the same library through the same calls."""
    listening = "import socket; s = socket.create_server(('10.79.0.2', 8443)); print('up', flush=True); input()"
    peer = start("-c", listening, there=True)
    assert peer.stdout is not None
    assert peer.stdout.readline() == b"up\n"
    with helper(start, wire) as process:
        sweep = {"op": "sweep", "targets": {"10.79.0.2": PEER}, "ports": [22, 8443], "first": 2}
        tell(process, {"id": 5, **sweep})
        news: list[list[Any]] = []
        while "done" not in (line := hear(process)):
            news += line.get("news", ())
        assert [n for n in news if n[0] == "open"] == [["open", "10.79.0.2", 8443]]
        assert [n[2] for n in news if n[0] == "host"] == [[1, 1, 0, 0, 0]]
    peer.kill()
    peer.wait()


@pytest.mark.parametrize("wire", ["", "pcap"])
def test_a_card_that_goes_down_in_between_is_said_within_seconds(start: Start, wire: str) -> None:
    with helper(start, wire) as process:
        many = [f"10.79.0.{n}" for n in range(20, 250)]
        tell(process, {**ASK, "targets": many, "rate": 10})
        time.sleep(0.5)
        start.link("down")
        try:
            told = answer(process)
        finally:
            start.link("up")
        assert "eth0 went down" in told["error"]
        tell(process, {**ASK, "id": 2})
        assert answer(process) == {"id": 2, "found": {"10.79.0.2": [PEER]}}


def test_where_it_may_not_change_its_user_it_has_no_right_left_either(start: Start) -> None:
    """As in a container whose root lacks CAP_SETUID."""
    process = start("-m", "scanners.raw_helper", drop="-setuid,-setgid")
    tell(process, FIRST)
    assert hear(process)["ready"]
    found = status(process.pid)
    assert found["Uid"].split()[0] == "0"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(found[name], 16) == 0, name
    tell(process, ASK)
    assert answer(process)["found"] == {"10.79.0.2": [PEER]}


@pytest.mark.parametrize("target", ["10.79.0.9", "192.0.2.1", "10.79.0.255", "localhost", "::1"])
@pytest.mark.parametrize("op", ["arp", "icmp"])
def test_the_program_itself_checks_the_scope(start: Start, op: str, target: str) -> None:
    with helper(start) as process:
        more = {"op": op, "targets": ["10.79.0.2", target], "macs": {target: PEER}}
        tell(process, {**ASK, **more})
        told = answer(process)
        assert set(told) == {"id", "error"}
        assert target in told["error"]


def test_our_end_checks_the_scope_before_it_asks(start: Start) -> None:
    process = start("-c", CLIENT, SCOPE.model_dump_json(), "refused")
    hear(process)
    assert hear(process) == {"10.79.0.2": [PEER]}
    assert process.wait(60) == 0


BAD: tuple[bytes, ...] = (
    b"",
    b"null",
    b"[]",
    b"\xff\xfe\x00",
    "null".encode("utf-16-le"),
    "null".encode("utf-32-be"),
    b"[" * 200_000,
    b'{"id": 1}',
    b'{"id": 1, "op": "arp", "targets": ["10.79.0.2"], "rate": 1e999}',
    b'{"id": 1, "op": "arp", "targets": ["10.79.0.2"], "rate": null}',
    b'{"id": 1, "op": "arp", "targets": 7, "rate": 1}',
    b'{"id": 1, "op": "rm", "targets": ["10.79.0.2"], "rate": 1}',
    b'{"id": 1, "op": "icmp", "targets": ["10.79.0.2"], "macs": {"10.79.0.2": "zz"}, "rate": 9}',
    b'{"id": 1, "op": "icmp", "targets": ["10.79.0.2"], "macs": {"10.79.0.2": "02:00"}, "rate": 9}',
    b'{"id": 1, "op": "icmp", "targets": ["10.79.0.2"], "macs": ["10.79.0.2"], "rate": 9}',
    b'{"id": 1, "op": "icmp", "targets": ["10.79.0.2"], "rate": 9}',
    json.dumps({**ASK, "targets": ["10.79.0.2"] * 100_000}).encode(),
    b"A" * (9 * 1024 * 1024),
)


def test_no_line_ends_it(start: Start) -> None:
    with helper(start) as process:
        for number, line in enumerate(BAD, start=100):
            tell(process, line)
            told = answer(process)
            assert "error" in told, line[:80]
            assert len(told["error"]) <= 400
            tell(process, {**ASK, "id": number})
            assert answer(process) == {"id": number, "found": {"10.79.0.2": [PEER]}}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    lines=st.lists(
        st.binary(max_size=60).map(lambda b: b.replace(b"\n", b"x"))
        | _json.map(lambda v: json.dumps(v).encode())
        | st.fixed_dictionaries(
            {"id": _json, "op": st.sampled_from(["arp", "icmp"]) | _json, "targets": _json},
            optional={"rate": _json, "macs": _json},
        ).map(lambda v: json.dumps(v).encode()),
        min_size=1,
        max_size=8,
    )
)
def test_any_line_is_answered(start: Start, lines: list[bytes]) -> None:
    process = _kept(start)
    for line in lines:
        tell(process, line)
        told = answer(process)
        # An empty list of targets is a request like another; nothing else here can be carried out.
        assert "error" in told or told["found"] == {}, line


_RUNNING: list[subprocess.Popen[bytes]] = []


def _kept(start: Start) -> subprocess.Popen[bytes]:
    """One helper for all examples: it must outlive each of them. Once one has ended it, another takes over, so that it can be found."""
    if not _RUNNING or _RUNNING[-1].poll() is not None:
        process = start("-m", "scanners.raw_helper")
        tell(process, FIRST)
        hear(process)
        _RUNNING.append(process)
    return _RUNNING[-1]


@pytest.mark.parametrize(
    "first",
    [
        {},
        {**FIRST, "interface": "../../eth0"},
        {**FIRST, "interface": "lo"},
        {**FIRST, "source_ip": "none"},
        {**FIRST, "scope": {"allowed": ["all"]}},
        b"nothing",
    ],
)
def test_a_bad_beginning_is_said_and_ends_it(start: Start, first: Any) -> None:
    process = start("-m", "scanners.raw_helper")
    tell(process, first)
    told = hear(process)
    assert told["ready"] is False
    assert told["error"]
    assert process.wait(30) == 1


def test_it_ends_with_its_parent_however_that_ends(start: Start) -> None:
    process = start("-c", CLIENT, SCOPE.model_dump_json(), "busy")
    pid = hear(process)
    assert status(pid)["Uid"].split()[0] == "65534"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert gone(pid)


def test_it_is_told_no_secret_of_its_parent(start: Start) -> None:
    process = start("-c", CLIENT, SCOPE.model_dump_json(), "busy", SNMP_SECRET="canary-7f3a")
    pid = hear(process)
    environment = Path(f"/proc/{pid}/environ").read_bytes()
    assert b"canary-7f3a" not in environment
    assert b"canary-7f3a" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    process.kill()
    assert gone(pid)


def test_a_request_that_is_given_up_sends_nothing_more(start: Start) -> None:
    process = start("-c", CLIENT, SCOPE.model_dump_json(), "cancelled")
    first = hear(process)
    assert hear(process) == {"10.79.0.2": [PEER]}
    assert hear(process) == 0
    assert hear(process) == {"10.79.0.2": [PEER]}
    assert hear(process) == first
    assert process.wait(60) == 0


def test_one_that_was_killed_is_started_again(start: Start) -> None:
    process = start("-c", CLIENT, SCOPE.model_dump_json(), "killed")
    first = hear(process)
    assert hear(process) == {"10.79.0.2": [PEER]}
    assert gone(first)
    assert process.wait(60) == 0
