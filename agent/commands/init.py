"""`handover init ENG`: sets an engagement up by questions or flags, or learns a site's pin. Reads this machine's tables, never scans."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent.commands.common import EXIT_USAGE, Stop, login

if TYPE_CHECKING:
    from agent.engagement.template import NewClient, NewSite

CARE = {
    "medical": "medical devices",
    "laboratory": "laboratory analysers",
    "lift": "lifts",
    "fire_intrusion": "fire or intrusion alarms",
    "payment": "card terminals",
    "production": "production machines",
}
_DAY = click.DateTime(["%Y-%m-%d"])


@dataclass(frozen=True)
class Flags:
    """The flags that describe a new engagement, as click gives them."""

    client: str | None
    language: str | None
    sector: str | None
    msp: str | None
    domain: tuple[str, ...]
    network: tuple[str, ...]
    hours: tuple[str, ...]
    scan: tuple[str, ...]
    care: tuple[str, ...]
    former: tuple[str, ...]
    mode: str | None
    signed_by: str | None
    signed_on: datetime | None
    valid_from: datetime | None
    valid_to: datetime | None
    document: Path | None
    allow: tuple[str, ...]
    agreement: bool | None
    staff_informed: bool | None
    keep_until: datetime | None


@click.command("init")
@click.argument("folder", metavar="ENG", type=click.Path(path_type=Path))
@click.option("--site", help="The site this machine stands in: its gateway is learned as the pin.")
@click.option("--relearn", is_flag=True, help="Replace the pin: the site's gateway was replaced.")
@click.option("--by", help="Who says so; the login name when left out.")
@click.option("--client", help="Name of the client.")
@click.option("--language", type=click.Choice(["en", "fr"]), help="Language of the client.")
@click.option("--sector", type=click.Choice(["office", "retail", "health", "industry"]))
@click.option("--msp", metavar="PATH", help="Path of msp.toml, where it is not the usual one.")
@click.option("--domain", multiple=True, help="A domain of the client (may be repeated).")
@click.option("--network", multiple=True, metavar="SITE=CIDR[,USE]", help="May be repeated.")
@click.option("--hours", multiple=True, metavar="SITE=WINDOW", help="Such as Mon-Fri 08:00-18:00.")
@click.option("--scan", multiple=True, metavar="SITE=WINDOW", help="When a scan is welcome.")
@click.option(
    "--care",
    multiple=True,
    metavar="KIND=no|unknown|unplaced|RANGE[@SITE]",
    help=f"Gear to leave alone ({', '.join(CARE)}).",
)
@click.option("--former", multiple=True, help="Name of the provider who leaves.")
@click.option("--mode", type=click.Choice(["cooperative", "hostile", "gone"]))
@click.option("--signed-by", help="Who signed the mandate: name and function.")
@click.option("--signed-on", type=_DAY)
@click.option("--valid-from", type=_DAY)
@click.option("--valid-to", type=_DAY)
@click.option(
    "--document",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The signed mandate; it is copied into ENG.",
)
@click.option("--allow", multiple=True, help="What the mandate allows, such as sweep.")
@click.option(
    "--data-processing-agreement/--no-data-processing-agreement", "agreement", default=None
)
@click.option("--staff-informed/--staff-not-informed", default=None)
@click.option("--keep-until", type=_DAY, help="When personal data has to be gone.")
def command(folder: Path, site: str | None, relearn: bool, by: str | None, **told: object) -> int:
    """Set ENG up: client, sites, mandate, care. On an ENG that exists, `--site ID` learns that site's pin. Sends nothing."""
    from agent.engagement.problems import EngagementError, Refusal

    try:
        if (folder / "client.toml").exists():
            return _learn(folder, site, relearn, by, told)
        return _create(folder, site, Flags(**told))  # type: ignore[arg-type]
    except Refusal as refusal:
        raise Stop(str(refusal), refusal.code) from None
    except EngagementError as error:
        raise Stop(str(error), EXIT_USAGE) from None


