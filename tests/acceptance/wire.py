"""What left the technician's machine, from a capture: per host, per second, and against the ledger of the run."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path

from agent.store.ledger import ledger_totals
from agent.store.reader import RunFile
from fixtures.lab.pcap import Packet
from fixtures.lab.truth import SiteTruth

SYN, RST, ACK = 2, 4, 16
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


def initiating(packet: Packet) -> bool:
    """Does it begin something, or is it a reset? Not what an open connection needs, nor ARP answers."""
    if packet.proto == "tcp":
        return bool(packet.flags & (SYN | RST))
    return packet.proto != "arp" or packet.arp_op == 1


@dataclass
class Handshakes:
    """Connections of ours that were completed: when (microseconds), by host, and most open with one host at a time."""

    completed: dict[str, list[int]]
    most_open: dict[str, int]

    def in_a_second(self, host: str) -> int:
        times = self.completed.get(host, [])
        return max((sum(at <= t < at + SECOND_US for t in times) for at in times), default=0)


def handshakes(packets: Iterable[Packet], ours: Callable[[Packet], bool]) -> Handshakes:
    """Followed SYN by SYN, from the first acknowledgement of ours to a reset of either side."""
    state: dict[tuple[str, int, int], str] = {}
    found = Handshakes(defaultdict(list), defaultdict(int))
    open_now: Counter[str] = Counter()
    for p in packets:
        if p.proto != "tcp":
            continue
        mine = ours(p)
        host, flow = (
            (p.dst, (p.dst, p.dport, p.sport)) if mine else (p.src, (p.src, p.sport, p.dport))
        )
        before = state.get(flow, "")
        if p.flags & RST:
            open_now[host] -= before == "open"
            state.pop(flow, None)
        elif mine and p.flags & SYN:
            state[flow] = "begun"
        elif not mine and p.flags & SYN and before == "begun":
            state[flow] = "accepted"
        elif mine and p.flags & ACK and before == "accepted":
            state[flow] = "open"
            found.completed[host].append(p.at_us)
            open_now[host] += 1
            found.most_open[host] = max(found.most_open[host], open_now[host])
    return found


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
