"""`handover purge ENG`: personal data has an end. Values are erased, commitments stay: the chain still verifies."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import click

from agent.commands.common import EXIT_USAGE, Stop, engagement_argument, load

SHORTEST = 3


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

    if (person is not None) == expired:
        raise Stop("Say what to erase: --person TEXT or --expired.", EXIT_USAGE)
    needle = (person or "").strip().casefold()
    if person is not None and len(needle) < SHORTEST:
        raise Stop(
            f"--person needs at least {SHORTEST} characters: less stands in nearly every value.",
            EXIT_USAGE,
        )
    loaded = load(engagement)
    if expired:
        until = loaded.facts().keep_until
        if not until or until >= time.strftime("%Y-%m-%d"):
            raise Stop(f"keep_until is {until or 'not set'}: nothing has expired yet.", EXIT_USAGE)
    if not yes:
        click.confirm(f"Erase from {len(run_paths(loaded.folder))} runs for good?", abort=True)

    def keep(kind: str, payload: dict[str, object]) -> bool:
        if kind in ("header", "session", "signature"):
            return True
        return bool(needle) and not any(needle in text.casefold() for text in _texts(payload))

    for path in run_paths(loaded.folder):
        click.echo(f"{path.name}: {purge(path, keep)} entries erased")
    click.echo(
        "answers.toml, client.toml, imports/, reports in out/ and copies elsewhere are not touched: "
        "see to them yourself."
    )
    return 0


def _texts(value: object) -> Iterator[str]:
    """Every key and text in *value* as it is, not as JSON escapes it: an account is written DOMAIN\\name."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
    elif value is not None:
        yield str(value)
