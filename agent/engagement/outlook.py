"""What `handover plan` knows before anything is sent, as one document: scope, checks, budget, accounts, who notices, what stays unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from ipaddress import ip_interface
from math import ceil
from typing import Literal

from agent.catalogs.notice import notices_of
from agent.catalogs.port_sets import port_set
from agent.contract import Probe
from agent.credentials import AccountBook
from agent.engagement.client_file import Site
from agent.engagement.engagement import Engagement
from agent.engagement.forecast import IDLE, SAMPLE_PORTS, forecasts
from agent.engagement.gate import checks, missing_of_mandate
from agent.engagement.here import Here, look
from agent.engagement.pin import check_pin
from agent.engagement.problems import Refusal
from agent.engagement.scoping import rule_of, swept, this_machine_only
from agent.model.base import M
from agent.model.run import Vantage
from agent.model.scope import ScopeRule
from agent.net.rates import PROFILES
from agent.own_host import look_at_own_host, whose

_NEEDED = {
    "directory": "accounts: Active Directory users, administrators, service accounts",
    "snmp": "snmp: serial numbers, VLANs, neighbours, who is plugged in where",
    "firewall": "firewalls: rules, VPN, administrators",
    "endpoints": "leftovers: agents and antivirus installed on each machine",
    "dns": "dns: internal zones",
}


class CheckLine(M):
    subject: str
    note: str
    ok: bool
    message: str = ""
    next_step: str = ""


class NetworkLine(M):
    net: str
    use: str
    care: str
    asked: bool


class ProbeLine(M):
    """`per_host`: figures for one host with three open ports. `seconds` at the profile's rate."""

    probe: str
    runs: bool
    why_not: str
    units: int
    packets: int
    bytes: int
    per_host: bool
    seconds: int


class PortsLine(M):
    """Which TCP ports would be asked: `choice` is "msp", "wide" or a list, `count` how many, `by` who decided."""

    choice: str
    count: int
    by: Literal["client.toml", "--ports"]


class AccountLine(M):
    id: str
    purpose: str
    at: str
    ready: bool
    why: str


class NoticeLine(M):
    id: str
    what: str
    who: str
    quiet_helps: bool


class UnknownLine(M):
    what: str
    why: str
    step: str


class Outlook(M):
    """Nothing here was measured on the wire. `hosts` is the number of addresses that may be asked."""

    client: str
    site: str
    profile: str
    may_start: bool
    checks: tuple[CheckLine, ...]
    missing: tuple[tuple[str, str], ...]
    networks: tuple[NetworkLine, ...]
    never: tuple[tuple[str, str], ...]
    unreached: tuple[tuple[str, str], ...]
    hosts: int
    ports: PortsLine
    probes: tuple[ProbeLine, ...]
    packets: int
    seconds: int
    accounts: tuple[AccountLine, ...]
    own_host: tuple[str, ...]
    notices: tuple[NoticeLine, ...]
    unknown: tuple[UnknownLine, ...]


def outlook(
    engagement: Engagement,
    site_id: str | None,
    now: datetime,
    probes: Sequence[Probe],
    *,
    raw_why: str = "",
    here: Here | None = None,
    language: str = "en",
    wide: bool = False,
    ports: str | None = None,
) -> Outlook:
    """Look ahead at a run of *site_id*. Sends nothing and fetches no secret. Raises `Refusal` (2) for an unknown site.

    *ports* as `run --ports` takes it, already checked; without it client.toml decides.
    """
    site = engagement.site(site_id)
    here = here or look()
    rule = rule_of(engagement, site)
    found = checks(engagement, site.id, now, lambda: here, wide=wide)
    lines = _probes(engagement, site, rule, here, probes, raw_why, wide, ports)
    running = [line for line in lines if line.runs]
    sums = [line for line in running if not line.per_host]
    return Outlook(
        client=engagement.client.client.name,
        site=site.id,
        profile="quiet" if engagement.quiet else "normal",
        may_start=all(c.refusal is None for c in found),
        checks=tuple(
            CheckLine(
                subject=c.subject,
                note=c.note,
                ok=c.refusal is None,
                message=c.refusal.message if c.refusal else "",
                next_step=c.refusal.next_step if c.refusal else "",
            )
            for c in found
        ),
        missing=tuple(_missing(engagement, site)),
        networks=tuple(
            NetworkLine(net=n.net, use=n.use, care=n.care or "", asked=swept(n))
            for n in site.networks
        ),
        never=tuple((n.net, n.why) for n in site.never),
        unreached=tuple((n.net, n.why) for n in site.unreached),
        hosts=_hosts(rule, wide),
        ports=PortsLine(
            choice=ports or site.ports,
            count=len(port_set(ports or site.ports)),
            by="--ports" if ports else "client.toml",
        ),
        probes=lines,
        packets=sum(line.packets for line in sums),
        seconds=sum(line.seconds for line in sums),
        accounts=tuple(_accounts(engagement)),
        own_host=tuple(_own_host(engagement)),
        notices=tuple(
            NoticeLine(
                id=n.id,
                what=n.what.in_(language),
                who=n.who.in_(language),
                quiet_helps=not n.loud,
            )
            for n in notices_of({line.probe for line in running})
        ),
        unknown=tuple(_unknown(engagement, site, lines, probes)),
    )


