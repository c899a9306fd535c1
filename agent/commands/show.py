"""`handover show ENG PART`: one part of the result, for people or as JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.common import engagement_argument, load

if TYPE_CHECKING:
    from agent.model.judged import Judged

PARTS = ("id", "status", "inventory", "findings", "checklist", "ledger", "observations", "runs")


@click.command("show")
@engagement_argument
@click.argument("part", type=click.Choice(PARTS))
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="JSON, one document (schema: handover schema show:PART).",
)
@click.option("--lang", type=click.Choice(["en", "fr"]), help="Language of catalogue texts.")
def command(engagement: Path, part: str, as_json: bool, lang: str | None) -> int:
    """Print one part of the result over all runs of ENG."""
    from agent.commands.judging import judged

    result = judged(load(engagement))
    if as_json:
        from agent.commands.printed import document

        plain = document(result, part).model_dump(mode="json")
        click.echo(json.dumps(plain, ensure_ascii=False, indent=1))
        return 0
    for line in _lines(result, part, lang or result.engagement.language):
        click.echo(line)
    return 0


def _lines(result: Judged, part: str, lang: str) -> list[str]:
    from agent.catalogs.checklist import load_checklist
    from agent.catalogs.risks import fill, load_risks

    if part == "id":
        return [result.engagement.id]
    if part == "status":
        return [
            f"{s.outcome:<8} {s.probe:<12} {s.unit:<36} "
            f"asked {s.asked} answered {s.answered} negative {s.negative} silent {s.silent} {s.reason}"
            for _, s in result.statuses
        ]
    if part == "inventory":
        return [
            f"{result.labels.get(a.id, a.id):<32} {a.device_class.value or '?':<16} "
            f"{a.presence:<12} {' '.join(r.value for r in a.addrs)}"
            for a in result.assets
        ]
    if part == "findings":
        risks = load_risks()
        return [
            f"{f.severity:<8} {fill(risks.rule(f.rule).title, lang, f.params)}: "
            + ", ".join(result.labels.get(a, a) for a in f.assets)
            for f in result.findings
        ]
    if part == "checklist":
        titles = {i.id: i.title for i in load_checklist().items}
        return [f"{i.state:<14} {i.id:<40} {titles[i.id].in_(lang)}" for i in result.checklist]
    if part == "ledger":
        return [
            f"{line.site:<10} {line.target:<40} {line.probe:<12} {line.transport:<5} "
            f"{line.packets} packets {line.bytes} bytes, at most {line.peak_pps}/s"
            for line in result.ledger
        ]
    if part == "observations":
        return [f"{o.id} {o.probe:<12} {o.subject} {o.body.kind}" for _, o in result.observations]
    return [
        f"{r.file} {r.header.site} {r.outcome}: {r.statuses} statuses, {r.observations} observations"
        for r in result.runs
    ]
