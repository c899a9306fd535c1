"""The lab as its probes would have seen it, without a wire: bodies made from its description, for tests of what is made of them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path

from agent.model import bodies
from agent.model.bodies import Body
from fixtures.lab.certs import CertStore
from fixtures.lab.description import Client, Host, Service, Site, load_client
from fixtures.lab.services import banner_of
from fixtures.lab.truth import CertTruth


@cache
def client() -> Client:
    return load_client()


@cache
def certificates() -> dict[str, CertTruth]:
    """Certificates by their id in the description, made for the occasion."""
    wanted = client().certs
    with tempfile.TemporaryDirectory() as folder:
        store = CertStore(Path(folder) / "certs", wanted)
        return {c.id: store.truth(c.id, 1) for c in wanted}


def hosts() -> Iterator[tuple[Site, Host]]:
    """Every device an audit may look at."""
    for site in client().sites:
        for host in site.hosts:
            if any(site.scope_of(host, nic.addr) == "in" for nic in host.nics):
                yield site, host


def sights(site: Site, host: Host) -> list[tuple[str, Body]]:
    """(address, body) of what ARP, the port scan, banner, TLS and web probes read off *host*."""
    out: list[tuple[str, Body]] = []
    for nic in host.nics:
        if site.scope_of(host, nic.addr) != "in":
            continue
        if site.network_of(nic.addr).on_link:
            out.append((nic.addr, bodies.ArpEntry(mac=nic.mac)))
        out += [(nic.addr, body) for service in host.services for body in _service(service)]
    return out


def _service(s: Service) -> Iterator[Body]:
    yield bodies.TcpPort(port=s.port)
    if s.tls:
        yield _certificate(s.port, certificates()[s.tls])
    if s.kind == "http":
        yield bodies.HttpPage(
            port=s.port,
            tls=bool(s.tls),
            status=s.status or 200,
            title=s.title,
            server=s.server,
            realm=s.realm,
            location=s.location,
        )
    elif text := banner_of(s).decode("utf-8", "replace"):
        spoken = "ssh" if text.startswith("SSH-") else s.kind
        yield bodies.Banner(port=s.port, protocol=spoken, text=text[:2048])


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
