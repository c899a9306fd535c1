"""`handover import ENG scan.xml`: an nmap scan becomes an import run of reported sights; what it did not find is no absence here.

Its addresses count where they lie in the site's networks; hosts elsewhere are left out and counted. The times are the scan's own.
"""

from __future__ import annotations

import re
import time
from ipaddress import ip_address
from pathlib import Path

from agent.engagement.engagement import Engagement
from agent.imports.document import Document, store_document
from agent.imports.import_run import sha256_of
from agent.imports.nmap_xml import NmapHost, NmapScan, NotNmap, read_nmap
from agent.model.bodies import Body, TcpPort
from agent.model.bodies_told import ServiceTold
from agent.model.ref import Ref, addr, service
from agent.model.scope import parse_range

PROBE = "nmap_xml"
DAY_US = 86_400_000_000
_START = re.compile(rb"^(?:\xef\xbb\xbf)?\s*<(?:\?xml|!DOCTYPE\s+nmaprun|nmaprun)[\s>]")


def looks_like_nmap(start: bytes) -> bool:
    """Do these first bytes begin an XML document? What is not NPS's is taken for nmap's."""
    return _START.match(start) is not None


async def bring_nmap(engagement: Engagement, file: Path, site: str, operator: str) -> str:
    """Import *file*; returns one line for people. Raises `NotNmap`; nothing of the engagement has changed then."""
    with file.open("rb") as opened:
        scan = read_nmap(opened)
    place = engagement.site(site)
    # What no packet may reach can still be told of: an import sends nothing.
    texts = [n.net for n in place.networks] + [n.net for n in place.unreached]
    nets = [net for text in texts for net in parse_range(text)]
    inside = [h for h in scan.hosts if any(ip_address(h.address) in net for net in nets)]
    outside = len(scan.hosts) - len(inside)
    if not inside:
        raise NotNmap(
            f"no host of it lies in the networks of site '{site}' ({outside} lie elsewhere,"
            f" {scan.left_out} were not seen up)"
        )
    _in_time(inside)
    await _store(engagement, file, site, operator, scan, inside)
    notes = [
        f"{outside} hosts outside the site's networks left out" if outside else "",
        f"{scan.left_out} hosts without anything seen left out" if scan.left_out else "",
        f"incomplete: {scan.problem}" if scan.problem else "",
    ]
    said = "; ".join(n for n in notes if n)
    return f"{len(inside)} hosts of a scan by {scan.tool} at {site}" + (
        f" ({said})" if said else ""
    )


def _in_time(hosts: list[NmapHost]) -> None:
    """A sight without a time cannot be set against others, and one of tomorrow would win over all of them."""
    late = time.time_ns() // 1000 + DAY_US
    for host in hosts:
        if host.at == 0:
            raise NotNmap("it does not tell when it was made")
        if host.at > late:
            raise NotNmap(f"it says that {host.address} was scanned in the future: check its clock")


async def _store(
    engagement: Engagement,
    file: Path,
    site: str,
    operator: str,
    scan: NmapScan,
    hosts: list[NmapHost],
) -> None:
    digest = sha256_of(file)
    span = min(h.at for h in hosts), max(h.at for h in hosts)
    rows = (
        (_subject(site, host.address, body), body, host.at)
        for host in hosts
        for body in host.bodies
    )
    problem = "" if scan.complete else scan.problem
    document = Document(file, digest, PROBE, f"scan {digest[:16]}", "reported", span, problem)
    await store_document(engagement, document, site, operator, rows)


def _subject(site: str, address: str, body: Body) -> Ref:
    if isinstance(body, ServiceTold):
        return service(site, address, body.transport, body.port)
    assert not isinstance(body, TcpPort) or body.port
    return addr(site, address)
