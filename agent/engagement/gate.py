"""The gate before every run: mandate, scope, scan window, the right network. Sends nothing; a run starts only with a `Gate` in hand.

`checks` tells all of it for `plan`, `gate` raises the first refusal for `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from ipaddress import ip_address
from typing import Literal
from zoneinfo import ZoneInfo

from agent.engagement.client_file import Site
from agent.engagement.engagement import Engagement
from agent.engagement.here import Here, look
from agent.engagement.pin import Place, check_pin
from agent.engagement.problems import Refusal as Refusal
from agent.engagement.scoping import scope_for, slow_ranges, this_machine_only
from agent.engagement.windows import parse_window
from agent.model.scope import ScopeRule

Subject = Literal["site", "mandate", "scope", "window", "pin"]


@dataclass(frozen=True)
class Gate:
    """Proof that this run may start. `only` are the hosts named explicitly, all inside the scope."""

    site: Site
    scope: ScopeRule
    place: Place
    quiet: bool
    slow_ranges: tuple[str, ...]
    only: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One thing the gate asks and how it stands; `refusal` is None where it is in order. `note` says what was compared."""

    subject: Subject
    note: str
    refusal: Refusal | None = None


def gate(
    engagement: Engagement,
    site: str | None,
    now: float | datetime,
    *,
    vantage_probe: Callable[[], Here] = look,
    scope: ScopeRule | None = None,
    action: str = "sweep",
    outside_window: bool = False,
    wide: bool = False,
    only: tuple[str, ...] = (),
) -> Gate:
    """May a run start at *site* at *now* (seconds since 1970, or an aware datetime)? *outside_window* is what `--now` says; *scope* is
    made here when the caller has none yet.

    Raises `Refusal`: 2 for an unknown site, an empty or too wide scope, a host that is no address; 4 for mandate, window, pin, and a
    host that is named although it is `never` or outside the scope.
    """
    where = engagement.site(site)
    moment = now if isinstance(now, datetime) else datetime.fromtimestamp(now, UTC)
    check_mandate(engagement, where, moment, action)
    scope = scope or scope_for(engagement, where.id, wide=wide)
    check_only(scope, only)
    if not outside_window:
        check_window(where, moment)
    return Gate(
        site=where,
        scope=scope,
        place=_place(engagement, where, vantage_probe),
        quiet=engagement.quiet,
        slow_ranges=slow_ranges(engagement, where.id),
        only=tuple(str(ip_address(host)) for host in only),
    )


def checks(
    engagement: Engagement,
    site: str | None,
    now: datetime,
    vantage_probe: Callable[[], Here] = look,
    *,
    wide: bool = False,
) -> tuple[Check, ...]:
    """Every check of the gate and how it stands, the later ones too when an earlier one refuses."""
    where = engagement.site(site)

    def parts() -> Iterator[tuple[Subject, str, Callable[[], object]]]:
        valid = engagement.client.mandate.valid
        until = valid.to.isoformat() if valid and valid.to else "?"
        signed = engagement.client.mandate.signed_by or "nobody"
        yield (
            "mandate",
            f"signed by {signed}, valid until {until}",
            lambda: check_mandate(engagement, where, now, "sweep"),
        )
        yield (
            "scope",
            ", ".join(n.net for n in where.networks) or "no network",
            lambda: scope_for(engagement, where.id, wide=wide),
        )
        yield "window", where.scan or "at any time", lambda: check_window(where, now)
        yield (
            "pin",
            "this machine itself" if this_machine_only(where) else "MAC address of the gateway",
            lambda: _place(engagement, where, vantage_probe),
        )

    out: list[Check] = []
    for subject, note, ask in parts():
        try:
            ask()
        except Refusal as refusal:
            out.append(Check(subject, note, refusal))
        else:
            out.append(Check(subject, note))
    return tuple(out)