def _hosts(rule: ScopeRule, wide: bool) -> int:
    """Counted one by one, as `never` ranges may overlap; of a scope too wide to run, the sum of its networks is enough."""
    if rule.size() > 1 << 20 or (rule.size() > 1 << 16 and not wide):
        return rule.size()
    return sum(1 for _ in rule.hosts())


def _probes(
    engagement: Engagement,
    site: Site,
    rule: ScopeRule,
    here: Here,
    probes: Sequence[Probe],
    raw_why: str,
    wide: bool,
    ports: str | None,
) -> tuple[ProbeLine, ...]:
    if rule.size() > 1 << 16 and not wide:
        return ()
    lab = this_machine_only(site)
    try:
        place = check_pin(site, engagement.answers, here) if not lab else None
    except Refusal:
        place = None  # said by the checks; the budget is the same anywhere
    vantage = Vantage(
        site=site.id,
        host="",
        interface=place.interface if place else None,
        address=place.address if place else None,
        # Where we do not stand yet, the worst case: all of it is on the link.
        on_link=_on_link(here, place.interface) if place else rule.allowed,
        mode="lab-loopback" if lab else "unprivileged" if raw_why else "raw",
    )
    out: list[ProbeLine] = []
    for f in forecasts(engagement, site.id, rule, vantage, probes, raw_why=raw_why, ports=ports):
        rates = PROFILES["quiet" if engagement.quiet else "normal"]
        rate = rates.link_pps if f.probe in ("arp", "neighbours") else rates.total_pps
        out.append(
            ProbeLine(
                probe=f.probe,
                runs=not f.skipped,
                why_not=f.skipped,
                units=f.units,
                packets=f.packets,
                bytes=f.bytes,
                per_host=f.per_host,
                seconds=ceil(f.packets / rate),
            )
        )
    return tuple(out)


def _on_link(here: Here, interface: str | None) -> tuple[str, ...]:
    """IPv4 networks that *interface* reaches without a router."""
    own = [ip_interface(a) for i in here.interfaces if i.name == interface for a in i.addresses]
    return tuple(str(a.network) for a in own if a.version == 4)


def _missing(engagement: Engagement, site: Site) -> Iterator[tuple[str, str]]:
    for key, example in missing_of_mandate(engagement):
        yield f"mandate.{key}", example
    for kind, answer in engagement.client.care.model_dump().items():
        if answer is None or answer in ("unknown", "unplaced"):
            said = "not asked yet" if answer is None else answer
            yield f"care.{kind} ({said})", f'{kind} = "no", or list its addresses in never'
    if not engagement.msp_found:
        yield "msp.toml: who we are, so that our own tools are known as ours", 'name = "Your MSP"'
    if not engagement.client.client.contact:
        yield "client.contact", 'contact = { name = "..." }'
    if site.scan is None:
        yield (
            f"scan window of {site.id}: it may be scanned at any time",
            'scan = "Mon-Fri 09:30-11:30"',
        )
    imports = engagement.client.imports
    consoles = imports.consoles.model_dump() if imports.consoles else {}
    for name in (imports.staff, imports.claims, *consoles.values()):
        if name and not any((f / name).is_file() for f in (engagement.folder, engagement.imports)):
            yield f"imports: {name} is not there yet", f"put {name} into the engagement folder"


def _accounts(engagement: Engagement) -> Iterator[AccountLine]:
    book = AccountBook(engagement)
    for account in engagement.client.account:
        why = book.barred(account.id) or book.available(account.id)
        yield AccountLine(
            id=account.id, purpose=account.for_, at=account.at or "", ready=not why, why=why
        )


def _own_host(engagement: Engagement) -> Iterator[str]:
    own = look_at_own_host()
    for sign in own.signs:
        yield f"{sign.tool.name}: {whose(engagement, sign)} ({sign.evidence})"
    if own.problem:
        yield f"not all could be looked at: {own.problem}"


def _unknown(
    engagement: Engagement, site: Site, lines: Sequence[ProbeLine], probes: Sequence[Probe]
) -> Iterator[UnknownLine]:
    asks = {p.name: set(p.asks) for p in probes}
    covered = {kind for line in lines if line.runs for kind in asks[line.probe]}
    for network in site.networks:
        if not swept(network):
            why = "guest network" if network.use == "guest" else f"care = {network.care}"
            yield UnknownLine(
                what=f"devices of {network.net}, but for what other devices' tables show",
                why=why,
                step="an account for switches, gateway or DHCP server",
            )
    for excluded in (*site.never, *site.unreached):
        yield UnknownLine(what=excluded.net, why=excluded.why, step="ask who looks after it")
    have = {a.for_ for a in engagement.client.account if a.at in (None, site.id)}
    for purpose, subject in _NEEDED.items():
        if purpose not in have:
            yield UnknownLine(
                what=subject,
                why=f"no [[account]] for {purpose}",
                step=f'add [[account]] with for = "{purpose}"',
            )
    for line in lines:
        if not line.runs and not (line.why_not == IDLE and asks[line.probe] <= covered):
            yield UnknownLine(
                what=f"what probe {line.probe} would see", why=line.why_not, step="handover doctor"
            )
    for other in engagement.client.site:
        if other.id != site.id:
            yield UnknownLine(
                what=f"site {other.id}", why="this run stands elsewhere", step=f"--site {other.id}"
            )


def sample_words() -> str:
    """What `per_host` figures stand for."""
    return f"one host with ports {', '.join(map(str, SAMPLE_PORTS))} open"
