"""`handover plan ENG`: what a run would send, to whom, who would notice, what stays unknown. Sends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent.commands.common import Stop, engagement_argument, load

if TYPE_CHECKING:
    from agent.contract import Probe
    from agent.engagement.outlook import Outlook


def _ports(ctx: click.Context, option: click.Parameter, value: str | None) -> str | None:
    from agent.catalogs.port_sets import port_set

    try:
        port_set(value or "msp")
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, option) from None
    return value


@click.command("plan")
@engagement_argument
@click.option("--site", help="One site; all of them when left out.")
@click.option("--wide", is_flag=True, help="Allow a scope wider than a /16.")
@click.option(
    "--ports",
    metavar="msp|wide|LIST",
    callback=_ports,
    help="TCP ports to ask, as `run` takes them.",
)
@click.option("--lang", type=click.Choice(["en", "fr"]), default="en", help="Who notices what, in.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a site.")
def command(
    engagement: Path, site: str | None, wide: bool, ports: str | None, lang: str, as_json: bool
) -> int:
    """Say what a run of ENG would do, and whether it may start. Sends nothing and asks for no secret."""
    from agent.engagement.outlook import outlook
    from agent.engagement.problems import EngagementError, Refusal

    loaded = load(engagement)
    probes, raw_why = registered(), raw_missing()
    sites: list[str | None] = [site] if site else [s.id for s in loaded.client.site] or [None]
    for each in sites:
        try:
            result = outlook(
                loaded,
                each,
                datetime.now(UTC),
                probes,
                raw_why=raw_why,
                language=lang,
                wide=wide,
                ports=ports,
            )
        except (Refusal, EngagementError) as error:
            raise Stop(str(error), getattr(error, "code", 2)) from None
        click.echo(result.model_dump_json() if as_json else "\n".join(lines(result)))
    return 0


def registered() -> Sequence[Probe]:
    """The probes of this installation."""
    from agent.registry import PROBES

    return PROBES


def raw_missing() -> str:
    """Why this machine gives us no raw packets; empty when it does."""
    from agent.net.raw_port import raw_available

    available, why = raw_available()
    return "" if available else why or "no right to raw packets"


def lines(o: Outlook) -> Iterator[str]:
    """The plan for people, plain ASCII layout."""
    yield f"{o.client}, site {o.site}: profile {o.profile}"
    yield ""
    yield "MAY A RUN START?  " + ("yes" if o.may_start else "NO")
    for c in o.checks:
        yield f"  {'ok ' if c.ok else 'NO '} {c.subject:<8} {c.note}"
        if not c.ok:
            yield f"      {c.message}"
            yield f"      next step: {c.next_step}"
    yield from _block("MISSING", [f"{what}   {how}" for what, how in o.missing])
    yield ""
    yield f"SCOPE  {o.hosts} addresses may be asked"
    for n in o.networks:
        care = f", care {n.care}" if n.care else ""
        yield f"  {'ask ' if n.asked else 'skip'} {n.net} ({n.use}{care})"
    yield from (f"  never     {net} ({why})" for net, why in o.never)
    yield from (f"  unreached {net} ({why})" for net, why in o.unreached)
    yield f"  {o.ports.count} TCP ports of each: {o.ports.choice[:60]}, by {o.ports.by}"
    yield ""
    yield f"BUDGET  at most {o.packets} packets, if every address holds a host, in about {_time(o.seconds)};"
    yield f"        in addition what is said below for {_sample()}"
    for p in o.probes:
        if not p.runs:
            yield f"  {p.probe:<12} not run: {p.why_not}"
        elif p.per_host:
            yield f"  {p.probe:<12} {p.packets} packets, {p.bytes} bytes for such a host"
        else:
            yield f"  {p.probe:<12} {p.packets} packets, {p.bytes} bytes, {p.units} units, {_time(p.seconds)}"
    yield from _block(
        "ACCOUNTS",
        [f"{'ready  ' if a.ready else 'missing'} {a.id} ({a.purpose}) {a.why}" for a in o.accounts]
        or ["none: only what the wire shows without a login"],
    )
    yield from _block("THIS MACHINE", o.own_host)
    yield from _block(
        "WHO WILL NOTICE",
        [f"{n.what}\n      {n.who}" for n in o.notices],
    )
    yield from _block(
        "WHAT STAYS UNKNOWN", [f"{u.what}: {u.why}. Step: {u.step}" for u in o.unknown]
    )


def _block(title: str, rows: Sequence[str]) -> Iterator[str]:
    if rows:
        yield ""
        yield title
        yield from (f"  {row}" for row in rows)


def _sample() -> Any:
    from agent.engagement.outlook import sample_words

    return sample_words()


def _time(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} s"
    return (
        f"{seconds // 60} min"
        if seconds < 7200
        else f"{seconds // 3600} h {seconds % 3600 // 60} min"
    )
