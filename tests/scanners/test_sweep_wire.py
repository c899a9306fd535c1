"""The sweep on a real link: raw and unprivileged see the same, and the wire (not our own ledger) is the judge of what was sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from agent.catalogs.port_sets import port_set
from tests.lan.lan import OWN, Lan, Machine, Metered
from tests.lan.small import look, truth

pytestmark = [
    pytest.mark.root,
    pytest.mark.needs("ip", "nft", "nsenter", "setpriv"),
    pytest.mark.xdist_group("lan"),
]
OURS = ("arp", "syn", "udp", "icmp")
"""What we begin ourselves; the resets our kernel sends to open ports have a test of their own."""
NET = "10.90.0.0/27"
PRINTER, LIAR = "10.90.0.20", "10.90.0.21"
MACHINES = {
    "10.90.0.2": Machine(frozenset({22, 80, 443})),
    "10.90.0.3": Machine(frozenset({445, 3389}), drops=True, pings=False),
    "10.90.0.4": Machine(),
    "10.90.0.5": Machine(drops=True, pings=False),
    "10.90.0.6": Machine(frozenset({22, 23, 80, 443, 445, 3389}), drops=True),
    PRINTER: Machine(frozenset({80, 9100})),
    LIAR: Machine(everything=True),
}
KNOWN = truth(MACHINES) | {(LIAR, p) for p in port_set()}


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan(MACHINES) as made:
        yield made


def within_ledger(wire: Metered, sent: dict[str, int]) -> None:
    for host, rows in wire.sent.items():
        if host != OWN:
            assert len(rows) <= sent.get(host, 0), f"{host}: more on the wire than in the ledger"


def test_raw_and_unprivileged_say_the_same(lan: Lan) -> None:
    found: dict[bool, dict[str, Any]] = {}
    for rights in (True, False):
        lan.read()
        mine = found[rights] = look(lan, rights=rights, how="probes", nets=[NET])
        wire = lan.read()
        assert mine["raw"] is rights
        assert mine["open"] == KNOWN
        within_ledger(wire, mine["sent"])
        assert wire.peak(kinds=OURS)[0] <= 5, wire.peak(kinds=OURS)
        # No connection is completed by the raw engine: what it found open is not connected to again.
        assert bool(wire.count("tcp")) is not rights
    for part in ("asks", "answers", "macs"):
        assert found[True][part] == found[False][part], part
    assert found[True]["asks"]["10.90.0.4"] == "negative"
    assert found[True]["asks"]["10.90.0.5"] == "silent"
    assert found[True]["answers"] == ["10.90.0.4"]
    outcome, reason, caps = found[True]["units"][f"tcp_ports/{LIAR}"]
    assert (outcome, caps) == ("partial", ["every-port-open"]), reason


def test_what_is_told_is_what_left(lan: Lan) -> None:
    """To the packet, for what is crafted and for the resets of our own kernel."""
    lan.read()
    found = look(lan, how="sweep", nets=[NET])
    wire = lan.read()
    assert found["open"] == KNOWN
    for host, (arp, udp, _, tcp) in found["sent"].items():
        assert tcp == wire.count("syn", "rst", host=host), host
        assert udp == wire.count("udp", host=host), host
        assert arp >= wire.count("arp", host=host), host
    assert wire.peak()[0] <= 5, wire.peak()


def test_every_open_port_is_ended_by_one_reset_within_the_cap(lan: Lan) -> None:
    """Ours, not the kernel's: it leaves when the cap of its host lets it, on a machine that is busy, too."""
    hosts = [h for h in MACHINES if h != LIAR]
    lan.read()
    found = look(lan, how="sweep", nets=[NET], hosts=hosts)
    wire = lan.read()
    for host in hosts:
        assert wire.count("rst", host=host) == sum(h == host for h, _ in found["open"]), host
    # Nor is our kernel made to ask for anybody's MAC.
    assert wire.count("udp") == 0
    assert wire.peak()[0] <= 5, wire.peak()


@pytest.mark.parametrize("rights", [True, False], ids=["raw", "plain"])
def test_resets_of_our_kernel_are_within_the_cap_of_a_host(lan: Lan, rights: bool) -> None:
    """A busy machine may hold the cable up, so that answers come in a heap, and the resets with them: three times it may try."""
    peaks = []
    for _ in range(3):
        lan.read()
        look(lan, rights=rights, how="probes", nets=["10.90.0.0/29"])
        peaks.append(lan.read().peak()[0])
        if peaks[-1] <= 5:
            return
    raise AssertionError(f"more than 5 packets to one host in 100 ms: {peaks}")


@pytest.mark.parametrize("kind", ["arp.entry", "icmp.echo", "tcp.port"])
def test_a_run_that_is_stopped_has_in_its_ledger_what_left(lan: Lan, kind: str) -> None:
    """Ctrl-C in mid-sweep: what the raw engine had sent and not told yet is told and booked, to the packet."""
    lan.read()
    found = look(lan, how="probes", nets=[NET], stop_at=[kind, 3])
    wire = lan.read()
    cut = [key for key, (_, reason, _) in found["units"].items() if reason == "stopped by hand"]
    assert cut
    within_ledger(wire, found["sent"])
    # Nor is all that was reserved counted: the engine said what it sent.
    reserved = 12 * len(port_set())
    assert max(found["sent"].values()) < reserved


def test_nothing_gathered_is_lost_when_the_helper_is_killed(lan: Lan) -> None:
    lan.read()
    found = look(lan, how="sweep", nets=[NET], kill_at=5)
    assert len(found["open"]) >= 5
    assert found["open"] <= KNOWN
    assert "ended" in found["error"]
    # What it sent in its last moments it could not tell: that is why all that was reserved counts then.
    assert lan.read().count() > 0


def test_an_interface_that_goes_down_ends_the_sweep_and_is_said(lan: Lan) -> None:
    lan.read()

    def in_the_midst_of_it() -> None:
        asked = 0
        while asked < 50 and time.monotonic() - start < 60:
            time.sleep(0.02)
            asked += lan.read().count("syn")
        lan.link("down")

    down = threading.Thread(target=in_the_midst_of_it)
    start = time.monotonic()
    down.start()
    try:
        found = look(lan, how="sweep", nets=["10.90.0.0/20"], ports="1-2000")
    finally:
        down.join()
        lan.link("up")
    assert "went down" in found["error"]
    # Far less than the minutes the sweep would have taken.
    assert time.monotonic() - start < 30
    assert found["open"] <= KNOWN | {(LIAR, p) for p in range(1, 2001)}
    assert sum(unasked for _, _, unasked, _ in found["hosts"].values()) > 0


def test_industrial_ports_and_strangers_are_never_asked(lan: Lan) -> None:
    """By address on the wire: nobody but the scope, and no byte after a handshake."""
    lan.read()
    look(lan, how="sweep", nets=[NET], hosts=[PRINTER])
    wire = lan.read()
    # What a killed helper left half open at others, our kernel resets when they ask again; for that it may need their MAC.
    late = {"rst", "arp"}
    asked = {host for host, rows in wire.sent.items() if {kind for _, kind in rows} - late}
    assert asked == {PRINTER}
    assert wire.count("tcp") == 0
