"""`handover import ENG FILE...`: a run made elsewhere (through an RMM), endpoint documents, a scan, or a person's sheet of devices."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.common import (
    EXIT_PARTIAL,
    EXIT_USAGE,
    Stop,
    engagement_argument,
    load,
    login,
)

if TYPE_CHECKING:
    from agent.engagement.engagement import Engagement
    from agent.imports.console import Said
    from agent.model.bodies_console import ConsoleKind

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
@click.option(
    "--console",
    type=click.Choice(["rmm", "antivirus", "backup", "mdm"]),
    help="FILE is the list of machines that a console of this kind exports.",
)
@click.option("--product", default="", metavar="NAME", help="With --console: its product.")
@click.option(
    "--whose",
    default="ours",
    metavar="NAME",
    help="With --console: ours, or a provider of client.toml. [ours]",
)
@click.option(
    "--customer",
    default="",
    metavar="NAME",
    help="With --console: whose rows to take where the list has several customers.",
)
def command(
    engagement: Path,
    files: tuple[Path, ...],
    site: str | None,
    worksheet: str | None,
    console: ConsoleKind | None,
    product: str,
    whose: str,
    customer: str,
) -> int:
    """Add FILEs to the engagement: .run files as they are, endpoint documents of `handover collect` (.json, or a folder of them), .csv and
    .xlsx sheets as claims, nmap XML as reported. With --console, lists of our RMM, antivirus, backup or MDM.
    """
    from agent.imports.bring import ImportProblem, bring, start_of
    from agent.imports.console import Said
    from agent.imports.endpoint_file import looks_like_endpoint
    from agent.store.errors import StoreError

    loaded = load(engagement)
    if console is not None:
        return _lists(loaded, files, Said(console, product, whose, customer, site, worksheet))
    if product or customer or whose != "ours":
        raise Stop("--product, --whose and --customer speak of a --console.", EXIT_USAGE)
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


def _lists(engagement: Engagement, files: tuple[Path, ...], said: Said) -> int:
    from agent.imports.console import ConsoleProblem, bring_console
    from agent.store.errors import StoreError

    failed = 0
    for file in files:
        try:
            done = asyncio.run(bring_console(engagement, file, said, login()))
        except (ConsoleProblem, StoreError, OSError) as problem:
            failed += 1
            why = problem.strerror if isinstance(problem, OSError) else problem
            click.echo(f"{file.name}: not imported: {why}", err=True)
        else:
            click.echo(f"{file.name}: {done}")
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
