"""`handover purge ENG`: personal data has an end. Values are erased, commitments stay: the chain still verifies."""

from __future__ import annotations

import time
from pathlib import Path

import click

from agent.commands.common import EXIT_PARTIAL, EXIT_USAGE, Stop, engagement_argument, load

SHORTEST = 3
KEPT = ("header", "session", "signature")
"""Who audited under which mandate; without these the file proves nothing."""


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
    """Erase values from every run of ENG, from answers.toml and attempts.

    This cannot be undone; reports made before are yours to delete.
    """
    from agent.engagement.problems import EngagementError
    from agent.engagement.purge import plain, purge_answers, purge_attempts, texts
    from agent.load_material import run_paths
    from agent.store.errors import RunFileError, StoreError
    from agent.store.purge import purge

    if (person is not None) == expired:
        raise Stop("Say what to erase: --person TEXT or --expired.", EXIT_USAGE)
    needle = plain((person or "").strip())
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
    paths = run_paths(loaded.folder)
    if not yes:
        click.confirm(f"Erase from {len(paths)} runs and the answers for good?", abort=True)

    def names(text: str) -> bool:
        return not needle or needle in plain(text)

    def keep(kind: str, payload: dict[str, object]) -> bool:
        return kind in KEPT or not any(names(text) for text in texts(payload))

    def keep_raw(data: bytes) -> bool:
        return not any(
            names(data.decode(code, "replace")) for code in ("utf-8", "latin-1", "utf-16-le")
        )

    erased, failed = 0, False
    for path in paths:
        try:
            count = purge(path, keep, keep_raw=keep_raw)
        except (RunFileError, StoreError) as error:
            # The others are erased all the same.
            click.echo(f"{path.name}: NOT ERASED: {error}", err=True)
            failed = True
            continue
        erased += count
        click.echo(f"{path.name}: {count} entries erased")
    for name, work in (("answers.toml", purge_answers), ("attempts", purge_attempts)):
        try:
            count = work(loaded.folder, names)
        except EngagementError as error:
            click.echo(f"{name}: NOT ERASED: {error}", err=True)
            failed = True
            continue
        erased += count
        click.echo(f"{name}: {count} values erased")
    click.echo(
        "client.toml, imports/, endpoints/, reports in out/ and copies elsewhere are not touched: "
        "see to them yourself."
    )
    if not erased and not failed:
        click.echo(
            "Nothing was found to erase: is it written so? (try a shorter part of it)", err=True
        )
    return EXIT_PARTIAL if failed or not erased else 0
