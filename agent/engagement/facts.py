"""The engagement as the judgement and the reports read it: `EngagementFacts`, and client.toml flattened to dotted paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.engagement.engagement import Engagement
from agent.model.judged import EngagementFacts, SiteFacts


def facts(engagement: Engagement) -> EngagementFacts:
    """Dates are ISO texts, empty where client.toml says nothing."""
    client, mandate = engagement.client, engagement.client.mandate
    valid = mandate.valid
    return EngagementFacts(
        id=engagement.id,
        client=client.client.name,
        language=client.client.language,
        sector=client.client.sector,
        mandate_signed_by=mandate.signed_by,
        mandate_signed_on=_text(mandate.signed_on),
        mandate_from=_text(valid.from_ if valid else None),
        mandate_to=_text(valid.to if valid else None),
        mandate_sha256=engagement.mandate_sha256,
        mandate_allows=tuple(mandate.allows),
        mode=client.takeover.mode,
        former_knows=client.takeover.former_knows,
        former=tuple(f.name for f in client.former),
        contract_ends=_text(client.takeover.contract_ends),
        operator=engagement.msp.operator,
        us=engagement.msp.name,
        keep_until=_text(mandate.keep_until),
        sites=tuple(
            SiteFacts(
                id=s.id,
                address=s.address,
                hours=s.hours or "",
                networks=tuple(n.net for n in s.networks),
                never=tuple((n.net, n.why) for n in s.never)
                + tuple((n.net, "guest network") for n in s.networks if n.use == "guest"),
                unreached=tuple((n.net, n.why) for n in s.unreached),
                dhcp_servers=s.dhcp_servers,
                care=tuple(n.net for n in s.networks if n.care is not None),
            )
            for s in client.site
        ),
    )


def client_flat(engagement: Engagement) -> dict[str, str]:
    """client.toml as dotted path -> text, for prefilled answers: `client.contact.phone`, `site.siege.hours`, `former.InfoSud.tools`.

    A row of a list of tables is named by its id or name; `site.hours` gives the value of all rows, one a line; `site`, `former`,
    `approved` and `client.contact` alone give a line a row. Accounts are left out: not even where a secret is kept is an answer.
    """
    data = engagement.client.model_dump(mode="json", by_alias=True, exclude={"account"})
    flat = dict(_flat("", data))
    for table in ("site", "former", "approved"):
        rows = data.get(table) or []
        for key, text in _columns(rows):
            flat.setdefault(f"{table}.{key}", text)
        if rows:
            flat[table] = "\n".join(_row(row) for row in rows)
    if data["client"].get("contact"):
        flat["client.contact"] = _row(data["client"]["contact"])
    return flat


def _row(row: Mapping[str, Any]) -> str:
    """One line for a table: its plain values, in the order of the file's schema."""
    plain = (v for v in row.values() if not isinstance(v, Mapping))
    texts = (
        _text(v) for v in plain if not (isinstance(v, list) and v and isinstance(v[0], Mapping))
    )
    return "; ".join(t for t in texts if t)


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{path}.{key}" if path else str(key), item)
    elif isinstance(value, list) and any(isinstance(i, Mapping) for i in value):
        for n, item in enumerate(value):
            name = item.get("id") or item.get("name") or item.get("net") or n
            yield from _flat(f"{path}.{name}", item)
    elif (text := _text(value)) != "":
        yield path, text


def _columns(rows: list[Any]) -> Iterator[tuple[str, str]]:
    for key in dict.fromkeys(k for row in rows for k in row):
        lines: list[str] = []
        for row in rows:
            value = row.get(key)
            if value in (None, "", []) or isinstance(value, Mapping):
                continue
            if isinstance(value, list) and any(isinstance(i, Mapping) for i in value):
                value = [i.get("net", "") for i in value]
            name = row.get("id") or row.get("name") or ""
            text = _text(value)
            lines.append(text if len(rows) == 1 or key in ("id", "name") else f"{name}: {text}")
        if lines:
            yield key, "\n".join(lines)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(v) for v in value)
    return str(value)
