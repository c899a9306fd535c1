"""This machine's tables as the kernel prints them; anything else in their place is left out, never a crash."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engagement import here as module
from agent.engagement.here import Here, look, parse_arp, parse_ip_addr, parse_routes
from agent.model.scope import parse_range

ARP = """\
IP address       HW type     Flags       HW address            Mask     Device
192.168.7.1      0x1         0x2         00:00:5e:00:53:01     *        eth0
192.168.7.9      0x1         0x0         00:00:00:00:00:00     *        eth0
192.168.7.8      0x1         0x0         02:00:00:00:00:08     *        eth0
192.168.7.1      0x1         0x6         02:00:00:00:00:09     *        wlan0
"""
ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	0107A8C0	0003	0	0	100	00000000	0	0	0
wlan0	00000000	010110AC	0003	0	0	600	00000000	0	0	0
eth0	0007A8C0	00000000	0001	0	0	100	00FFFFFF	0	0	0
*	0000FEA9	00000000	0200	0	0	0	0000FFFF	0	0	0
eth1	0000000A	00000000	0000	0	0	0	000000FF	0	0	0
"""


def test_complete_neighbours_only() -> None:
    assert [(n.ip, n.mac, n.interface) for n in parse_arp(ARP)] == [
        ("192.168.7.1", "00:00:5e:00:53:01", "eth0"),
        ("192.168.7.1", "02:00:00:00:00:09", "wlan0"),
    ]
    here = Here(neighbours=parse_arp(ARP))
    assert here.mac_of("192.168.7.1", "wlan0") == "02:00:00:00:00:09"
    assert here.mac_of("192.168.7.9", "eth0") is None


def test_routes_that_are_up_the_preferred_gateway_first() -> None:
    here = Here(routes=parse_routes(ROUTES))
    assert [(r.interface, r.gateway) for r in here.gateways()] == [
        ("eth0", "192.168.7.1"),
        ("wlan0", "172.16.1.1"),
    ]
    assert [str(r.net) for r in here.routes] == ["0.0.0.0/0", "0.0.0.0/0", "192.168.7.0/24"]
    ways = {net: here.route_to(parse_range(net)[0]) for net in ("192.168.7.0/25", "10.0.0.0/8")}
    assert [str(r.net) if r else None for r in ways.values()] == ["192.168.7.0/24", "0.0.0.0/0"]


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200), st.binary(max_size=200))
def test_no_table_makes_a_crash(text: str, raw: bytes) -> None:
    parse_arp("\n" + text)
    parse_routes("\n" + text)
    parse_ip_addr(raw)


@settings(deadline=None, max_examples=60)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["flags", "addr_info", "local", "prefixlen", "link", "ifname"]),
                inner,
            )
        ),
    )
)
def test_no_json_of_another_form_makes_a_crash(value: object) -> None:
    parse_ip_addr(json.dumps(value).encode())
    parse_ip_addr(json.dumps([{"flags": ["UP"], "addr_info": [value, {"local": value}]}]).encode())


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(alphabet="0123456789ABCDEF-xg", max_size=10), min_size=8, max_size=9))
def test_no_route_line_makes_a_crash(parts: list[str]) -> None:
    parse_routes("head\neth0 " + " ".join(parts))


@pytest.mark.needs("ip")
def test_with_and_without_the_ip_command_the_same_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def v4(found: tuple[module.Interface, ...]) -> set[tuple[str, str]]:
        return {(i.name, a) for i in found for a in i.addresses if ":" not in a}

    with_ip = module.interfaces()
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert v4(module.interfaces()) == v4(with_ip)


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
    monkeypatch.setattr(sys, "platform", "win32")
    assert "on Linux only" in look().problem
