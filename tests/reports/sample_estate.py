"""The devices of the report's sample with what was seen of them; hostile strings in every field a device fills."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from agent.model.asset import Asset, Identifier, Port
from agent.model.base import hash_id
from agent.model.bodies import ArpEntry, Banner, Body, HostName, HttpPage, TcpPort, TlsCertificate
from agent.model.known import Known, Why
from agent.model.observation import Blob, Observation, observation_id
from agent.model.ref import Ref, addr, mac, service
from agent.model.service import Service
from tests.reports.sample_page import DAY, START

HOSTILE = (
    "<script>document.title='owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "'\"><svg/onload=document.title='owned'>",
    "=cmd|' /C calc'!A0",
    "javascript:document.title='owned'",
    "invoice\u202egpj.exe\u202c \u2066hidden\u2069",
    "nul\x00bell\x07esc\x1b[31mred",
    "{{ 7 * 7 }} {% raw %} %(name)s %s </title></style></script>",
    "W" * 3000,
    "\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd \U0001f5a8\ufe0f",
)
CLASSES: tuple[tuple[str, int, str, str, tuple[int, ...]], ...] = (
    ("workstation", 30, "Dell", "OptiPlex 7010", (135, 445)),
    ("voip_phone", 10, "Yealink", "T46U", (443,)),
    ("printer", 6, "KYOCERA", "TASKalfa 2554ci", (80, 443, 9100)),
    ("camera", 6, "Hikvision", "DS-2CD2143", (80, 554)),
    ("server", 5, "HPE", "ProLiant DL360 Gen10", (22, 443, 445, 3389)),
    ("access_point", 5, "Ubiquiti", "U6-Pro", (22,)),
    ("switch", 4, "HPE", "Aruba 2530-24G", (23, 80, 443)),
    ("unknown", 4, "", "", (8080,)),
    ("nas", 2, "Synology", "DS1821+", (21, 5000, 5001)),
    ("gateway", 2, "Fortinet", "FortiGate 60F", (443, 10443)),
    ("domain_controller", 1, "VMware", "virtual machine", (53, 88, 389, 445, 3389)),
    ("hypervisor", 1, "HPE", "ProLiant DL380 Gen10", (443, 902)),
    ("bmc", 1, "HPE", "iLO 5", (22, 443)),
    ("alarm", 1, "Paradox", "IP150", (80,)),
    ("hvac", 1, "Daikin", "DCM601", (80, 502)),
    ("ups", 1, "APC", "Smart-UPS 3000", (23, 80)),
)
PARAMS: dict[str, str | int] = {
    "ports": "443",
    "product": "Windows Server 2012 R2",
    "provider": "InfoSud Services",
    "words": "InfoSud Services Root CA",
    "expires": "2026-12-30",
    "days": 34,
    "key_bits": 1024,
    "signature": "sha1WithRSAEncryption",
    "certificate": "CN=synology.com",
    "tls_version": "TLS 1.0",
    "count": 1200,
    "ended": "2023-10-10",
    "seen": "2026-08-14",
    "shown": "Windows Server 2012 R2 Standard",
    "source": "https://learn.microsoft.com/lifecycle/products/windows-server-2012-r2",
    "server": "RomPager/4.07",
    "last_seen": "2026-11-02",
    "address": "192.168.1.77",
    "macs": "00:11:22:33:44:55, 00:11:22:33:44:66",
    "location": "https://cloud.vendor.example/",
    "site": "siege",
    "probe": "tcp_ports",
    "reason": "no answer from the gateway",
    "network": "192.168.1.0/24",
    "why": "guest Wi-Fi",
    "version": "v2c",
    "what": "no key at all",
    "file": "2026-11-23-siege.run",
    "run": "a1b2c3",
    "action": "directory",
    "routers": "192.168.1.66",
    "dns": "192.168.1.66",
    "others": "192.168.1.254",
    "protocol": "LLDP",
    "name": "srv-compta",
    "model": "ProCurve J9280A",
    "switch_port": "12",
    "addresses": "192.168.1.5",
    "sender": "00:11:22:33:44:77",
    "eap": "request/identity",
    "domain": "labo.local",
    "way": "Admins du domaine > G-Support",
    "day": "2026-10-02",
    "level": 4,
    "who": "svc-veeam, k.roux (+12)",
}
SECRET_NAMES = ("Claire Martin", "Paul Durand", "srv-compta", "192.168.1.")
"""What the outside edition must not hold: people, devices, addresses."""


class Estate:
    def __init__(self, devices: int, hostile: bool, examined: bool) -> None:
        self.random = random.Random(20261123)
        self.count, self.hostile, self.examined = devices if examined else 0, hostile, examined
        self.observations: list[tuple[str, Observation]] = []
        self.services: list[Service] = []
        self.labels: dict[str, str] = {}
        self.runs = ("run-siege", "run-depot", "run-sheet")

    def text(self, plain: str) -> str:
        """*plain*, now and then an attack instead."""
        return (
            self.random.choice(HOSTILE) if self.hostile and self.random.random() < 0.25 else plain
        )

    def see(self, site: str, ip: str, body: Body, hours: int = 0, via: Ref | None = None) -> str:
        run = self.runs[0] if site == "siege" else self.runs[1]
        subject = addr(site, ip)
        probe = body.kind.split(".")[0]
        id_ = observation_id(b"k", probe, 1, ip, subject, via, body)
        blob = Blob(sha256="ab" * 32, size=9000, stored=2048) if body.kind == "http.page" else None
        self.observations.append(
            (
                run,
                Observation(
                    id=id_,
                    probe=probe,
                    probe_rev=1,
                    unit=ip,
                    subject=subject,
                    via=via,
                    standing="reported" if via else "direct",
                    channel="tcp",
                    at=START + (0 if site == "siege" else 2 * DAY) + hours * 3_600_000_000,
                    mono=0,
                    body=body,
                    raw=(blob,) if blob else (),
                ),
            )
        )
        return id_

    def kinds(self) -> Iterator[tuple[str, str, str, tuple[int, ...]]]:
        """Classes in the proportions of `CLASSES`, as many as there are devices."""
        total = sum(n for _, n, *_ in CLASSES)
        made = 0
        for kind, n, vendor, model, ports in CLASSES:
            for _ in range(max(1, round(n * self.count / total))):
                if made < self.count:
                    made += 1
                    yield kind, vendor, model, ports
        while made < self.count:
            made += 1
            yield "workstation", "Dell", "OptiPlex 7010", (135, 445)

    def asset(self, n: int, kind: str, vendor: str, model: str, ports: tuple[int, ...]) -> Asset:
        site = "depot" if n % 3 == 2 else "siege"
        # Both sites use the same range; more than a /24 spreads over the third octet.
        ip = f"192.168.{1 + n // 600}.{n // 3 % 250 + 1 if site == 'depot' else (n - n // 3) % 250 + 1}"
        hardware = f"00:1b:21:{n // 65536:02x}:{n // 256 % 256:02x}:{n % 256:02x}"
        seen = self.see(site, ip, ArpEntry(mac=hardware))
        name = self.text("srv-compta" if n == 60 else f"{kind.replace('_', '-')}-{n:03d}")
        named = self.see(site, ip, HostName(name=name, source="dns"))
        id_ = hash_id("asset", n)
        self.labels[id_] = name if n % 11 else ip
        for port in ports:
            self.service(id_, site, ip, port, self.text(f"{model} login"))
        gone = n % 29 == 28
        attrs: dict[str, Known[Any]] = {"name": Known[Any].of(name, (named,))}
        if vendor:
            attrs["vendor"] = Known[Any](
                state="known",
                value=vendor,
                candidates=((vendor, (seen,)), ("Intel Corporate", (seen,))),
            )
            attrs["model"] = Known[Any].of(self.text(model), (named,))
            attrs["serial"] = Known[Any].unreadable("snmp/refused")
        if n % 7 == 0:
            attrs["os"] = Known[Any](
                state="conflict",
                candidates=((self.text("Windows 10"), (seen,)), ("Windows 11", (named,))),
            )
        why = Why(feature="mac+name", matched=name, weight=950, strong=True, evidence=(seen,))
        apart = Why(
            feature="cert_key:vendor_default",
            matched="9f" * 16,
            weight=0,
            strong=False,
            evidence=(named,),
        )
        return Asset(
            id=id_,
            same_as=(),
            identifiers=(
                Identifier(ref=mac(site, hardware), strength="unique", evidence=(seen,)),
                Identifier(
                    ref=Ref(kind="cert_key", ns="", value="9f" * 16),
                    strength="weak",
                    demoted="vendor_default",
                    evidence=(named,),
                ),
            ),
            ports=(
                Port(
                    mac=mac(site, hardware),
                    addrs=(addr(site, ip),),
                    name="eth0",
                    virtual=n % 40 == 0,
                ),
            ),
            merged=(why,) if n % 5 == 0 else (),
            kept_apart=(apart,) if n % 6 == 0 else (),
            presence="unseen" if gone else "claimed" if n % 37 == 36 else "live",
            device_class=Known[str].not_asked()
            if kind == "unknown"
            else Known[str].of(kind, (named,)),
            class_conf=0 if kind == "unknown" else 850,
            attrs=attrs,
            sites=(site,),
            first_seen=START,
            last_seen=START + (0 if gone else 2 * DAY),
            evidence=(seen, named),
        )

    def service(self, asset: str, site: str, ip: str, port: int, title: str) -> None:
        tls = port in (443, 5001, 10443)
        ids = [self.see(site, ip, TcpPort(port=port))]
        if port in (80, 8080, 5000) or tls:
            ids.append(
                self.see(site, ip, HttpPage(port=port, tls=tls, status=200, title=title[:300]))
            )
        elif port in (21, 22, 23):
            said = self.text("SSH-2.0-OpenSSH_8.4")[:2048]
            ids.append(self.see(site, ip, Banner(port=port, protocol="ssh", text=said)))
        if tls:
            ids.append(
                self.see(
                    site,
                    ip,
                    TlsCertificate(
                        port=port,
                        subject=f"CN={title}",
                        issuer="CN=InfoSud Services Root CA",
                        serial="01",
                        not_before=START - 400 * DAY,
                        not_after=START + 41 * DAY,
                        self_signed=False,
                        sha256="ab" * 32,
                        spki_sha256="cd" * 32,
                        key_type="rsa",
                        key_bits=2048,
                        signature="sha256WithRSAEncryption",
                    ),
                )
            )
        evidence = tuple(ids)
        web = Known[str].of("https" if tls else "http", evidence)
        self.services.append(
            Service(
                asset=asset,
                at=service(site, ip, "tcp", port),
                transport="tcp",
                port=port,
                state="open",
                protocol=web if tls or port in (80, 8080, 5000) else Known[str].not_asked(),
                product=Known[str].of(self.text("nginx"), evidence)
                if tls
                else Known[str].not_asked(),
                version=Known[str].of("1.18.0", evidence) if tls else Known[str].not_asked(),
                title=Known[str].of(title, evidence) if tls else Known[str].not_asked(),
                auth=Known[str].not_asked(),
                process=Known[str].not_asked(),
                last_seen=START,
                evidence=evidence,
            )
        )
