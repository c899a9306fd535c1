"""`handover purge ENG`: personal data has an end. Values are erased, commitments stay: the chain still verifies."""

from __future__ import annotations

import json
import time
from pathlib import Path

import click

from agent.commands.common import EXIT_USAGE, Stop, engagement_argument, load


@click.command("purge")
@engagement_argument
@click.option(
    "--person", metavar="TEXT", help="Every value in which this name, address or reference stands."
)
@click.option(
    "--expired", is_flag=True, help="Everything, once the mandate's keep_until has passed."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def command(engagement: Path, person: str | None, expired: bool, yes: bool) -> int:
    """Erase values from every run of ENG. This cannot be undone; reports made before are yours to delete."""
    from agent.load_material import run_paths
    from agent.store.purge import purge

    if bool(person) == expired:
        raise Stop("Say what to erase: --person TEXT or --expired.", EXIT_USAGE)
    loaded = load(engagement)
    if expired:
        until = loaded.facts().keep_until
        if until >= time.strftime("%Y-%m-%d"):
            raise Stop(f"keep_until is {until or 'not set'}: nothing has expired yet.", EXIT_USAGE)
    if not yes:
        click.confirm(f"Erase from {len(run_paths(loaded.folder))} runs for good?", abort=True)
    needle = (person or "").casefold()

    def keep(kind: str, payload: dict[str, object]) -> bool:
        if kind in ("header", "session", "signature"):
            return True
        return bool(person) and needle not in json.dumps(payload, ensure_ascii=False).casefold()

    for path in run_paths(loaded.folder):
        click.echo(f"{path.name}: {purge(path, keep)} entries erased")
    click.echo("Reports in out/ and copies elsewhere are not touched: delete them yourself.")
    return 0
