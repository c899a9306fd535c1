"""The lab as its probes would have seen it, without a wire: bodies made from the ground truth, for tests of what is made of them."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TypeVar

from agent.model import bodies
from agent.model.bodies import Body
from fixtures.lab.certs import CertStore
from fixtures.lab.description import Host, load_client
from fixtures.lab.truth import CertTruth, HostTruth, Mode, PortTruth, SiteTruth, Truth
from fixtures.lab.truth_of import truth_of

T = TypeVar("T")

PROTOCOLS = {"say": "", "openssh": "ssh", "telnet": "telnet", "rtsp": "rtsp", "sip": "sip"}


class Paper:
    """A place where nothing is: addresses as the description has them."""

    mode: Mode = "namespace"
    port_offset: int = 0

    def addr(self, addr: str) -> str:
        return addr

    def exists(self, host: Host) -> bool:
        return True

    def open(self, site: str, host: Host, addr: str, port: int) -> socket.socket:
        raise OSError("on paper")

    def at(self, site: str, host: Host, work: Callable[[], T]) -> T:
        raise OSError("on paper")

    def unplug(self, site: str, host: Host) -> None:
        pass


@cache
def lab_truth() -> Truth:
    """The ground truth of the whole client, in the addresses of namespace mode; nothing is started."""
    client = load_client()
    with tempfile.TemporaryDirectory() as folder:
        certs = CertStore(Path(folder) / "certs", client.certs)
        return truth_of(client, client.sites, Paper(), certs, lambda _: True, set())


def hosts() -> Iterator[tuple[SiteTruth, HostTruth]]:
    """Every device an audit may look at."""
    for site in lab_truth().sites:
        for host in site.hosts:
            if host.in_scope:
                yield site, host


def sights(host: HostTruth) -> list[tuple[str, Body]]:
    """(address, body) of everything the probes read off *host*."""
    out: list[tuple[str, Body]] = []
    for a in host.addresses:
        if a.scope != "in":
            continue
        if a.on_link:
            out.append((a.addr, bodies.ArpEntry(mac=a.mac)))
        out += [(a.addr, body) for p in host.tcp for body in _port(p)]
    return out


def _port(p: PortTruth) -> Iterator[Body]:
    yield bodies.TcpPort(port=p.real_port)
    if p.cert is not None:
        yield _certificate(p.real_port, p.cert)
    if p.title or p.server or p.realm or p.status:
        yield bodies.HttpPage(
            port=p.real_port,
            tls=p.cert is not None,
            status=p.status or 200,
            title=p.title,
            server=p.server,
            realm=p.realm,
            location=p.location,
        )
    elif p.banner:
        spoken = "ssh" if p.banner.startswith("SSH-") else PROTOCOLS.get(p.kind, p.kind)
        yield bodies.Banner(port=p.real_port, protocol=spoken, text=p.banner[:2048])


def _certificate(port: int, cert: CertTruth) -> Body:
    return bodies.TlsCertificate(
        port=port,
        subject=cert.subject,
        issuer=cert.issuer,
        names=cert.names,
        serial=cert.serial,
        not_before=_us(cert.not_before),
        not_after=_us(cert.not_after),
        self_signed=cert.self_signed,
        sha256=cert.sha256,
        spki_sha256=cert.spki_sha256,
        key_type=cert.key_type,
        key_bits=cert.key_bits,
        signature="",
    )


def _us(iso: str) -> int:
    return int(datetime.fromisoformat(iso).timestamp() * 1_000_000)
