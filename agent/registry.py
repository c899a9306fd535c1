"""Every probe of the product, by hand: this list is the only registration there is."""

from __future__ import annotations

from agent.contract import Probe
from collectors.directory.probe import Directory
from collectors.snmp.probe import Snmp
from scanners.arp import Arp
from scanners.icmp import Icmp
from scanners.neighbours import Neighbours
from scanners.nmap import Nmap
from scanners.ping import Ping
from scanners.services.probe import Services
from scanners.tcp_ports import TcpPorts
from scanners.udp.bacnet import Bacnet
from scanners.udp.dns import Dns
from scanners.udp.heard import HeardProbe
from scanners.udp.ipmi import Ipmi
from scanners.udp.llmnr import Llmnr
from scanners.udp.mdns import Mdns, MdnsBrowse
from scanners.udp.mssql import Mssql
from scanners.udp.netbios import Netbios
from scanners.udp.ntp import Ntp
from scanners.udp.sip import Sip
from scanners.udp.snmp_engine import Engine
from scanners.udp.ssdp import Ssdp, SsdpSearch
from scanners.udp.wsd import Wsd, WsdSearch

PROBES: tuple[Probe, ...] = (
    Arp(),
    Neighbours(),
    Icmp(),
    Ping(),
    TcpPorts(),
    Services(),
    Netbios(),
    Mdns(),
    MdnsBrowse(),
    SsdpSearch(),
    Ssdp(),
    Engine(),
    Dns(),
    Ntp(),
    WsdSearch(),
    Wsd(),
    Sip(),
    Ipmi(),
    Llmnr(),
    Mssql(),
    Bacnet(),
    HeardProbe(),
    Snmp(),
    Directory(),
)

ON_DEMAND: tuple[Probe, ...] = (Nmap(),)
"""Run only when asked for by name (`run --with-nmap`)."""
