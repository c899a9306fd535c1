"""What left the technician's machine, from a capture: per host, per second, and against the ledger of the run."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable
from pathlib import Path

from agent.store.ledger import ledger_totals
from agent.store.reader import RunFile
from fixtures.lab.pcap import Packet
from fixtures.lab.truth import SiteTruth

SYN = 2
SECOND_US = 1_000_000


def sent(packets: Iterable[Packet], site: SiteTruth) -> list[Packet]:
    """Frames that no device of the site sent: they are the technician's, whatever source address they bear."""
    devices = {mac for host in site.hosts for mac in host.macs}
    return [p for p in packets if p.eth_src not in devices]


def begun(packet: Packet) -> bool:
    """Is it ours to time? Not the bare acknowledgements and resets, nor the ARP answers, which the kernel sends by itself."""
    if packet.proto == "arp":
        return packet.arp_op == 1
    return packet.proto != "tcp" or bool(packet.flags & SYN) or packet.payload > 0


def busiest(
    packets: Iterable[Packet], window_us: int, key: Callable[[Packet], Hashable]
) -> tuple[int, Hashable]:
    """Most packets of one *key* in any *window_us*, and whose they were."""
    recent: dict[Hashable, deque[int]] = defaultdict(deque)
    worst: tuple[int, Hashable] = (0, None)
    for p in packets:
        times = recent[key(p)]
        times.append(p.at_us)
        while times[0] <= p.at_us - window_us:
            times.popleft()
        worst = max(worst, (len(times), key(p)), key=lambda w: w[0])
    return worst


def below_the_wire(packets: Iterable[Packet], run: Path) -> dict[tuple[str, str], tuple[int, int]]:
    """(target, transport) -> (on the wire, in the ledger) where the run file admits to fewer packets than it sent."""
    wire = Counter((p.dst, p.proto) for p in packets)
    with RunFile(run) as file:
        told = ledger_totals(file.ledger())
    return {
        key: (count, told.get(key, (0, 0))[0])
        for key, count in wire.items()
        if told.get(key, (0, 0))[0] < count
    }
