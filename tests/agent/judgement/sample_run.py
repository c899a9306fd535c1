"""A run under construction: what its probes saw, asked and ended with, counted as a run file does."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from agent.model.base import hash_id
from agent.model.bodies import KINDS, ArpEntry, Body, TcpPort
from agent.model.judged import RunFacts, SiteFacts
from agent.model.observation import Observation, Standing, observation_id
from agent.model.ref import Ref, addr, service
from agent.model.run import RunHeader, SessionEnd, UnitPlan, Vantage
from agent.model.scope import ScopeRule
from agent.model.status import Ask, AskOutcome, ProbeStatus, Strength, UnitOutcome

KEY = b"judgement sample".ljust(32, b"\0")
DAY = 86_400_000_000
NOW = 1_790_000_000_000_000
CERTIFICATE: dict[str, Any] = {
    "subject": "CN=device.client.example",
    "issuer": "CN=Client Root CA",
    "serial": "01",
    "not_before": NOW - 400 * DAY,
    "self_signed": False,
    "key_type": "RSA",
    "key_bits": 2048,
    "signature": "sha256WithRSAEncryption",
    "tls_version": "TLSv1.3",
}


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def make_body(kind: str, fields: dict[str, Any], where: str, expires_in_days: int = 365) -> Body:
    """A body of *kind*; certificates get what every certificate has, and a key of their own."""
    given = dict(fields)
    if kind == "tls.certificate":
        own = sha(f"{where}:{fields.get('port')}")
        given = {
            **CERTIFICATE,
            "sha256": own,
            "spki_sha256": own,
            "not_after": NOW + expires_in_days * DAY,
            **given,
        }
    return KINDS[kind].model_validate(given)


@dataclass
class Run:
    """One run under construction; `facts` counts what it holds, as a run file does."""

    site: SiteFacts
    started: int
    id: str
    unreached: tuple[str, ...] = ()
    observations: list[Observation] = field(default_factory=list[Observation])
    statuses: list[ProbeStatus] = field(default_factory=list[ProbeStatus])
    plans: list[UnitPlan] = field(default_factory=list[UnitPlan])

    @property
    def header(self) -> RunHeader:
        return RunHeader(
            run_id=self.id,
            engagement=hash_id("sample"),
            site=self.site.id,
            started=self.started,
            tool_version="0",
            catalogues_sha256=sha("catalogues"),
            client_toml_sha256=sha("client"),
            mandate_sha256=sha("mandate"),
            mandate_signed_by="A. Person",
            operator="T. Echnician",
            vantage=Vantage(site=self.site.id, host="laptop", mode="raw"),
            scope=ScopeRule(
                allowed=self.site.networks,
                never=tuple(n for n, _ in self.site.never),
                unreached=self.unreached,
            ),
        )

    @property
    def facts(self) -> RunFacts:
        return RunFacts(
            header=self.header,
            ends=(SessionEnd(session=0, outcome="complete", ended=self.started + 60_000_000),),
            outcome="complete",
            statuses=len(self.statuses),
            observations=len(self.observations),
            head=sha(self.id),
            head_words="one two three",
            self_consistent=True,
            signed_by=None,
            known_outside=False,
            file=f"{self.id}.run",
        )

    def see(
        self,
        probe: str,
        unit: str,
        ip: str,
        body: Body,
        standing: Standing = "direct",
        at: int | None = None,
    ) -> Observation:
        subject = addr(self.site.id, ip)
        o = Observation(
            id=observation_id(KEY, probe, 1, unit, subject, None, body),
            probe=probe,
            probe_rev=1,
            unit=unit,
            subject=subject,
            standing=standing,
            channel=probe,
            at=self.started if at is None else at,
            mono=0,
            body=body,
        )
        self.observations.append(o)
        return o

    def end(
        self,
        probe: str,
        unit: str,
        asks: tuple[Ask, ...] = (),
        targets: tuple[str, ...] = (),
        outcome: UnitOutcome = "done",
        reason: str = "",
    ) -> None:
        if unit != "*":
            self.plans.append(UnitPlan(probe=probe, unit=unit, targets=targets))
        self.statuses.append(
            ProbeStatus.of(probe, unit, 0, outcome, asks, self.started, self.started, reason)
        )

    def ask(
        self, kind: str, subject: Ref | None, outcome: AskOutcome, strength: Strength = "strong"
    ) -> Ask:
        return Ask(kind=kind, subject=subject, strength=strength, outcome=outcome)

    def sweep(self, hosts: dict[str, dict[str, Any]], silent: tuple[str, ...] = ()) -> None:
        """What ARP, port scan, banner, TLS and web probes write for *hosts*: address -> mac, ports, banners, pages, certificates.

        *silent* are live hosts that answer no port at all.
        """
        for net in self.site.networks:
            targets = tuple(
                h for h in ScopeRule(allowed=(net,), never=self.header.scope.never).hosts()
            )
            asks: list[Ask] = []
            for ip in targets:
                if ip in hosts:
                    self.see("arp", net, ip, ArpEntry(mac=hosts[ip]["mac"]))
                told: AskOutcome = "answered" if ip in hosts else "silent"
                asks.append(self.ask("host.alive", addr(self.site.id, ip), told))
            asks.append(
                self.ask(
                    "arp.entry",
                    Ref(kind="subnet", ns=f"site/{self.site.id}", value=net),
                    "answered",
                )
            )
            self.end("arp", net, tuple(asks), targets)
        for probe in ("arp", "tcp_ports", "banner", "tls", "web"):
            self.end(probe, "*")
        self.end("neighbours", "*", outcome="skipped", reason="raw packets are there")
        for ip, host in hosts.items():
            self._host(ip, host, ip in silent)

    def _host(self, ip: str, host: dict[str, Any], silent: bool) -> None:
        ports: tuple[int, ...] = host.get("ports", ())
        for port in ports:
            self.see("tcp_ports", ip, ip, TcpPort(port=port))
        told: AskOutcome = "silent" if silent else "answered" if ports else "negative"
        self.end(
            "tcp_ports",
            ip,
            (self.ask("tcp.ports", addr(self.site.id, ip), told, "weak"),),
            (ip,),
        )
        for probe, kind in (
            ("banner", "banner"),
            ("tls", "tls.certificate"),
            ("web", "http.page"),
        ):
            rows: dict[int, dict[str, Any]] = host.get(kind, {})
            if not rows:
                continue
            asks: list[Ask] = []
            for port, fields in rows.items():
                days = fields.get("expires_in_days", 365)
                plain = {k: v for k, v in fields.items() if k != "expires_in_days"}
                b = make_body(kind, {"port": port, **plain}, f"{self.site.id}/{ip}", days)
                self.see(probe, ip, ip, b)
                asks.append(self.ask(kind, service(self.site.id, ip, "tcp", port), "answered"))
            self.end(probe, ip, tuple(asks), (ip,))
