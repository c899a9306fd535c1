"""What leaves the technician's machine during a whole run, with every probe on: seen by tcpdump at the switch, not by the product."""

from __future__ import annotations

import pytest

from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from agent.store.reader import RunFile
from fixtures.lab.truth import SiteTruth
from tests.acceptance.conftest import Story, Visit
from tests.acceptance.product import MARKS
from tests.acceptance.wire import (
    SECOND_US,
    begun,
    below_the_wire,
    busiest,
    handshakes,
    initiating,
    sent,
)

pytestmark = MARKS
HOST_PPS, TOTAL_PPS, ARP_PPS = 50, 1000, 500
LINK_GROUPS = {"224.0.0.251", "239.255.255.250"}
VISITS = [("siege", "raw"), ("depot", "raw"), ("siege", "plain"), ("depot", "plain")]
ALL = [*VISITS, ("depot", "dark")]


def named(story: Story, which: tuple[str, str]) -> tuple[Visit, SiteTruth]:
    visit = story.visits[which]
    assert visit.lost == 0, "tcpdump lost packets: nothing is proved"
    assert len(sent(visit.packets, visit.truth.site(visit.site))) > 1000
    return visit, visit.truth.site(visit.site)


@pytest.mark.parametrize("which", ALL, ids="-".join)
def test_nothing_leaves_the_scope(story: Story, which: tuple[str, str]) -> None:
    visit, site = named(story, which)
    ours = sent(visit.packets, site)
    with RunFile(visit.run) as file:
        scope = file.header.scope
    assert {p.eth_src for p in ours} == {site.technician_mac}
    assert {p.proto for p in ours} <= {"arp", "icmp", "tcp", "udp"}
    # Groups of the link, which is in scope as a whole; siege's `never` host sees what every machine of the link sees.
    assert {p.dst for p in ours if scope.judge(p.dst) != "allowed"} <= LINK_GROUPS
    forbidden = {site.outside, *site.never}
    assert not forbidden & {p.dst for p in ours}
    for host in site.hosts:
        if set(host.addrs) & forbidden:
            for port in host.tcp:
                assert story.lab.connections(host.id, port.port, site.id) == 0, host.id
    assert all(scope.judge(addr) == "allowed" for addr, _ in site.live())


def test_the_lures_were_met(story: Story) -> None:
    """Else the test above would prove nothing: the pages that redirect out of the scope were read."""
    visit, site = named(story, ("siege", "raw"))
    with RunFile(visit.run) as file:
        told = {getattr(o.body, "location", "") for o in file.observations()}
    assert {f"http://{site.outside}/login", f"http://{site.never[0]}/"} <= told


@pytest.mark.parametrize("which", VISITS, ids="-".join)
def test_not_a_byte_to_a_print_port(story: Story, which: tuple[str, str]) -> None:
    visit, site = named(story, which)
    ours = [p for p in sent(visit.packets, site) if p.proto == "tcp"]
    knocked = [p for p in ours if p.dport in RAW_PRINT_PORTS]
    assert knocked
    assert sum(p.payload for p in knocked) == 0
    assert not [p for p in ours if p.dport in OT_PORTS]
    printers = [(h, p) for h in site.hosts for p in h.tcp if p.port in RAW_PRINT_PORTS]
    assert printers
    for host, port in printers:
        assert story.lab.bytes_received(host.id, port.port, site.id) == 0


@pytest.mark.parametrize("which", ALL, ids="-".join)
def test_rates(story: Story, which: tuple[str, str]) -> None:
    visit, site = named(story, which)
    ours = sent(visit.packets, site)
    timed = [p for p in ours if begun(p)]
    asked = [p for p in ours if p.proto == "arp" and p.arp_op == 1]
    arp = busiest(asked, SECOND_US, lambda _: None)
    host = busiest(timed, SECOND_US // 10, lambda p: p.dst)
    total = busiest([p for p in timed if p.proto != "arp"], SECOND_US // 10, lambda _: None)
    # What the kernel acknowledges by itself cannot wait; the pacer takes it off the host's next turns. So a second holds, a tenth of
    # one need not, and a device that floods us gets more acknowledgements than we would choose to send.
    burst = busiest(ours, SECOND_US // 10, lambda p: p.dst)
    flooders = {a for h in site.hosts if "hostile" in h.traps for a in h.addrs}
    second = busiest([p for p in ours if p.dst not in flooders], SECOND_US, lambda p: p.dst)
    flooder = busiest([p for p in ours if p.dst in flooders], SECOND_US, lambda p: p.dst)
    print(
        f"\n{'-'.join(which)}: {len(ours)} packets; to one host at most {host[0]} begun in 100 ms, {burst[0]} with acknowledgements; "
        f"{second[0]} in a second, {flooder[0]} to one that floods; in all {total[0]} begun in 100 ms; ARP {arp[0]} in a second"
    )
    assert host[0] <= HOST_PPS // 10 + 1, host
    assert burst[0] <= HOST_PPS // 2, burst
    assert second[0] <= HOST_PPS * 6 // 5, second
    assert flooder[0] <= HOST_PPS * 2, flooder
    assert total[0] <= TOTAL_PPS // 10 + 1
    assert arp[0] <= ARP_PPS + 1


@pytest.mark.parametrize("which", VISITS, ids="-".join)
def test_one_host_is_spared(story: Story, which: tuple[str, str]) -> None:
    """At most 5 packets that begin something in any 100 ms (resets counted), 1 connection open, 5 handshakes in any second."""
    visit, site = named(story, which)
    ours = {id(p) for p in sent(visit.packets, site)}
    met = handshakes(visit.packets, lambda p: id(p) in ours)
    begins = [p for p in visit.packets if id(p) in ours and initiating(p)]
    began = busiest([p for p in begins if p.proto != "arp"], SECOND_US // 10, lambda p: p.dst)
    # The kernel checks by itself, every half a minute or so, whether a MAC still answers.
    asked = busiest(begins, SECOND_US // 10, lambda p: p.dst)
    second = max((met.in_a_second(host), host) for host in met.completed)
    most = max((count, host) for host, count in met.most_open.items())
    print(
        f"\n{'-'.join(which)}: to one host at most {began[0]} beginning packets in 100 ms ({asked[0]} with ARP), "
        f"{second[0]} handshakes in a second, {most[0]} connections open; {sum(map(len, met.completed.values()))} handshakes in all"
    )
    assert second[0] <= 5, second
    assert most[0] <= 1, most
    assert began[0] <= 5, began
    assert asked[0] <= 6, asked


@pytest.mark.parametrize("which", ALL, ids="-".join)
def test_the_ledger_is_never_below_the_wire(story: Story, which: tuple[str, str]) -> None:
    visit, site = named(story, which)
    ours = sent(visit.packets, site)
    assert below_the_wire(ours, visit.run) == {}
    wanted = {"arp"} if which[1] == "dark" else {"arp", "icmp", "tcp"}
    assert wanted <= {p.proto for p in ours}