def _learn(
    folder: Path, site_id: str | None, relearn: bool, by: str | None, told: dict[str, object]
) -> int:
    from agent.engagement.answers import update_answers
    from agent.engagement.engagement import load_engagement
    from agent.engagement.here import look
    from agent.engagement.pin import learn_pin, pins_of
    from agent.engagement.problems import Refusal
    from agent.engagement.scoping import this_machine_only
    from agent.model.answers import Answers, Pin

    if site_id is None or any(value not in (None, ()) for value in told.values()):
        raise Refusal(
            2,
            f"{folder / 'client.toml'} exists and is never rewritten",
            "edit it; `handover init ENG --site ID` alone learns the pin of a site",
        )
    engagement = load_engagement(folder)
    site = engagement.site(site_id)
    if this_machine_only(site):
        click.echo(f"Site {site.id} is this machine itself: it needs no pin.")
        return 0
    mac = learn_pin(site, look())
    known = pins_of(site, engagement.answers)
    if mac in known:
        click.echo(f"Site {site.id} is recognised already: gateway {mac}.")
        return 0
    if known and not relearn:
        raise Refusal(
            4,
            f"the gateway here has MAC {mac}; site {site.id} is known by {' or '.join(known)}",
            "go to that site; if its gateway was replaced, add --relearn",
        )
    pin = Pin(gateway_mac=mac, learned=time.time_ns() // 1000, by=by or login())

    def change(answers: Answers) -> Answers:
        return answers.model_copy(update={"pins": {**answers.pins, site.id: pin}})

    update_answers(folder, change)
    click.echo(f"Learned: site {site.id} is the network whose gateway has MAC {mac}.")
    return 0


def _create(folder: Path, here_site: str | None, flags: Flags) -> int:
    from agent.engagement.engagement import load_engagement
    from agent.engagement.gate import missing_of_mandate
    from agent.engagement.template import write_new

    ask = sys.stdin is not None and sys.stdin.isatty()
    new = _told(flags)
    if ask:
        here_site = _ask(new, here_site)
    if not new.name:
        raise Stop("Say the client's name: --client NAME.", EXIT_USAGE)
    if here_site is not None:
        _pin_new(new, here_site)
    _check(new)
    for part in ("runs", "endpoints", "imports", "out"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    if flags.document is not None and not (folder / flags.document.name).exists():
        shutil.copyfile(flags.document, folder / flags.document.name)
    write_new(folder / "client.toml", new)
    engagement = load_engagement(folder)
    click.echo(f"Written: {folder / 'client.toml'}. It is yours: edit it, it is never rewritten.")
    for key, example in missing_of_mandate(engagement):
        click.echo(f"  still missing: mandate.{key}, such as {example}")
    if not new.sites:
        click.echo("  still missing: a [[site]] with its networks")
    click.echo(f"Next: handover plan {folder}")
    return 0


def _told(flags: Flags) -> NewClient:
    from agent.engagement.template import NewClient

    new = NewClient(
        name=flags.client or "",
        language=flags.language or "en",
        sector=flags.sector or "office",
        msp=flags.msp or "",
        domains=flags.domain,
        signed_by=flags.signed_by or "",
        signed_on=_day(flags.signed_on),
        valid_from=_day(flags.valid_from),
        valid_to=_day(flags.valid_to),
        document=flags.document.name if flags.document else "",
        allows=flags.allow,
        agreement=flags.agreement,
        staff_informed=flags.staff_informed,
        keep_until=_day(flags.keep_until),
        mode=flags.mode or "cooperative",
        former=flags.former,
    )
    for site, rest in _pairs("--network", flags.network):
        net, _, use = rest.partition(",")
        _site(new, site).networks.append((net.strip(), use.strip() or "office"))
    for site, window in _pairs("--hours", flags.hours):
        _site(new, site).hours = window
    for site, window in _pairs("--scan", flags.scan):
        _site(new, site).scan = window
    for kind, answer in _pairs("--care", flags.care):
        _care(new, kind, answer)
    return new


def _care(new: NewClient, kind: str, answer: str) -> None:
    """`no`, `unknown`, `unplaced`, or where it is: a range, with @SITE when there are several sites."""
    if kind not in CARE:
        raise Stop(f"--care knows {', '.join(CARE)}.", EXIT_USAGE)
    if answer in ("no", "unknown", "unplaced"):
        new.care[kind] = answer
        return
    net, _, site = answer.partition("@")
    ids = [s.id for s in new.sites]
    if not site and len(ids) != 1:
        raise Stop(f"Say at which site {kind} gear is: --care {kind}={net}@SITE.", EXIT_USAGE)
    if site and site not in ids:
        raise Stop(f"--care names a site without --network: {', '.join(ids)}.", EXIT_USAGE)
    _site(new, site or ids[0]).never.append((net.strip(), CARE[kind]))
    new.care[kind] = "listed"


def _ask(new: NewClient, here_site: str | None) -> str | None:
    """Ask at the terminal for what no flag said."""
    from agent.engagement.here import look

    new.name = new.name or click.prompt("Name of the client")
    if not new.sites:
        site = here_site or click.prompt("Short name of the site you are in", default="hq")
        for interface, net in look().subnets():
            if click.confirm(f"This machine is in {net} ({interface}). Is that the client's?"):
                _site(new, site).networks.append((net, "office"))
        while net := click.prompt(
            "Another network of this site (CIDR, empty when done)", default="", show_default=False
        ):
            _site(new, site).networks.append((net, "office"))
        if new.sites and here_site is None and click.confirm("Recognise this site by its gateway?"):
            here_site = site
    for kind, words in CARE.items():
        if kind not in new.care:
            answer = click.prompt(
                f"Are there {words}? (no, unknown, unplaced = yes but not known where, or a range)",
                default="unknown",
            )
            _care(new, kind, answer)
    if not new.signed_by:
        new.signed_by = click.prompt(
            "Who signed the mandate? (empty: not yet)", default="", show_default=False
        )
    if not new.former:
        name = click.prompt("Provider who leaves (empty: none)", default="", show_default=False)
        new.former = (name,) if name else ()
    return here_site


def _pin_new(new: NewClient, site_id: str) -> None:
    from agent.engagement.client_file import Network, Site
    from agent.engagement.here import look
    from agent.engagement.pin import learn_pin
    from agent.engagement.scoping import this_machine_only

    found = next((s for s in new.sites if s.id == site_id), None)
    if found is None:
        raise Stop(f"Say the networks of {site_id}: --network {site_id}=CIDR.", EXIT_USAGE)
    _check(new)
    site = Site(id=site_id, networks=tuple(Network(net=net) for net, _ in found.networks))
    if this_machine_only(site):
        return
    found.gateway_mac = learn_pin(site, look())
    click.echo(f"Learned: site {site_id} is the network whose gateway has MAC {found.gateway_mac}.")


def _check(new: NewClient) -> None:
    """Every mistake before anything is written, so that a second try needs no clearing up."""
    import tomllib

    from agent.engagement.client_file import ClientFile
    from agent.engagement.template import render
    from agent.engagement.toml_source import TomlFile, key_lines
    from agent.engagement.words import parse

    text = render(new)
    parse(ClientFile, TomlFile(Path("client.toml"), tomllib.loads(text), key_lines(text), ""))


def _site(new: NewClient, site_id: str) -> NewSite:
    from agent.engagement.template import NewSite

    for site in new.sites:
        if site.id == site_id:
            return site
    new.sites.append(NewSite(site_id))
    return new.sites[-1]


def _pairs(option: str, values: Iterable[str]) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for value in values:
        key, sign, rest = value.partition("=")
        if not sign or not key.strip() or not rest.strip():
            raise Stop(f"{option} takes NAME=VALUE.", EXIT_USAGE)
        out.append((key.strip(), rest.strip()))
    return out


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
