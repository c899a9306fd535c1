"""The sample's first page, engagement and runs; see `sample.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from agent.model.asset import Asset
from agent.model.checklist import ChecklistItem
from agent.model.finding import Finding
from agent.model.judged import (
    SUBJECTS,
    Coverage,
    Door,
    EngagementFacts,
    LedgerLine,
    PageOne,
    RunFacts,
    SiteFacts,
    StepProgress,
    Todo,
    Unknown,
)
from agent.model.run import RunHeader, SessionEnd, Vantage
from agent.model.scope import ScopeRule

DAY = 86_400_000_000
START = 1_795_421_467_000_000
"""2026-11-23 08:11:07 UTC."""
NOW = START + 3 * DAY


def facts(hostile: bool) -> EngagementFacts:
    return EngagementFacts(
        id="0" * 32,
        client="Laboratoire Martin SAS" + (" </title><script>alert(1)</script>" if hostile else ""),
        language="fr",
        sector="health",
        mandate_signed_by="Claire Martin",
        mandate_signed_on="2026-11-16",
        mandate_from="2026-11-16",
        mandate_to="2027-02-28",
        mandate_sha256="5e" * 32,
        mandate_allows=("sweep", "devices", "public-names"),
        mode="hostile",
        former_knows=False,
        former=("InfoSud Services",),
        contract_ends="2026-12-31",
        operator="Paul Durand",
        us="Atlantique Infogérance",
        keep_until="2027-12-31",
        sites=(
            SiteFacts(
                id="siege",
                address="12 rue des Ateliers, Nantes",
                hours="Mon-Fri 8-19",
                networks=("192.168.1.0/24", "192.168.2.0/24"),
                never=(
                    ("192.168.1.200-192.168.1.210", "analysers"),
                    ("10.20.0.0/16", "guest Wi-Fi"),
                ),
                unreached=(("172.16.5.0/24", "no route"),),
            ),
            SiteFacts(id="depot", address="", hours="", networks=("192.168.1.0/24",)),
        ),
    )


def run_facts(runs: tuple[str, ...]) -> Iterator[RunFacts]:
    for n, run in enumerate(runs):
        site = "depot" if n == 1 else "siege"
        begun = START + n * 2 * DAY if n < 2 else START + DAY
        header = RunHeader(
            run_id=run,
            engagement="0" * 32,
            site=site,
            kind="import" if n == 2 else "run",
            started=begun,
            tool_version="0.1.0",
            catalogues_sha256="c" * 64,
            client_toml_sha256="d" * 64,
            mandate_sha256="5e" * 32,
            mandate_signed_by="Claire Martin",
            operator="Paul Durand",
            vantage=Vantage(
                site=site,
                host="tech-laptop",
                interface="eth0",
                address="192.168.1.250",
                mode="import" if n == 2 else "raw",
            ),
            scope=ScopeRule(allowed=("192.168.1.0/24",), never=("192.168.1.200-192.168.1.210",)),
        )
        yield RunFacts(
            header=header,
            ends=(
                SessionEnd(
                    session=0,
                    outcome="partial" if n == 1 else "complete",
                    ended=begun + 2_400_000_000,
                    reason="stopped by the operator" if n == 1 else "",
                ),
            ),
            outcome="partial" if n == 1 else "complete",
            statuses=412,
            observations=1830,
            head="7f" * 32,
            head_words="amber canoe drift lemon orbit quartz river saddle",
            self_consistent=n != 1,
            signed_by="a1b2c3d4e5f60718" if n != 2 else None,
            known_outside=n == 0,
            file=f"{run}.run",
        )


def page_one(
    text: Callable[[str], str],
    labels: dict[str, str],
    assets: list[Asset],
    findings: list[Finding],
    checklist: list[ChecklistItem],
    doors: list[Door],
    unknowns: list[Unknown],
    ledger: list[LedgerLine],
) -> PageOne:
    worst: dict[str, list[Finding]] = {}
    for f in findings:
        worst.setdefault(f.rule, []).append(f)
    today = tuple(
        Todo(
            action=rule,
            kind="finding",
            severity=fs[0].severity,
            who="technician",
            subjects=tuple(f.subjects[0] for f in fs),
            labels=tuple(labels[f.assets[0]] for f in fs),
            params=fs[0].params,
            evidence=fs[0].evidence,
        )
        for rule, fs in list(worst.items())[:4]
    ) + (
        Todo(
            action="1.credentials.break_glass",
            kind="item",
            severity="high",
            who="client",
            subjects=(),
        ),
    )
    closed = ("clear", "done", "not_applicable", "cannot_be_had")
    steps = tuple(
        StepProgress(
            step=n,
            total=len(items),
            closed=sum(i.state in closed for i in items),
            open=sum(i.state in ("open", "to_ask", "to_do") for i in items),
            unknown=sum(i.state == "unknown" for i in items),
        )
        for n in range(1, 11)
        for items in [[i for i in checklist if i.step == n]]
    )
    by_cause = Counter[str]()
    for u in unknowns:
        by_cause[u.cause] += u.count
    mine = [d for d in doors if d.party_label == "InfoSud Services"]
    some = bool(assets)
    return PageOne(
        ways_in=sum(d.state == "observed" for d in mine) if some else None,
        ways_in_suspected=sum(d.state == "suspected" for d in mine),
        ways_to_admin=None,
        systems=len(assets),
        systems_not_looked=len(assets) // 7,
        today=today if some else (),
        doors=tuple(doors),
        what_stops=("Microsoft 365 licences (40)", "Domain labomartin.example") if some else None,
        backup="answered" if some else "not_examined",
        backup_facts={"7.backup.last_good": "2026-11-20", "7.backup.key_held": text("us")}
        if some
        else {},
        unknowns=tuple(unknowns[:5]),
        unknown_total=sum(by_cause.values()),
        unknown_by_cause=dict(by_cause),
        coverage=tuple(
            Coverage(
                subject=s,
                looked=len(assets) - 9 if n == 0 and some else 0,
                total=len(assets) if n == 0 and some else None,
            )
            for n, s in enumerate(SUBJECTS)
        ),
        estate=dict(Counter(a.device_class.value or "unknown" for a in assets)),
        left_alone=2,
        personal_devices=12 if some else None,
        no_rmm=None,
        no_antivirus=None,
        no_backup=None,
        second_factor_foreign=None,
        leavers=None,
        ownerless_accounts=None,
        administrators=None,
        expiring=tuple(
            (text(f"fw-{n}.labomartin.example"), START + (20 + n) * DAY, a.evidence)
            for n, a in enumerate(assets[:7])
        ),
        steps=steps,
        sla_blockers=sum(i.step == 1 and i.state == "to_ask" for i in checklist),
        letter={"sent": 14, "answered": 5, "overdue": 3} if some else None,
        since_last={"new": 3, "gone": 1, "changed": 0} if some else None,
        packets_sent=sum(x.packets for x in ledger),
        bytes_sent=sum(x.bytes for x in ledger),
        accepted_risks=("Telnet on sw-03: Claire Martin, 2026-11-24",) if some else (),
    )
