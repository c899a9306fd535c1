"""`handover import ENG FILE...`: a run made elsewhere (through an RMM), or a person's sheet of devices."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from agent.commands.common import EXIT_PARTIAL, engagement_argument, load, login


@click.command("import")
@engagement_argument
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)
@click.option("--site", help="The site a sheet speaks of; needed when client.toml has several.")
def command(engagement: Path, files: tuple[Path, ...], site: str | None) -> int:
    """Add FILEs to the engagement: .run files as they are, .csv and .xlsx sheets as claims."""
    from agent.imports.bring import ImportProblem, bring

    loaded = load(engagement)
    failed = 0
    for file in files:
        try:
            click.echo(f"{file.name}: {asyncio.run(bring(loaded, file, site, login()))}")
        except ImportProblem as problem:
            failed += 1
            click.echo(f"{file.name}: not imported: {problem}", err=True)
    return EXIT_PARTIAL if failed else 0
