"""`handover add ENG`: an asset no probe sees (GPS tracker, badge, safe, SIM card, portal) joins the same inventory."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import click

from agent.commands.common import EXIT_USAGE, Stop, engagement_argument, load, login


@click.command("add")
@engagement_argument
@click.option("--name", required=True, help="What people call it.")
@click.option("--class", "device_class", default="unknown", show_default=True, help="Its class.")
@click.option("--site", help="Where it is; needed when client.toml has several sites.")
@click.option(
    "--field", "fields", multiple=True, metavar="KEY=VALUE", help="Such as serial=X (repeatable)."
)
@click.option("--by", help="Who says so; the login name when left out.")
def command(
    engagement: Path,
    name: str,
    device_class: str,
    site: str | None,
    fields: tuple[str, ...],
    by: str | None,
) -> int:
    """Add an asset no probe can see to ENG. Adding the same name at the same site again replaces it."""
    from agent.engagement.answers import update_answers
    from agent.engagement.problems import EngagementError, Refusal
    from agent.model.answers import AddedAsset, Answers
    from agent.model.asset import DEVICE_CLASSES

    loaded = load(engagement)
    if device_class not in DEVICE_CLASSES:
        raise Stop(f"--class is one of {', '.join(DEVICE_CLASSES)}.", EXIT_USAGE)
    if not name.strip():
        raise Stop("--name must not be empty.", EXIT_USAGE)
    pairs: dict[str, str] = {}
    for text in fields:
        key, sign, value = text.partition("=")
        if not sign or not key.strip() or not value.strip():
            raise Stop("--field takes KEY=VALUE.", EXIT_USAGE)
        pairs[key.strip()] = value.strip()
    try:
        where = loaded.site(site).id
        asset = AddedAsset(
            id=secrets.token_hex(16),
            name=name.strip(),
            device_class=device_class,
            site=where,
            by=by or login(),
            at=time.time_ns() // 1000,
            fields=pairs,
        )

        def change(answers: Answers) -> Answers:
            same = [a for a in answers.assets if (a.name, a.site) == (asset.name, where)]
            # Its id stays, so that what refers to it still does.
            new = asset.model_copy(update={"id": same[0].id}) if same else asset
            rest = tuple(a for a in answers.assets if a not in same)
            return answers.model_copy(update={"assets": (*rest, new)})

        update_answers(engagement, change)
    except Refusal as refusal:
        raise Stop(str(refusal), refusal.code) from None
    except EngagementError as error:
        raise Stop(str(error), EXIT_USAGE) from None
    click.echo(f"Added: {asset.name} ({device_class}) at {where}.")
    return 0
