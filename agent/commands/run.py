"""`handover run ENG`: look, inside scope and mandate; one run file per call, resumed at will."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import click

from agent.commands.common import EXIT_PARTIAL, engagement_argument, fail_on_option, load, login


def _seconds(ctx: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """A time one can wait for: `nan` would never pass, `inf` is no deadline, 0 would end before the first packet."""
    if value is not None and not 0 < value < math.inf:
        raise click.BadParameter("give seconds above 0, such as 3600", ctx, option)
    return value


@click.command("run")
@engagement_argument
@click.option("--site", help="The site we stand in; needed when client.toml has several.")
@click.option(
    "--only", multiple=True, help="Only this probe, or this host by its address (may be repeated)."
)
@click.option(
    "--resume", is_flag=True, help="Go on with the newest run of the site that did not end."
)
@click.option("--now", "outside_window", is_flag=True, help="Run outside the site's scan window.")
@click.option("--wide", is_flag=True, help="Allow a scope wider than a /16.")
@click.option("--no-raw", is_flag=True, help="Do not use raw sockets, even with the right to.")
@click.option(
    "--with-nmap",
    multiple=True,
    metavar="HOST[:PORTS]",
    help="Let nmap name services and, as root, the system of this host, or of 'all' (services only).",
)
@click.option(
    "--retry-account",
    multiple=True,
    metavar="ID",
    help="Try this account once more after it was refused (may be repeated).",
)
@click.option(
    "--deadline",
    type=float,
    callback=_seconds,
    metavar="SECONDS",
    help="End cleanly after this long.",
)
@click.option(
    "--ports",
    metavar="msp|wide|LIST",
    help="TCP ports to ask: those that matter to an MSP, about 1,300, or your own (22,80,8000-8010). Without it client.toml decides (msp).",
)
@click.option(
    "--arp-rate",
    type=int,
    metavar="PPS",
    help="ARP requests a second with raw sockets; up to 5000, for networks as wide as a /16.",
)
@click.option(
    "--fast",
    is_flag=True,
    help="Lift the caps for one host, on a network that is ours alone; care and the quiet profile stay.",
)
@click.option("--operator", help="Who runs this; the login name when left out.")
@fail_on_option
def command(
    engagement: Path,
    site: str | None,
    only: tuple[str, ...],
    resume: bool,
    outside_window: bool,
    wide: bool,
    no_raw: bool,
    with_nmap: tuple[str, ...],
    retry_account: tuple[str, ...],
    ports: str | None,
    arp_rate: int | None,
    fast: bool,
    deadline: float | None,
    operator: str | None,
    fail_on: str | None,
) -> int:
    """Look: sweep the site's networks inside scope and mandate, and store what was seen."""
    from agent.commands.judging import severity_exit
    from agent.perform import Performing, RunRequest
    from agent.progress import Show
    from agent.stopping import last_words, leave, run_bounded
    from agent.store.reader import RunFile
    from agent.store.words import head_words

    request = RunRequest(
        site=site,
        only=only,
        resume=resume,
        outside_window=outside_window,
        wide=wide,
        use_raw=not no_raw,
        with_nmap=with_nmap,
        retry_accounts=retry_account,
        ports=ports,
        arp_pps=arp_rate,
        fast=fast,
        deadline_s=deadline,
        operator=operator or login(),
    )
    show = Show(sys.stderr)
    performing = Performing(load(engagement), request, show)
    with last_words(lambda: performing.over):
        with show:
            end, going_on = run_bounded(performing.main())
        with RunFile(performing.path) as file:
            words = head_words(file.head)
        why = f" ({end.reason})" if end.reason else ""
        click.echo(f"{end.outcome}: {performing.path}{why}")
        click.echo(f"Head of the chain (write it down outside this machine): {words}")
        click.echo(f"Next: handover report {engagement}")
    code = EXIT_PARTIAL if end.outcome != "complete" else 0
    if fail_on and not code:
        code = severity_exit(load(engagement), fail_on)
    if going_on:
        # A thread that is stuck would hold the process for ever.
        leave(code)
    return code
