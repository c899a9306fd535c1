"""This machine's tables as `ip -json` prints them; anything else in their place is left out, never a crash."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engagement.here import Here, look
from agent.model.scope import parse_range
from agent.net.interfaces import (
    CannotLook,
    Way,
    parse_interfaces,
    parse_neighbours,
    parse_routes,
    parse_way,
)

NEIGHBOURS = [
    {"dst": "192.168.7.1", "dev": "eth0", "lladdr": "00:00:5E:00:53:01", "state": ["STALE"]},
    {"dst": "192.168.7.9", "dev": "eth0", "state": ["INCOMPLETE"]},
    {"dst": "192.168.7.8", "dev": "eth0", "lladdr": "02:00:00:00:00:08", "state": ["FAILED"]},
    {"dst": "192.168.7.1", "dev": "wlan0", "lladdr": "02:00:00:00:00:09", "state": ["PERMANENT"]},
    {"dst": "fe80::1", "dev": "eth0", "lladdr": "00:00:5e:00:53:01", "state": ["REACHABLE"]},
]
ROUTES = [
    {"dst": "default", "gateway": "172.16.1.1", "dev": "wlan0", "metric": 600, "flags": []},
    {"dst": "default", "gateway": "192.168.7.1", "dev": "eth0", "metric": 100, "flags": []},
    {"dst": "192.168.7.0/24", "dev": "eth0", "metric": 100, "flags": []},
    {"dst": "default", "dev": "wg0", "table": "51820", "flags": []},
    {"type": "blackhole", "dst": "169.254.0.0/16", "flags": []},
    {"dst": "10.0.0.0/8", "dev": "eth1", "flags": ["linkdown"]},
    {"type": "local", "dst": "192.168.7.20", "dev": "eth0", "table": "local", "flags": []},
]


def test_the_mac_of_a_neighbour_that_answers() -> None:
    here = Here(neighbours=parse_neighbours(NEIGHBOURS))
    assert here.mac_of("192.168.7.1", "eth0") == "00:00:5e:00:53:01"
    assert here.mac_of("192.168.7.1", "wlan0") == "02:00:00:00:00:09"
    assert here.mac_of("192.168.7.8", "eth0") is None
    assert here.mac_of("192.168.7.9", "eth0") is None
    assert here.mac_of("fe80::1", "eth0") == "00:00:5e:00:53:01"


def test_routes_that_are_up_the_preferred_gateway_first() -> None:
    here = Here(routes=parse_routes(ROUTES))
    assert [(r.interface, r.gateway) for r in here.gateways()] == [
        ("eth0", "192.168.7.1"),
        ("wlan0", "172.16.1.1"),
    ]
    assert {str(r.net) for r in here.routes} == {"0.0.0.0/0", "192.168.7.0/24"}
    ways = {
        net: dict(here.ways_to(parse_range(net)[0])) for net in ("192.168.7.0/25", "10.0.0.0/8")
    }
    assert ways["192.168.7.0/25"] == {"192.168.7.1": Way("eth0"), "192.168.7.126": Way("eth0")}
    assert set(ways["10.0.0.0/8"].values()) == {Way("eth0", "192.168.7.1")}


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from(["default", "10.0.0.0/8"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "flags",
                    "addr_info",
                    "local",
                    "prefixlen",
                    "link",
                    "ifname",
                    "dst",
                    "dev",
                    "gateway",
                    "metric",
                    "type",
                    "state",
                    "lladdr",
                ]
            ),
            inner,
        )
    ),
)


@settings(deadline=None, max_examples=200)
@given(JSON)
def test_no_json_of_another_form_makes_a_crash(value: object) -> None:
    for rows in (value, [value], [{"addr_info": [value, {"local": value}], "dst": "10.0.0.1"}]):
        parse_interfaces(rows)
        parse_routes(rows)
        parse_neighbours(rows)
        try:
            parse_way(rows)
        except CannotLook:
            continue


@pytest.mark.needs("ip")
def test_looking_opens_no_connection_and_sends_nothing() -> None:
    """Seen by the interpreter's own audit of sockets in a fresh process."""
    program = (
        "import sys\nevents = []\n"
        "sys.addaudithook(lambda e, a: events.append(e) if e in"
        " ('socket.connect', 'socket.sendto', 'socket.sendmsg', 'socket.bind') else None)\n"
        "from agent.engagement.here import look\nprint(bool(look().problem), events)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=dict(os.environ),
    )
    assert done.stdout.strip() == "False []"


def test_other_systems_say_that_they_cannot_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "on Linux and Windows, not on darwin" in look().problem


def test_without_ip_it_says_what_could_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    assert "policy rules can be read" in look().problem and "iproute2" in look().problem


@pytest.fixture
def standing() -> Iterator[str]:
    """A machine at 192.168.7.20 behind 192.168.7.1, as `wg-quick` leaves it: rules that send what is off the link into the tunnel."""
    name = f"ho-here-{os.getpid()}"

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)

    ip("netns", "add", name)
    try:
        for words in (
            "link set lo up",
            "link add lan0 type veth peer name wall0",
            "link set wall0 up",
            "addr add 192.168.7.20/24 dev lan0",
            "link set lan0 up",
            "route add default via 192.168.7.1",
            "neigh add 192.168.7.1 lladdr 00:00:5e:00:53:01 dev lan0",
            "link add wg0 type veth peer name far0",
            "link set far0 up",
            "addr add 10.66.0.2/32 dev wg0",
            "link set wg0 up",
        ):
            ip("-n", name, *words.split())
        yield name
    finally:
        ip("netns", "del", name)


GATE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from agent.engagement.engagement import load_engagement
from agent.engagement.gate import gate
from agent.engagement.problems import Refusal
try:
    place = gate(load_engagement(Path(sys.argv[1])), "usine", datetime(2026, 3, 2, 9, 0, tzinfo=UTC)).place
except Refusal as refusal:
    print(refusal.code, refusal.message)
else:
    print(place.interface, place.gateway_mac)
"""


@pytest.mark.root
@pytest.mark.needs("ip")
def test_policy_rules_that_lead_into_a_tunnel_are_found(tmp_path: Path, standing: str) -> None:
    from tests.agent.engagement.sample import folder

    def said() -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", standing, sys.executable, "-c", GATE, str(folder(tmp_path))],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return done.stdout.strip()

    def ip(words: str) -> None:
        subprocess.run(["ip", "-n", standing, *words.split()], check=True, timeout=20)

    assert said() == "lan0 00:00:5e:00:53:01"
    # The two rules of wg-quick(8).
    ip("route add default dev wg0 table 51820")
    ip("rule add not fwmark 51820 table 51820")
    ip("rule add table main suppress_prefixlength 0")
    assert said().startswith("4 packets to 192.168.8.0/24 would leave by wg0, not by lan0")
    # A tunnel for a middle part of one network only: neither its first nor its last address goes there.
    ip("rule del not fwmark 51820 table 51820")
    assert said() == "lan0 00:00:5e:00:53:01"
    ip("route add 192.168.8.64/26 dev wg0 table 7")
    ip("rule add table 7")
    assert said().startswith("4 packets to 192.168.8.0/24 would leave by wg0")
