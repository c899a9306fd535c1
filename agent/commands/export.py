"""`handover export ENG --to FORMAT`: the result for another program. Formats are found in reports/exports."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.common import EXIT_USAGE, Stop, engagement_argument, load, writing

if TYPE_CHECKING:
    from reports.html.texts import Lang


@click.command("export")
@engagement_argument
@click.option("--to", "target", help="The format; without it, the list of formats.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), help="Folder; ENG/out when left out."
)
@click.option(
    "--lang", type=click.Choice(["en", "fr"]), help="Language; the client's when left out."
)
def command(engagement: Path, target: str | None, out: Path | None, lang: Lang | None) -> int:
    """Write the judged result in FORMAT."""
    from agent.commands.judging import judged
    from reports.exports.find import exporters

    known = exporters()
    if target not in known:
        names = ", ".join(sorted(known))
        if target is None:
            click.echo(names)
            return 0
        raise Stop(f"no format '{target}'. There are: {names}.", EXIT_USAGE)
    loaded = load(engagement)
    result = judged(loaded)
    folder = out or loaded.folder / "out"
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = known[target](result, lang or result.engagement.language, folder)
    click.echo(str(path))
    return 0
