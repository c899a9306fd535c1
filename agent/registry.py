"""Every probe of the product, by hand: this list is the only registration there is."""

from __future__ import annotations

from agent.contract import Probe
from scanners.arp import Arp
from scanners.icmp import Icmp
from scanners.neighbours import Neighbours
from scanners.nmap import Nmap
from scanners.ping import Ping
from scanners.services.probe import Services
from scanners.tcp_ports import TcpPorts

PROBES: tuple[Probe, ...] = (
    Arp(),
    Neighbours(),
    Icmp(),
    Ping(),
    TcpPorts(),
    Services(),
)

ON_DEMAND: tuple[Probe, ...] = (Nmap(),)
"""Run only when asked for by name (`run --with-nmap`)."""
