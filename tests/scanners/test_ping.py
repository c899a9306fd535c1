"""Echo without privileges: by the kernel's ping sockets, in a network namespace of our own where they are allowed or not."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanners.ping import ttl_of

ROOT = Path(__file__).parents[2]
CHILD = """
import asyncio, json
from agent.model.bodies import ArpEntry, IcmpEcho
from scanners.ping import Ping, allowed
from tests.agent.net.peers import NET, NEVER, context, run_unit
mac = ArpEntry(mac="00:11:22:33:44:55")
seen = [(f"{NET}.{n}", mac) for n in (2, 3, 9)]
ctx = context(seen, on_link=(f"{NET}.0/24",), mode="unprivileged")
books = asyncio.run(run_unit(Ping(), ctx))
print(json.dumps({
    "allowed": allowed(),
    "found": {s.value.rpartition(".")[2]: b.ttl for s, b in books.bodies if isinstance(b, IcmpEcho)},
    "asks": [[s.value.rpartition(".")[2], o] for _, s, o in books.asks],
    "sent": {t.rpartition(".")[2]: n for (t, _), n in books.packets.items()},
}))
"""


def ping(group_range: str, *more: str) -> dict[str, Any]:
    """Run the probe in a new network namespace; *more* is run before it."""
    steps = [
        "ip link set lo up",
        f"echo '{group_range}' > /proc/sys/net/ipv4/ping_group_range",
        *more,
    ]
    steps.append('exec "$0" -c "$1"')
    done = subprocess.run(
        ["unshare", "--net", "sh", "-ec", "; ".join(steps), sys.executable, CHILD],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.root
@pytest.mark.needs("unshare", "ip")
def test_who_answers_is_heard_and_who_is_never_is_not_asked() -> None:
    told = ping("0 2147483647")
    assert told == {
        "allowed": True,
        "found": {"2": 64, "3": 64},
        "asks": [["2", "answered"], ["3", "answered"]],
        "sent": {"2": 1, "3": 1},
    }


@pytest.mark.root
@pytest.mark.needs("unshare", "ip")
def test_who_does_not_answer_is_asked_twice_and_silent() -> None:
    told = ping("0 2147483647", "echo 1 > /proc/sys/net/ipv4/icmp_echo_ignore_all")
    assert told["asks"] == [["2", "silent"], ["3", "silent"]]
    assert told["sent"] == {"2": 2, "3": 2}


@pytest.mark.root
@pytest.mark.needs("unshare", "ip")
def test_who_could_not_be_asked_was_not_silent() -> None:
    """No route to one of them: nothing was sent, so its silence says nothing."""
    told = ping("0 2147483647", "ip route add unreachable 127.91.$(($$ % 251)).3 table local")
    assert told["asks"] == [["2", "answered"], ["3", "error"]]


@pytest.mark.root
@pytest.mark.needs("unshare", "ip")
def test_where_the_kernel_does_not_allow_it_nothing_is_planned() -> None:
    told = ping("1 0")
    assert told == {"allowed": False, "found": {}, "asks": [], "sent": {}}


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12), st.binary(max_size=8)), max_size=5)
)
def test_any_control_messages(extra: list[tuple[int, int, bytes]]) -> None:
    ttl = ttl_of(extra)
    assert ttl is None or 0 <= ttl <= 255
