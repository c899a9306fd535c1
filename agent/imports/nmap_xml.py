"""nmap's XML (`nmap -oX`; nmap.org/book/nmap-dtd.html) read for `handover import`: hosts that were up, what was open, what nmap named.

Foreign bytes: entities are refused (defusedxml), depth and counts are bounded, a file that breaks off gives the hosts before the break.
What nmap took from its port table alone (method="table"), "open|filtered", and a host that is only up because it was told so are no sights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import IO
from xml.etree.ElementTree import Element, ParseError

from agent.model.bodies import ArpEntry, Body, HostAnswer, HostName, IcmpEcho, TcpPort
from agent.model.bodies_told import OsTold, ServiceTold
from agent.model.ref import normal

MAX_BYTES = 512 * 1024 * 1024
MAX_HOSTS = 70_000
MAX_PORTS = 65_535
DEPTH = 24
TEXT = 200
_SAW = frozenset({"open"})
_ANSWERS: dict[str, Body] = {
    "echo-reply": IcmpEcho(),
    "reset": HostAnswer(method="tcp-reset"),
    "conn-refused": HostAnswer(method="tcp-reset"),
    "port-unreach": HostAnswer(method="udp-unreachable"),
}
"""Why nmap called a host up -> what that is as a sight. "user-set" (-Pn) is none."""


class NotNmap(ValueError):
    """The file is no nmap XML; the text says why."""


@dataclass(frozen=True)
class NmapHost:
    """One host. `at`: microseconds UTC, 0 where the file tells none."""

    address: str
    at: int
    bodies: tuple[Body, ...] = ()


@dataclass
class NmapScan:
    """`complete`: nmap ended by itself. `problem`: why it is not, in words. `left_out`: hosts without anything seen."""

    hosts: list[NmapHost] = field(default_factory=list[NmapHost])
    arguments: str = ""
    version: str = ""
    started: int = 0
    ended: int = 0
    complete: bool = False
    problem: str = ""
    left_out: int = 0

    @property
    def tool(self) -> str:
        return f"nmap {self.version}".strip()


def read_nmap(opened: IO[bytes]) -> NmapScan:
    """Reads *opened* to the end, or to where it breaks. Raises `NotNmap`."""
    scan = NmapScan()
    seen = False
    try:
        for what, element in _events(opened, scan):
            seen = True
            if what == "host":
                if len(scan.hosts) >= MAX_HOSTS:
                    scan.problem = f"only the first {MAX_HOSTS} hosts were read"
                    return scan
                _take(scan, element)
            elif what == "finished":
                scan.ended = _seconds(element.get("time"))
                if element.get("exit", "success") == "success":
                    scan.complete = True
                else:
                    scan.problem = f"nmap says: {element.get('errormsg', 'error')[:TEXT]}"
    except (ParseError, LookupError) as error:
        # LookupError: an encoding nobody knows.
        if not seen:
            raise NotNmap(f"no XML: {error}") from None
        scan.problem = f"the file breaks off or is damaged ({error})"
        scan.complete = False
    if not scan.complete and not scan.problem:
        scan.problem = "nmap did not finish this file"
    return scan


def _events(opened: IO[bytes], scan: NmapScan) -> Iterator[tuple[str, Element]]:
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import iterparse

    depth = 0
    root: Element | None = None
    try:
        for event, element in iterparse(_Bounded(opened), events=("start", "end")):
            if event == "start":
                depth += 1
                if depth > DEPTH:
                    raise NotNmap(f"elements nest deeper than {DEPTH}: nothing nmap writes")
                if root is None:
                    root = _root(element, scan)
                    yield "nmaprun", element
                continue
            depth -= 1
            if depth == 1 and root is not None:
                yield (element.tag, element)
                # A /16 does not fit in memory as a tree.
                root.clear()
            elif element.tag == "finished":
                yield "finished", element
    except DefusedXmlException as error:
        raise NotNmap(
            f"refused: {type(error).__name__} (entities have no place in nmap's XML)"
        ) from None


def _root(element: Element, scan: NmapScan) -> Element:
    if element.tag != "nmaprun":
        raise NotNmap(f"the root element is {element.tag[:40]!r}, not 'nmaprun'")
    scan.arguments = element.get("args", "")[:500]
    scan.version = element.get("version", "")[:20]
    scan.started = _seconds(element.get("start"))
    return element


class _Bounded:
    """A file that ends at `MAX_BYTES`, so that the parser never sees more."""

    def __init__(self, opened: IO[bytes]) -> None:
        self._opened, self._left = opened, MAX_BYTES

    def read(self, size: int = -1) -> bytes:
        data = self._opened.read(min(self._left, size if size > 0 else 65536))
        self._left -= len(data)
        return data


def _take(scan: NmapScan, host: Element) -> None:
    addresses = {a.get("addrtype", ""): a.get("addr", "") for a in host.findall("address")}
    status = host.find("status")
    up = status is not None and status.get("state") == "up"
    reason = status.get("reason", "") if status is not None else ""
    try:
        address = str(ip_address(addresses.get("ipv4") or addresses.get("ipv6") or ""))
    except ValueError:
        scan.left_out += 1
        return
    bodies = list(_bodies(host, scan.tool))
    if up and reason in _ANSWERS:
        bodies.append(_ANSWERS[reason])
    if up and (mac := _mac(addresses.get("mac", ""))):
        bodies.append(ArpEntry(mac=mac))
    if not up or not bodies:
        scan.left_out += 1
        return
    at = _seconds(host.get("endtime")) or _seconds(host.get("starttime")) or scan.started
    scan.hosts.append(NmapHost(address, at, tuple(bodies)))


def _mac(text: str) -> str:
    try:
        return normal("mac", text) if text else ""
    except ValueError:
        return ""


def _bodies(host: Element, tool: str) -> Iterator[Body]:
    for name in host.findall("hostnames/hostname")[:8]:
        text = name.get("name", "").strip()
        # "user" is what the scanner's operator typed; only a PTR record is somebody's word.
        if text and name.get("type") == "PTR":
            yield HostName(name=text[:255], source="dns")
    for port in host.findall("ports/port")[:MAX_PORTS]:
        yield from _port(port, tool)
    best = max((_percent(m.get("accuracy")) for m in host.findall("os/osmatch")), default=0)
    for match in host.findall("os/osmatch")[:3]:
        if match.get("name") and _percent(match.get("accuracy")) == best:
            kind = match.find("osclass")
            cpe = match.find("osclass/cpe")
            yield OsTold(
                tool=tool,
                name=match.get("name", "")[:TEXT],
                accuracy=best,
                device_type=kind.get("type", "")[:TEXT] if kind is not None else "",
                vendor=kind.get("vendor", "")[:TEXT] if kind is not None else "",
                cpe=(cpe.text[:TEXT],) if cpe is not None and cpe.text else (),
            )


def _port(port: Element, tool: str) -> Iterator[Body]:
    number = _whole(port.get("portid"), 65535)
    protocol = port.get("protocol")
    state = port.find("state")
    if state is None or state.get("state") not in _SAW or number == 0:
        return
    if protocol == "tcp":
        yield TcpPort(port=number)
    service = port.find("service")
    if service is None or service.get("method") != "probed":
        return
    if protocol not in ("tcp", "udp"):
        return
    yield ServiceTold(
        port=number,
        transport="tcp" if protocol == "tcp" else "udp",
        tool=tool,
        name=service.get("name", "")[:100],
        product=service.get("product", "")[:TEXT],
        version=service.get("version", "")[:TEXT],
        extra=service.get("extrainfo", "")[:TEXT],
        tls=service.get("tunnel") == "ssl",
        cpe=tuple(c.text[:TEXT] for c in service.findall("cpe")[:4] if c.text),
        conf=_whole(service.get("conf"), 10) * 100,
    )


def _seconds(text: str | None) -> int:
    return _whole(text, 1 << 40) * 1_000_000


def _percent(text: str | None) -> int:
    return _whole(text, 100) * 10


def _whole(text: str | None, most: int) -> int:
    """The number in *text*, 0 where there is none or it is above *most*."""
    if not text or not text.isascii() or not text.isdigit() or len(text) > 12:
        return 0
    return int(text) if int(text) <= most else 0
