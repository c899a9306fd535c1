"""The nmap helper as a process of its own, against real nmap and a real listener on this machine."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS, ScopeRule
from scanners.nmap_helper.request import ALLOWED, ALWAYS, BadRequest, Request, parse

SCOPE = ScopeRule(allowed=("127.0.0.0/29",), never=("127.0.0.6",), actions=("sweep",))
ASK: dict[str, Any] = {"id": 1, "hosts": ["127.0.0.1"], "ports": [22]}


class Helper:
    def __init__(self) -> None:
        argv = [sys.executable, "-m", "scanners.nmap_helper"]
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def tell(self, line: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def hear(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found


@contextmanager
def helper(scope: ScopeRule = SCOPE) -> Generator[Helper]:
    made = Helper()
    try:
        made.tell(json.dumps({"scope": scope.model_dump(mode="json")}).encode())
        yield made
    finally:
        made.process.kill()
        made.process.communicate(timeout=30)


@contextmanager
def listener() -> Generator[tuple[int, socket.socket]]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1], server


@pytest.mark.needs("nmap")
def test_real_nmap_tells_open_from_closed() -> None:
    with listener() as (port, _), helper() as asked:
        assert asked.hear()["ready"]
        closed = port - 1 if port > 1025 else port + 1
        request = {**ASK, "hosts": ["127.0.0.1", "127.0.0.2"], "ports": [port, closed]}
        asked.tell(json.dumps(request).encode())
        first, second, done = asked.hear(), asked.hear(), asked.hear()
        assert (first["host"], second["host"]) == ("127.0.0.1", "127.0.0.2")
        states = {p["port"]: p["state"] for p in first["ports"]}
        assert states[port] == "open"
        assert states.get(closed, "closed") == "closed"
        assert all(p["state"] != "open" for p in second["ports"])
        assert done == {"id": 1, "done": True}


@pytest.mark.needs("nmap")
def test_what_is_not_allowed_is_refused_and_the_helper_goes_on() -> None:
    with helper() as asked:
        asked.hear()
        for line, words in [
            (b"\xff\xfe not json", "Error"),
            (b"[" * 100_000, "RecursionError"),
            (b"[1, 2]", "object"),
            (json.dumps({**ASK, "hosts": ["127.0.0.6"]}).encode(), "never"),
            (json.dumps({**ASK, "hosts": ["192.0.2.1"]}).encode(), "denied"),
            (json.dumps({**ASK, "hosts": ["localhost"]}).encode(), "denied"),
            (json.dumps({**ASK, "hosts": ["127.0.0.1 192.0.2.1"]}).encode(), "denied"),
            (json.dumps({**ASK, "arguments": ["--script=vuln"]}).encode(), "not on the list"),
            (json.dumps({**ASK, "ports": [9100], "arguments": ["-sV"]}).encode(), "no port"),
        ]:
            asked.tell(line)
            assert words in asked.hear()["error"], line[:80]
        with listener() as (port, _):
            asked.tell(json.dumps({**ASK, "id": 7, "ports": [port]}).encode())
            assert asked.hear()["ports"][0]["state"] == "open"


@pytest.mark.needs("nmap")
@pytest.mark.parametrize("how", [signal.SIGTERM])
def test_nmap_ends_with_the_helper(how: signal.Signals) -> None:
    """A service that never speaks keeps a version scan busy: a process that waits for it must not outlive us."""
    with listener() as (port, server), helper() as asked:
        asked.hear()
        request = {**ASK, "ports": [port], "arguments": ["-sV"], "timeout_s": 120}
        asked.tell(json.dumps(request).encode())
        server.settimeout(60)
        server.accept()[0].close()
        children = _children(asked.process.pid)
        assert children
        os.kill(asked.process.pid, how)
        asked.process.wait(30)
        until = time.monotonic() + 30
        while any(_alive(pid) for pid in children) and time.monotonic() < until:
            time.sleep(0.05)
        assert not any(_alive(pid) for pid in children)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(c) for c in (task / "children").read_text().split()]
    return found


def _alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_first_line_that_is_no_scope_ends_it_with_words() -> None:
    made = Helper()
    made.tell(b"{}")
    assert made.hear()["ready"] is False
    assert made.process.wait(30) == 1
    made.process.communicate()


def test_version_probes_never_reach_a_port_that_prints_or_controls() -> None:
    ports = sorted(RAW_PRINT_PORTS | OT_PORTS | {80})
    assert parse({**ASK, "ports": ports, "arguments": ["-sV"]}, SCOPE).ports == (80,)


def test_manners_are_always_there() -> None:
    options = parse({**ASK, "arguments": ["-sV", "--version-light"]}, SCOPE).options.split()
    assert options[: len(ALWAYS)] == list(ALWAYS)
    assert {"-n", "-Pn", "-sT", "--max-rate", "--host-timeout"} <= set(options)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=10,
)
_near = st.fixed_dictionaries(
    {},
    optional={
        "id": st.integers() | _json,
        "hosts": st.lists(st.sampled_from(["127.0.0.1", "127.0.0.6", "8.8.8.8", "-oN x"])) | _json,
        "ports": st.lists(st.integers(-5, 70000), max_size=5) | _json,
        "arguments": st.lists(st.sampled_from([*ALLOWED, "-oN", "--script"])) | _json,
        "timeout_s": st.integers(-5, 2000) | _json,
    },
)


@settings(deadline=None)
@given(_near | _json)
def test_any_request_is_carried_out_as_allowed_or_refused(raw: Any) -> None:
    try:
        request = parse(raw, SCOPE)
    except BadRequest:
        return
    assert isinstance(request, Request)
    assert all(SCOPE.judge(h) == "allowed" for h in request.hosts)
    assert set(request.arguments) <= ALLOWED
    assert all(0 < p < 65536 for p in request.ports)