def missing_of_mandate(engagement: Engagement) -> tuple[tuple[str, str], ...]:
    """(key, what to write) of all the mandate lacks. A site that is this machine only (demo, lab) needs no signed document."""
    mandate, valid = engagement.client.mandate, engagement.client.mandate.valid
    sites = engagement.client.site
    lab = bool(sites) and all(this_machine_only(s) for s in sites)
    wanted: tuple[tuple[str, object, str], ...] = (
        ("signed_by", mandate.signed_by, 'signed_by = "Name, function"'),
        ("signed_on", mandate.signed_on, "signed_on = 2026-11-20"),
        ("valid.from", valid and valid.from_, "valid = { from = 2026-11-24, to = 2027-03-31 }"),
        ("valid.to", valid and valid.to, "valid = { from = 2026-11-24, to = 2027-03-31 }"),
        ("document", mandate.document or lab, 'document = "mandat-signe.pdf"'),
        ("allows", mandate.allows, 'allows = ["sweep"]'),
        (
            "data_processing_agreement",
            mandate.data_processing_agreement is not None,
            "data_processing_agreement = true",
        ),
        ("staff_informed", mandate.staff_informed is not None, "staff_informed = true"),
        ("keep_until", mandate.keep_until, "keep_until = 2027-12-31"),
    )
    return tuple((key, example) for key, value, example in wanted if not value)


def check_mandate(engagement: Engagement, site: Site, now: datetime, action: str) -> None:
    """Raises `Refusal` (4) unless the mandate is complete, in date at the site's own date, and allows *action*."""
    mandate = engagement.client.mandate
    if lacking := missing_of_mandate(engagement):
        raise Refusal(
            4,
            f"the mandate is not complete: {', '.join(key for key, _ in lacking)}",
            "write in [mandate] of client.toml: " + "; ".join(dict.fromkeys(e for _, e in lacking)),
        )
    today = now.astimezone(zone_of(site)).date()
    assert mandate.valid is not None and mandate.valid.from_ is not None  # complete
    assert mandate.valid.to is not None and mandate.signed_on is not None
    if today < mandate.valid.from_:
        raise Refusal(
            4, f"the mandate begins on {mandate.valid.from_}; today is {today}", "wait for that day"
        )
    if today > mandate.valid.to:
        raise Refusal(
            4,
            f"the mandate ended on {mandate.valid.to}; today is {today}",
            "have it prolonged in writing, then change [mandate] valid in client.toml",
        )
    if mandate.signed_on > today:
        raise Refusal(
            4,
            f"the mandate is signed on {mandate.signed_on}, which is still to come",
            "correct [mandate] signed_on in client.toml, or this machine's clock",
        )
    if not mandate.data_processing_agreement:
        raise Refusal(
            4,
            "there is no data processing agreement with the client (GDPR art. 28)",
            "have it signed, then write data_processing_agreement = true in [mandate]",
        )
    if action not in mandate.allows:
        raise Refusal(
            4,
            f"the mandate does not allow '{action}'; it allows {', '.join(mandate.allows)}",
            "have the mandate widened in writing, then add it to [mandate] allows",
        )


def check_window(site: Site, now: datetime) -> None:
    """Raises `Refusal` (4) outside the scan window of *site*; a site without one may be scanned at any time."""
    if site.scan is None:
        return
    window = parse_window(site.scan)
    local = now.astimezone(zone_of(site))
    if not window.contains(local):
        opens = window.next_start(local.replace(tzinfo=None))
        raise Refusal(
            4,
            f"it is {local:%a %H:%M} at site {site.id}, outside its scan window {site.scan}",
            f"wait until {opens:%a %Y-%m-%d %H:%M}, or say --now if the client agreed to it",
        )


def check_only(scope: ScopeRule, only: tuple[str, ...]) -> None:
    """Raises `Refusal` for a host that is no address (2), `never` or outside the scope (4)."""
    for host in only:
        try:
            address = str(ip_address(host))
        except ValueError:
            raise Refusal(
                2, f"--only takes addresses; {host[:64]!r} is none", "such as --only 192.168.1.10"
            ) from None
        verdict = scope.judge(address)
        if verdict == "never":
            raise Refusal(
                4,
                f"{address} is in a `never` range of client.toml and is left alone",
                "leave it out of --only; only the client can take it off that list",
            )
        if verdict != "allowed":
            raise Refusal(
                4,
                f"{address} is outside the networks of this site, or is not to be asked",
                "leave it out of --only, or add its network to the site if the mandate covers it",
            )


def zone_of(site: Site) -> tzinfo | None:
    """Time zone of *site*; None, which `astimezone` reads as this machine's own, when client.toml names none."""
    return ZoneInfo(site.timezone) if site.timezone else None


def _place(engagement: Engagement, site: Site, vantage_probe: Callable[[], Here]) -> Place:
    if this_machine_only(site):
        return Place(interface="lo", address="127.0.0.1")
    return check_pin(site, engagement.answers, vantage_probe())
