"""A judged engagement made by hand for the report's tests: two sites with one range, everything a report has to show, hostile strings.

Plain data of the model, no judgement: counts on page one are consistent with the lists, as the judge's are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from agent.catalogs.checklist import ChecklistEntry, load_checklist
from agent.catalogs.doors import load_doors
from agent.catalogs.risks import load_risks
from agent.catalogs.unknowns import load_unknowns
from agent.model.asset import Asset
from agent.model.attribution import Attribution
from agent.model.base import hash_id
from agent.model.checklist import ChecklistItem, Line
from agent.model.finding import SEVERITIES, Finding
from agent.model.judged import (
    Conflict,
    Door,
    Judged,
    LedgerLine,
    Unknown,
)
from agent.model.known import Known
from agent.model.ref import Ref
from agent.model.status import Ask, ProbeStatus
from tests.reports.map.networks import over
from tests.reports.sample_estate import PARAMS, Estate
from tests.reports.sample_page import DAY, NOW, START, facts, page_one, run_facts


def judged(devices: int = 80, hostile: bool = True, examined: bool = True) -> Judged:
    """The sample. *hostile*: strings of attack in every field a device or a sheet fills. *examined* False: nothing was looked at."""
    return _Sample(devices, hostile, examined).build()


class _Sample(Estate):
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
