"""`handover import ENG FILE...`: a run made elsewhere (through an RMM), endpoint documents, a scan, or a person's sheet of devices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.common import EXIT_PARTIAL, engagement_argument, load, login

if TYPE_CHECKING:
    from agent.engagement.engagement import Engagement

MOST_SHOWN = 20
"""Refused documents named one by one; through an RMM the output is cut at a few kB."""


@click.command("import")
@engagement_argument
@click.argument(
    "files",
    metavar="FILE...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--site",
    help="The site a sheet or a machine stands at; needed when client.toml has several and it does not say so itself.",
)
@click.option(
    "--sheet", "worksheet", metavar="NAME", help="The sheet of a workbook; its first when left out."
)
def command(
    engagement: Path, files: tuple[Path, ...], site: str | None, worksheet: str | None
) -> int:
    """Add FILEs to the engagement: .run files as they are, endpoint documents of `handover collect` (.json, or a folder of them), .csv and
    .xlsx sheets as claims, nmap XML as reported.
    """
    from agent.imports.bring import ImportProblem, bring, start_of
    from agent.imports.endpoint_file import looks_like_endpoint
    from agent.store.errors import StoreError

    loaded = load(engagement)
    failed = 0
    documents: list[Path] = []
    for file in _all(files):
        try:
            if file.suffix.lower() == ".json" or looks_like_endpoint(start_of(file)):
                documents.append(file)
                continue
            said = asyncio.run(bring(loaded, file, site, login(), worksheet))
        except (ImportProblem, StoreError, OSError) as problem:
            # The files after it are imported all the same.
            failed += 1
            why = problem.strerror if isinstance(problem, OSError) else problem
            click.echo(f"{file.name}: not imported: {why}", err=True)
        else:
            click.echo(f"{file.name}: {said}")
    failed += _endpoints(loaded, documents, site) if documents else 0
    return EXIT_PARTIAL if failed else 0


def _all(files: tuple[Path, ...]) -> Iterator[Path]:
    for file in files:
        if file.is_dir():
            found = sorted(p for p in file.iterdir() if p.suffix.lower() == ".json")
            if not found:
                click.echo(f"{file.name}: no endpoint documents (.json) in this folder", err=True)
            yield from found
        else:
            yield file


def _endpoints(engagement: Engagement, files: list[Path], site: str | None) -> int:
    """How many of *files* were refused."""
    from agent.imports.endpoints import bring_endpoints
    from agent.store.errors import StoreError

    try:
        brought = asyncio.run(bring_endpoints(engagement, files, site, login()))
    except (StoreError, OSError) as problem:
        why = problem.strerror if isinstance(problem, OSError) else problem
        click.echo(f"endpoint documents: not imported: {why}", err=True)
        return len(files)
    for where, machines in brought.added.items():
        click.echo(f"{machines} machines at {where}")
    if brought.again:
        click.echo(f"{brought.again} documents were here already")
    for name, why in brought.refused[:MOST_SHOWN]:
        click.echo(f"{name}: not imported: {why}", err=True)
    left = len(brought.refused) - MOST_SHOWN
    if left > 0:
        click.echo(f"and {left} more documents not imported", err=True)
    return len(brought.refused)
