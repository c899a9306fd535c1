"""`handover report ENG`: the report over all runs and imports of the engagement."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.common import engagement_argument, fail_on_option, load, writing

if TYPE_CHECKING:
    from reports.html.editions import Edition
    from reports.html.texts import Lang


@click.command("report")
@engagement_argument
@click.option(
    "--lang", type=click.Choice(["en", "fr"]), help="Language; the client's when left out."
)
@click.option(
    "--edition",
    type=click.Choice(["technician", "client", "outside"]),
    default="technician",
    show_default=True,
    help="For whom: client shows no exploit path, outside no names and addresses.",
)
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; ENG/out when left out."
)
@fail_on_option
def command(
    engagement: Path, lang: Lang | None, edition: Edition, out: Path | None, fail_on: str | None
) -> int:
    """Write report HTML, inventory.json and CSV of findings, checklist, devices and (where there is a map) cables, judged over all runs.

    With --fail-on, exit 1 for such a finding, else 3 when not all was looked at (no run of a site, its newest run partial or stopped),
    else 0.
    """
    from agent.commands.judging import judged, report_exit
    from reports.html.render import write_report

    loaded = load(engagement)
    result = judged(loaded)
    folder = out or loaded.folder / "out"
    with writing(folder):
        paths = write_report(result, lang or result.engagement.language, edition, folder)
    for path in paths:
        click.echo(str(path))
    if not fail_on:
        return 0
    code, why = report_exit(result, fail_on)
    if why:
        click.echo(f"Nothing found at '{fail_on}' or worse, but {why}.", err=True)
    return code
