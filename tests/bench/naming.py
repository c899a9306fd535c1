"""What counts as a service named right, for our observations and nmap's XML alike. Where the truth has no program, the protocol does."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable

from agent.inventory.services import product_of
from agent.model.bodies import Banner, Body, HttpPage
from agent.model.bodies_services import ServiceBody

NMAP_NAMES = {
    "domain": "dns",
    "kerberos-sec": "kerberos",
    "netbios-ssn": "smb",
    "microsoft-ds": "smb",
    "ms-wbt-server": "rdp",
    "X11": "x11",
    "netbios-ns": "netbios",
    "upnp": "ssdp",
    "asf-rmcp": "ipmi",
    "ws-discovery": "wsd",
    "wsdapi": "http",
    "zeroconf": "mdns",
}
"""nmap's word for a protocol -> ours (nmap-service-probes, nmap-services)."""


def right(truth: tuple[str, str], protocol: str, program: str) -> bool:
    wanted, product = truth
    if protocol != wanted and not (wanted == "ipp" and protocol == "http"):
        return False
    return not product or product.lower() in program.lower()


def of_port(bodies: Iterable[Body]) -> tuple[str, str]:
    """(protocol, program) of one TCP port as the inventory would say it."""
    protocols: list[str] = []
    programs: list[str] = []
    for b in bodies:
        if isinstance(b, ServiceBody):
            protocols.insert(0, b.protocol_name)
            programs.append(b.product_name)
        elif isinstance(b, Banner):
            protocols.append(b.protocol)
            programs.append(product_of(b.text)[0])
        elif isinstance(b, HttpPage):
            protocols.append("https" if b.tls else "http")
            programs.append(b.server)
    return next((p for p in protocols if p), ""), " ".join(programs)


def of_nmap(host: ET.Element) -> dict[tuple[str, int], tuple[str, str]]:
    """(transport, port) -> (protocol, program) where nmap asked and was answered; what it only guesses by the number is left out."""
    out: dict[tuple[str, int], tuple[str, str]] = {}
    for port in host.iter("port"):
        service = port.find("service")
        if service is None or service.get("method") != "probed":
            continue
        name = str(service.get("name"))
        protocol = NMAP_NAMES.get(name, name)
        if service.get("tunnel") == "ssl" and protocol == "http":
            protocol = "https"
        if protocol in ("pop3s", "imaps"):
            protocol = protocol.removesuffix("s")
        if name.startswith("mosquitto"):
            # It tells the protocol of this one by the name of the program.
            protocol = "mqtt"
        where = str(port.get("protocol")), int(str(port.get("portid")))
        if where[0] == "tcp" and name == "upnp":
            protocol = "http"
        words = (name, *map(service.get, ("product", "version", "extrainfo")))
        out[where] = protocol, " ".join(w for w in words if w)
    return out
