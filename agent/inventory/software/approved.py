"""A tool that the client approved on one machine: "TeamViewer, on SRV-ERP". A word of the client's, not a sign of the agent's.

It decides only where nothing else speaks: an identifier, a relay or a domain of the agent itself goes first, whoever it names. It decides
nothing where another provider is known to use the same tool, where the approval gives identifiers of the tool (and this one showed none
of them), where two machines bear the name, or after the approval has ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from agent.catalogs.remote_access import Tool
from agent.model.asset import Asset
from agent.model.attribution import Attribution, Provider
from agent.model.base import Id, Us
from agent.model.known import Why
from agent.model.scope import parse_range

PLACED = 700
_AT = " at "
"""Parts the machine from the site, as in `owns` of client.toml."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host stands. `name`: small, without its domain; empty where it has none, or several. `alone`: no other host bears it;
    `alone_here`: none at its sites."""

    name: str
    alone: bool
    alone_here: bool
    addresses: tuple[IPv4Address | IPv6Address, ...]
    sites: tuple[str, ...]
    last_seen: Us


def places_of(assets: Sequence[Asset]) -> dict[Id, Place]:
    """By the id of the asset."""
    names = {
        a.id: _short(str(a.attrs["name"].value or "")) if "name" in a.attrs else "" for a in assets
    }
    everywhere = Counter(names.values())
    here = Counter((names[a.id], site) for a in assets for site in a.sites)
    return {
        a.id: Place(
            names[a.id],
            everywhere[names[a.id]] == 1,
            all(here[names[a.id], site] == 1 for site in a.sites),
            tuple(_addresses(a)),
            a.sites,
            a.last_seen,
        )
        for a in assets
    }


def approved(
    tool: Tool, place: Place, evidence: Iterable[Id], providers: Sequence[Provider]
) -> Attribution | None:
    """The one vendor for whom *tool* was approved at *place*; None: nobody, or nobody can say."""
    users = [p for p in providers if tool.called(p.tools)]
    if len(users) != 1 or users[0].role != "approved":
        return None
    vendor = users[0]
    until = vendor.valid[1]
    if until is not None and place.last_seen > until:
        return None
    if any(tool.called([kind]) for kind in vendor.ids):
        return None
    where = next((on for on in vendor.on if _here(on, place)), None)
    if where is None:
        return None
    why = Why(
        feature="approved_on",
        matched=where,
        weight=PLACED,
        strong=True,
        evidence=tuple(sorted(set(evidence))),
    )
    return Attribution(owner="approved", provider=vendor.id, conf=PLACED, for_=(why,))


def _here(on: str, place: Place) -> bool:
    text, _, site = on.strip().partition(_AT)
    if site and site.strip() not in place.sites:
        return False
    text = text.strip()
    try:
        inside = parse_range(text)
    except ValueError:
        # Two machines of one name, at two sites: which one was meant is said by `at SITE`.
        alone = place.alone_here if site else place.alone
        return alone and bool(place.name) and _short(text) == place.name
    return any(address in part for part in inside for address in place.addresses)


def _addresses(asset: Asset) -> Iterable[IPv4Address | IPv6Address]:
    for ref in asset.addrs:
        try:
            yield ip_address(ref.value)
        except ValueError:
            continue


def _short(name: str) -> str:
    return name.strip().rstrip(".").partition(".")[0].casefold()
