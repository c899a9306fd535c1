"""The companies around the client, as the attribution reads them: ours, the former ones, those approved to stay."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from agent.catalogs.installer_links import installers
from agent.engagement.client_file import Former
from agent.engagement.engagement import Engagement
from agent.engagement.msp_file import KnownProvider
from agent.model.attribution import Provider
from agent.model.base import Us

_DAY = timedelta(days=1)


def providers(engagement: Engagement) -> tuple[Provider, ...]:
    """Ours first (when msp.toml names us), then the former ones with what earlier engagements learned of them, then the approved."""
    client, msp = engagement.client, engagement.msp
    out: list[Provider] = []
    if msp.name:
        out.append(
            Provider(
                id="ours",
                role="ours",
                name=msp.name,
                aliases=msp.aliases,
                people=msp.people,
                tools=msp.tools,
                domains=msp.domains,
                phones=msp.phones,
                networks=msp.networks,
                ids=_merged(msp.ids, _of_links(msp.installers)),
            )
        )
    ends = client.takeover.contract_ends
    for former in client.former:
        known = [k for k in msp.known if _same(former, k)]
        out.append(
            Provider(
                id=_free_id(f"former-{slug(former.name)}", out),
                role="former",
                name=former.name,
                aliases=_union(former.aliases, *(k.aliases for k in known)),
                people=former.people,
                tools=_union(former.tools, *(k.tools for k in known)),
                owns=former.owns,
                domains=_union(former.domains, *(k.domains for k in known)),
                phones=former.phones,
                networks=_union(former.networks, *(k.networks for k in known)),
                ids=_merged(former.ids, *(k.ids for k in known)),
                valid=(None, _end(ends)),
            )
        )
    for approved in client.approved:
        out.append(
            Provider(
                id=_free_id(f"approved-{slug(approved.name)}", out),
                role="approved",
                name=approved.name,
                aliases=approved.aliases,
                people=approved.people,
                tools=approved.tools,
                on=approved.on,
                owns=approved.owns,
                domains=approved.domains,
                phones=approved.phones,
                networks=approved.networks,
                ids=approved.ids,
                valid=(None, _end(approved.until)),
            )
        )
    return tuple(out)


def slug(name: str) -> str:
    """Small ASCII letters, digits and dashes of *name*; never empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40] or "x"


def _free_id(wanted: str, taken: Iterable[Provider]) -> str:
    ids = {p.id for p in taken}
    name, n = wanted, 2
    while name in ids:
        name, n = f"{wanted}-{n}", n + 1
    return name


def _same(former: Former, known: KnownProvider) -> bool:
    mine = {slug(n) for n in (former.name, *former.aliases)}
    return bool(mine & {slug(n) for n in (known.name, *known.aliases)})


def _union(*parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for part in parts for text in part))


def _merged(*parts: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    tools = dict.fromkeys(tool for part in parts for tool in part)
    return {tool: _union(*(part.get(tool, ()) for part in parts)) for tool in tools}


def _of_links(texts: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Tenants that installer links name. Their servers name nobody: a maker's cloud is shared by all its customers."""
    found: dict[str, tuple[str, ...]] = {}
    for text in texts:
        for one in installers(text):
            found[one.tool] = _union(found.get(one.tool, ()), one.ids)
    return {tool: ids for tool, ids in found.items() if ids}


def _end(day: date | None) -> Us | None:
    """Last microsecond of *day* in UTC; the site's own midnight makes no difference to an attribution."""
    if day is None:
        return None
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int((midnight + _DAY).timestamp()) * 1_000_000 - 1
