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
@click.option(
    "--sheet", "worksheet", metavar="NAME", help="The sheet of a workbook; its first when left out."
)
def command(
    engagement: Path, files: tuple[Path, ...], site: str | None, worksheet: str | None
) -> int:
    """Add FILEs to the engagement: .run files as they are, .csv and .xlsx sheets as claims, nmap XML as reported."""
    from agent.imports.bring import ImportProblem, bring
    from agent.store.errors import StoreError

    loaded = load(engagement)
    failed = 0
    for file in files:
        try:
            said = asyncio.run(bring(loaded, file, site, login(), worksheet))
        except (ImportProblem, StoreError, OSError) as problem:
            # The files after it are imported all the same.
            failed += 1
            why = problem.strerror if isinstance(problem, OSError) else problem
            click.echo(f"{file.name}: not imported: {why}", err=True)
        else:
            click.echo(f"{file.name}: {said}")
    return EXIT_PARTIAL if failed else 0
