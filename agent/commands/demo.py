"""`handover demo`: brings the simulated client LAN up, audits both its sites as `handover run` would, writes the report, tears down.

Nothing is canned: what the report says was seen on real sockets a moment before.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.lab import Lab
    from reports.html.texts import Lang


@click.command("demo")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("handover-demo"),
    show_default=True,
    help="Folder for the report.",
)
@click.option("--lang", type=click.Choice(["en", "fr"]), help="One language; both when left out.")
@click.option(
    "--keep", is_flag=True, help="Keep the engagement folder, to try the other commands on."
)
def command(out: Path, lang: Lang | None, keep: bool) -> int:
    """Audit the simulated client LAN on 127.0.0.0/8 (no root) from two vantage points and write its report."""
    return audit_lab(out, (lang,) if lang else ("en", "fr"), keep)


def audit_lab(
    out: Path,
    langs: tuple[Lang, ...],
    keep: bool = False,
    before: Callable[[Lab], None] | None = None,
) -> int:
    """The demo itself; *before* is called with each lab once it is up (a test ends a service there)."""
    import asyncio
    import time

    from agent.commands.judging import judged
    from agent.engagement.engagement import load_engagement
    from agent.imports.endpoints import Brought, bring_endpoints
    from agent.perform import Performing, RunRequest
    from agent.progress import Show
    from fixtures.lab import Lab
    from reports.html.render import write_report

    out.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="handover-demo-"))
    started = time.monotonic()
    partial = False
    brought = Brought()
    try:
        engagement = folder / "engagement"
        for number, site in enumerate(("siege", "depot"), start=1):
            click.echo(f"[{number}/2] site '{site}': simulated LAN up, then looking at it")
            with Lab(mode="loopback", sites=(site,)) as lab:
                if number == 1:
                    lab.engagement(engagement, mode="loopback", accounts=True)
                if before is not None:
                    before(lab)
                request = RunRequest(
                    site=site, operator="demo", outside_window=True, port_offset=20000
                )
                with Show(sys.stderr) as show:
                    performing = Performing(load_engagement(engagement), request, show)
                    end = asyncio.run(performing.main())
                    if end.outcome != "interrupted":
                        documents = lab.endpoints(folder / site, time.time_ns() // 1000)
                        brought = asyncio.run(
                            bring_endpoints(load_engagement(engagement), documents, site, "demo")
                        )
            click.echo(f"      {end.outcome}" + (f": {end.reason}" if end.reason else ""))
            for where, count in brought.added.items():
                click.echo(f"      {count} machines of {where} looked into from the inside")
            partial = partial or end.outcome == "interrupted"
            if end.outcome == "interrupted":
                break
        result = judged(load_engagement(engagement))
        for each in langs:
            paths = write_report(result, each, "technician", out)
            click.echo(f"report ({each}): {paths[0]}")
        if keep:
            kept = out / "engagement"
            shutil.copytree(engagement, kept, dirs_exist_ok=True)
            click.echo(f"engagement: {kept}")
        page = result.page_one
        click.echo(
            f"{len(result.assets)} devices, {len(result.findings)} findings, "
            f"{page.unknown_total} declared unknowns, {page.packets_sent} packets sent, "
            f"{time.monotonic() - started:.0f} s"
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 3 if partial else 0
