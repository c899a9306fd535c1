"""A judged engagement made by hand for the report's tests: two sites with one range, everything a report has to show, hostile strings.

Plain data of the model, no judgement: counts on page one are consistent with the lists, as the judge's are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, Literal

from agent.catalogs.checklist import ChecklistEntry, load_checklist
from agent.catalogs.doors import load_doors
from agent.catalogs.risks import load_risks
from agent.catalogs.unknowns import load_unknowns
from agent.model.asset import Asset, Identifier, Port
from agent.model.attribution import Attribution
from agent.model.base import hash_id
from agent.model.bodies import ArpEntry, Banner, Body, HostName, HttpPage, TcpPort, TlsCertificate
from agent.model.checklist import ChecklistItem, Line
from agent.model.finding import SEVERITIES, Finding
from agent.model.judged import (
    Conflict,
    Door,
    Judged,
    LedgerLine,
    Unknown,
)
from agent.model.known import Known, Why
from agent.model.observation import Blob, Observation, observation_id
from agent.model.ref import Ref, addr, mac, service
from agent.model.service import Service
from agent.model.status import Ask, ProbeStatus
from tests.reports.map.networks import over
from tests.reports.sample_page import DAY, NOW, START, facts, page_one, run_facts

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
    "file": "2026-11-23-siege.run",
    "run": "a1b2c3",
    "action": "directory",
}
SECRET_NAMES = ("Claire Martin", "Paul Durand", "srv-compta", "192.168.1.")
"""What the outside edition must not hold: people, devices, addresses."""


def judged(devices: int = 80, hostile: bool = True, examined: bool = True) -> Judged:
    """The sample. *hostile*: strings of attack in every field a device or a sheet fills. *examined* False: nothing was looked at."""
    return _Sample(devices, hostile, examined).build()


class _Sample:
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

    def findings(self, assets: list[Asset]) -> list[Finding]:
        """Every rule of the catalogue, on one to a dozen devices."""
        out: list[Finding] = []
        for i, rule in enumerate(load_risks().rules if assets else ()):
            for k in range(1 + i * 5 % 12):
                one = assets[(i * 7 + k * 3) % len(assets)]
                params = {p: PARAMS.get(p, f"<{p}>") for p in rule.placeholders}
                out.append(
                    Finding(
                        key=hash_id("finding", rule.id, k),
                        rule=rule.id,
                        rule_rev=1,
                        subjects=(Ref(kind="asset", ns="", value=one.id),),
                        assets=(one.id,),
                        severity=rule.severity,
                        conf=rule.conf,
                        params={
                            p: self.text(v) if isinstance(v, str) else v for p, v in params.items()
                        },
                        evidence=one.evidence,
                        accepted="Claire Martin, 2026-11-24: replaced in January"
                        if k == 4
                        else None,
                    )
                )
        return sorted(out, key=lambda f: -SEVERITIES.index(f.severity))

    def doors(self, assets: list[Asset]) -> list[Door]:
        former = Attribution(owner="former", provider=None, conf=700)
        nobody = Attribution(owner="unknown", provider=None, conf=0)
        seen: dict[str, tuple[Any, int]] = {
            "remote_access_tool": ("observed", 3),
            "firewall_admin": ("suspected", 1),
            "service_rdp": ("observed", 6),
            "service_ssh": ("observed", 5),
            "service_management": ("observed", 14),
            "bmc": ("observed", 1),
            "service_vnc": ("not_seen", 0),
        }
        out: list[Door] = []
        for i, entry in enumerate(load_doors().doors):
            for label, who in (("InfoSud Services", former), ("unknown", nobody)):
                state, n = seen.get(entry.id, ("not_examined", 0))
                theirs = entry.id in ("firewall_admin", "bmc")
                if theirs if label == "unknown" else entry.id.startswith("service_"):
                    state, n = "not_examined", 0
                at = assets[i * 3 : i * 3 + n] if assets else []
                out.append(
                    Door(
                        door=entry.id,
                        party=who,
                        party_label=label,
                        state=state if assets else "not_examined",
                        assets=tuple(a.id for a in at),
                        evidence=tuple(a.evidence[0] for a in at),
                    )
                )
        return out

    def unknowns(self) -> list[Unknown]:
        """Every cause of the catalogue, the heaviest first."""
        catalogue = load_unknowns()
        causes = sorted(catalogue.causes, key=lambda c: -c.weight)
        return [
            Unknown(
                cause=c.id,
                subject=None,
                label=self.text("") if c.weight < 80 else "",
                site="siege",
                step=c.step,
                params={p: PARAMS[p] for p in c.placeholders},
                count=1 + c.weight % 13,
                weight=c.weight,
            )
            for c in causes
        ]

    def item(self, n: int, e: ChecklistEntry, assets: list[Asset]) -> ChecklistItem:
        by, at = ("Paul Durand", NOW - DAY)
        if e.mode == "intake":
            answered = n % 4 == 0
            return ChecklistItem(
                id=e.id,
                step=e.step,
                mode=e.mode,
                state="cannot_be_had" if n % 17 == 5 else "done" if answered else "to_ask",
                denominator=Known[int].not_asked(),
                answer=self.text("Answer of the client") if answered else None,
                by=by if answered or n % 17 == 5 else None,
                at=at if answered or n % 17 == 5 else None,
            )
        if e.mode == "action":
            return ChecklistItem(
                id=e.id,
                step=e.step,
                mode=e.mode,
                state="to_do",
                denominator=Known[int].not_asked(),
                due=NOW + e.due_days * DAY if e.due_days else None,
            )
        members = [
            a for a in assets if e.selector and (a.device_class.value or "-") in str(e.subjects)
        ][:40]
        state: Literal["open", "unknown", "clear"] = "open" if members else "unknown"
        states: tuple[Literal["open", "clear", "unknown", "done"], ...] = (
            "open",
            "clear",
            "unknown",
            "done",
        )
        lines = tuple(
            Line(
                subject=Ref(kind="asset", ns="", value=a.id),
                label=self.labels[a.id],
                state=states[k % 4],
                evidence=a.evidence,
            )
            for k, a in enumerate(members)
        )
        return ChecklistItem(
            id=e.id,
            step=e.step,
            mode=e.mode,
            state=state,
            denominator=Known[int].not_asked(),
            lines=lines,
        )

    def build(self) -> Judged:
        assets = [self.asset(n, *kind) for n, kind in enumerate(self.kinds())]
        findings = self.findings(assets)
        checklist = [self.item(n, e, assets) for n, e in enumerate(load_checklist().items)]
        doors, unknowns = self.doors(assets), self.unknowns()
        ledger = [
            LedgerLine(
                site=a.sites[0],
                target=a.addrs[0].value,
                probe=probe,
                transport="tcp",
                packets=packets,
                bytes=packets * 60,
                reserved=packets,
                peak_pps=40,
                first=START,
                last=START + DAY,
            )
            for a in assets
            for probe, packets in (("tcp_ports", 1204), ("banner", 18))
        ]
        return Judged(
            engagement=facts(self.hostile),
            at=NOW,
            runs=tuple(run_facts(self.runs)) if self.examined else (),
            assets=tuple(assets),
            services=tuple(self.services),
            findings=tuple(findings),
            checklist=tuple(checklist),
            doors=tuple(doors),
            unknowns=tuple(unknowns),
            coverage=(),
            conflicts=tuple(
                Conflict(
                    subject=Ref(kind="asset", ns="", value=a.id),
                    attribute="model",
                    newest=self.text("OptiPlex 7020"),
                    older="OptiPlex 7010",
                    evidence=a.evidence,
                )
                for a in assets[:3]
            ),
            topologies=(over(assets),),
            page_one=page_one(
                self.text, self.labels, assets, findings, checklist, doors, unknowns, ledger
            ),
            ledger=tuple(ledger),
            statuses=tuple(self.statuses(assets)),
            observations=tuple(self.observations),
            labels=self.labels,
        )

    def statuses(self, assets: list[Asset]) -> Iterator[tuple[str, ProbeStatus]]:
        for n, a in enumerate(assets):
            run = self.runs[0] if a.sites == ("siege",) else self.runs[1]
            ask = Ask(
                kind="tcp.ports",
                subject=a.addrs[0],
                strength="weak",
                outcome="error" if n % 20 == 19 else "silent" if n % 6 == 5 else "answered",
            )
            bad = n % 20 == 19
            yield (
                run,
                ProbeStatus.of(
                    "tcp_ports",
                    a.addrs[0].value,
                    0,
                    "failed" if bad else "done",
                    (ask,),
                    START,
                    START + 1,
                    reason=self.text("no route to host") if bad else "",
                ),
            )
