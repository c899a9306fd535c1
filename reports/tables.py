"""The judged result as plain tables with a head row, for the CSV files and the workbook; making cells inert is the writer's part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent.model.judged import Judged
from agent.model.known import Known
from reports.html.texts import Lang, iso_day, percent, strings, text
from reports.prose import Prose

Rows = list[Sequence[object]]


def findings_table(judged: Judged, lang: Lang) -> Rows:
    """A row a finding, worst first as judged."""
    prose = Prose(lang)
    heads = (
        "severity",
        "title_column",
        "concerned",
        "risk",
        "remediation",
        "confidence",
        "accepted_by",
    )
    rows: Rows = [
        [text(lang, "key"), text(lang, "rule"), *(text(lang, h) for h in heads)]
        + [text(lang, "evidence")]
    ]
    for f in judged.findings:
        told = prose.rule(f.rule, f.params)
        names = "; ".join(judged.labels.get(a, a) for a in f.assets) or "; ".join(
            r.value for r in f.subjects
        )
        rows.append(
            [f.key, f.rule, text(lang, f"severity_{f.severity}"), told.title, names, told.risk]
            + [told.remediation, percent(lang, f.conf), f.accepted or "", " ".join(f.evidence)]
        )
    return rows


def checklist_table(judged: Judged, lang: Lang) -> Rows:
    """A row an item and below it a row for each of its lines."""
    prose = Prose(lang)
    heads = ("step", "section", "item", "subject", "state", "answer", "who", "date", "due")
    rows: Rows = [["id", *(text(lang, h) for h in heads), text(lang, "evidence")]]
    for i in judged.checklist:
        told = prose.item(i.id)
        head: list[object] = [i.id, i.step, told.section_title, told.title]
        rows.append(
            [*head, "", text(lang, f"state_{i.state}"), i.answer or "", i.by or ""]
            + [iso_day(i.at) if i.at else "", iso_day(i.due) if i.due else "", ""]
        )
        for line in i.lines:
            subject = line.label or judged.labels.get(line.subject.value, line.subject.value)
            evidence = " ".join((*line.evidence, *line.findings))
            rows.append(
                [*head, subject, text(lang, f"state_{line.state}"), "", "", "", "", evidence]
            )
    return rows


def devices_table(judged: Judged, lang: Lang) -> Rows:
    """A row a device; what is not known is empty, what is in conflict shows every candidate."""
    heads = ("name", "class", "site", "addresses", "interfaces", "vendor", "model", "serial")
    rest = ("os", "open_services", "presence", "first_seen", "last_seen")
    rows: Rows = [["id", *(text(lang, h) for h in (*heads, *rest))]]
    ports: dict[str, list[str]] = {}
    for s in judged.services:
        if s.state == "open":
            ports.setdefault(s.asset, []).append(f"{s.transport}/{s.port}")
    words = strings(lang)
    for a in judged.assets:
        kind = a.device_class.value or "unknown"
        rows.append(
            [a.id, judged.labels.get(a.id, ""), words.get(f"class_{kind}", kind)]
            + [", ".join(a.sites), " ".join(r.value for r in a.addrs)]
            + [" ".join(p.mac.value for p in a.ports if p.mac)]
            + [_shown(a.attrs.get(name)) for name in ("vendor", "model", "serial", "os")]
            + [" ".join(ports.get(a.id, [])), text(lang, f"presence_{a.presence}")]
            + [iso_day(a.first_seen), iso_day(a.last_seen)]
        )
    return rows


def unknowns_table(judged: Judged, lang: Lang) -> Rows:
    """A row a declared unknown with the step that would close it."""
    prose = Prose(lang)
    heads = ("cause", "what", "site", "count", "step_to_close", "who")
    rows: Rows = [[text(lang, h) for h in heads]]
    for u in judged.unknowns:
        told = prose.unknown(u.cause, u.step, u.params)
        what = f"{told.cause} {u.label}".strip()
        rows.append(
            [
                prose.cause(u.cause),
                what,
                u.site or "",
                u.count,
                told.step,
                text(lang, f"who_{told.who}"),
            ]
        )
    return rows


def _shown(value: Known[Any] | None) -> str:
    if value is None:
        return ""
    if value.state == "conflict":
        return " / ".join(str(v) for v, _ in value.candidates)
    return str(value.value) if value.state == "known" else ""
