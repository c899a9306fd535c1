"""Hosts and open ports as XML in the form of `nmap -oX` (docs: nmap.dtd), for tools that read nmap's output.

Only what was seen alive is written, once for every address; a port that was silent is left out, as silence is not "closed". Every
host tells its site in a hostname of type "user", because two sites may use one range.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from xml.etree import ElementTree as ET

from agent.model.asset import Asset
from agent.model.judged import Judged
from agent.model.known import Known
from agent.model.service import Service
from reports.html.texts import Lang, inert

NAME = "nmap-xml"
# XML 1.0 knows no other characters, not even escaped; `inert` shows most of them, this catches the rest.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(judged: Judged, lang: Lang, folder: Path) -> Path:
    """Writes inventory.nmap.xml into *folder*. Raises `OSError`."""
    path = folder / "inventory.nmap.xml"
    ET.ElementTree(_run(judged)).write(path, "utf-8", xml_declaration=True)
    return path


def _run(judged: Judged) -> ET.Element:
    starts = [r.header.started for r in judged.runs] or [judged.at]
    ends = [e.ended for r in judged.runs for e in r.ends] or [judged.at]
    root = ET.Element(
        "nmaprun",
        scanner="handover",
        args="handover export",
        start=_seconds(min(starts)),
        version="7.94",
        xmloutputversion="1.05",
    )
    services: dict[tuple[str, str], list[Service]] = defaultdict(list)
    for s in judged.services:
        if s.state == "open":
            services[s.at.ns, s.at.value.split("/")[0]].append(s)
    hosts = 0
    for asset in judged.assets:
        if asset.presence != "live":
            continue
        for port in asset.ports:
            for address in port.addrs:
                hosts += 1
                mac = port.mac.value if port.mac else None
                open_ = services.get((address.ns, address.value), [])
                root.append(_host(judged, asset, address.ns, address.value, mac, open_))
    stats = ET.SubElement(root, "runstats")
    ET.SubElement(stats, "finished", time=_seconds(max(ends)), exit="success")
    ET.SubElement(stats, "hosts", up=str(hosts), down="0", total=str(hosts))
    return root


def _host(
    judged: Judged, asset: Asset, ns: str, ip: str, mac: str | None, services: list[Service]
) -> ET.Element:
    host = ET.Element(
        "host", starttime=_seconds(asset.first_seen), endtime=_seconds(asset.last_seen)
    )
    ET.SubElement(host, "status", state="up", reason="user-set", reason_ttl="0")
    ET.SubElement(host, "address", addr=ip, addrtype="ipv6" if ":" in ip else "ipv4")
    if mac:
        vendor = asset.attrs.get("vendor")
        card = ET.SubElement(host, "address", addr=mac.upper(), addrtype="mac")
        if vendor is not None and vendor.state == "known":
            card.set("vendor", _text(vendor.value))
    names = ET.SubElement(host, "hostnames")
    label = judged.labels.get(asset.id, "")
    if label and label != ip:
        ET.SubElement(names, "hostname", name=_text(label), type="PTR")
    ET.SubElement(names, "hostname", name=_text(ns), type="user")
    ports = ET.SubElement(host, "ports")
    for s in sorted(services, key=lambda s: (s.transport, s.port)):
        port = ET.SubElement(ports, "port", protocol=s.transport, portid=str(s.port))
        ET.SubElement(port, "state", state="open", reason="syn-ack", reason_ttl="0")
        told = {k: _text(v.value) for k, v in _told(s).items() if v.state == "known"}
        method = "probed" if told else "table"
        said = {"name": "unknown", **told, "method": method, "conf": "3"}
        ET.SubElement(port, "service", said)
    return host


def _told(s: Service) -> dict[str, Known[str]]:
    return {"name": s.protocol, "product": s.product, "version": s.version}


def _text(value: object) -> str:
    return _NOT_XML.sub("\ufffd", inert(value, 300)[0])


def _seconds(us: int) -> str:
    return str(us // 1_000_000)
