"""How many services are named, and how fast: the product's probe and `nmap -sV` on the same ports of the same real servers, in turn.

The truth is written by hand (`tests.real_servers.TRUTH`); a service counts where protocol *and* program are right. Our side is the whole
way of `run`: plan, pacer at its usual rates, one connection at a time, parse. Both are given the list of open ports.
"""

from __future__ import annotations

import asyncio
import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from agent.inventory.services import product_of
from agent.model.bodies import Banner, Body, HttpPage, TcpPort
from agent.model.bodies_services import ServiceBody
from agent.model.scope import ScopeRule
from scanners.services.conversation import Conversation
from scanners.services.probe import Services
from tests.agent.net.peers import Books, context, run_unit
from tests.bench import Figure
from tests.real_servers import TRUTH, RealServers

ROUNDS = 3
Named = dict[int, tuple[str, str]]
NMAP_NAMES = {
    "domain": "dns",
    "kerberos-sec": "kerberos",
    "netbios-ssn": "smb",
    "microsoft-ds": "smb",
    "ms-wbt-server": "rdp",
    "X11": "x11",
}
"""nmap's word for a protocol -> ours (nmap-service-probes)."""


def figures() -> Iterable[Figure]:
    with (
        TemporaryDirectory(prefix="handover-", ignore_cleanup_errors=True) as place,
        RealServers(Path(place)) as servers,
    ):
        ports = servers.ports
        ratios: list[float] = []
        connections = 0
        ours: Named = {}
        theirs: Named = {}
        for _ in range(ROUNDS):
            mine, ours, connections = _ours(servers)
            peer, theirs = _nmap(servers.address, ports)
            ratios.append(peer / mine)
    mine_named = sum(right(p, *ours.get(p, ("", ""))) for p in ports)
    peer_named = sum(right(p, *theirs.get(p, ("", ""))) for p in ports)
    speed = round(sorted(ratios)[ROUNDS // 2], 1)
    each = round(connections / len(ports), 2)
    part, peer_name = "identify", "nmap -sV"
    goal = f">= {peer_named}"
    yield Figure(part, "services", len(ports), "services", "-", True, peer_name)
    yield Figure(part, "named", mine_named, "services", goal, mine_named >= peer_named, peer_name)
    yield Figure(part, "faster", speed, "x", ">= 5", speed >= 5, peer_name)
    yield Figure(part, "connections_per_port", each, "connections", "<= 1.5", each <= 1.5, "-")


def right(port: int, protocol: str, program: str) -> bool:
    """Is that what stands there? A truth without a program asks for the protocol alone."""
    wanted, product = TRUTH[port]
    if protocol != wanted and not (wanted == "ipp" and protocol in ("ipp", "http")):
        return False
    return not product or product.lower() in program.lower()


def _ours(servers: RealServers) -> tuple[float, Named, int]:
    connections = 0
    settle = Conversation.settle

    def counted(c: Conversation) -> None:
        nonlocal connections
        connections += c.connections
        settle(c)

    ctx = context(
        [(servers.address, TcpPort(port=p)) for p in servers.ports],
        scope=ScopeRule(allowed=(servers.network,)),
    )
    Conversation.settle = counted  # type: ignore[assignment, method-assign]
    try:
        start = time.monotonic()
        books = asyncio.run(run_unit(Services(), ctx))
        wall = time.monotonic() - start
    finally:
        Conversation.settle = settle  # type: ignore[method-assign]
    return wall, named(books, servers.ports), connections


def named(books: Books, ports: Sequence[int]) -> Named:
    """Port -> (protocol, program) as the inventory would say it."""
    out: Named = {}
    for port in ports:
        mine: list[Body] = [b for _, b in books.bodies if getattr(b, "port", None) == port]
        protocols: list[str] = []
        programs: list[str] = []
        for b in mine:
            if isinstance(b, ServiceBody):
                protocols.insert(0, b.protocol_name)
                programs.append(b.product_name)
            elif isinstance(b, Banner):
                protocols.append(b.protocol)
                programs.append(product_of(b.text)[0])
            elif isinstance(b, HttpPage):
                protocols.append("https" if b.tls else "http")
                programs.append(b.server)
        out[port] = (next((p for p in protocols if p), ""), " ".join(programs))
    return out


def _nmap(address: str, ports: Sequence[int]) -> tuple[float, Named]:
    start = time.monotonic()
    done = subprocess.run(
        ["nmap", "-n", "-Pn", "-sV", "-T4", "-p", ",".join(map(str, ports)), "-oX", "-", address],
        check=True,
        capture_output=True,
        timeout=600,
    )
    wall = time.monotonic() - start
    out: Named = {}
    for port in ET.fromstring(done.stdout).iter("port"):
        service = port.find("service")
        if service is None or service.get("method") != "probed":
            continue
        protocol = str(service.get("name"))
        protocol = NMAP_NAMES.get(protocol, protocol)
        if service.get("tunnel") == "ssl" and protocol == "http":
            protocol = "https"
        number = int(str(port.get("portid")))
        out[number] = (
            protocol.removesuffix("s") if protocol in ("pop3s", "imaps") else protocol,
            f"{service.get('product')} {service.get('extrainfo')}",
        )
    return wall, out
