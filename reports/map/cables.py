"""Who is plugged in where as a table: a row a link, and a row a device on its port. For the CSV of cables and whoever reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agent.model.asset import Asset
from agent.model.judged import Judged
from agent.model.topology import End, Topology
from reports.html.texts import Lang, percent, text
from reports.map.boxes import Net, natural, net
from reports.tables import Rows

HEADS = (
    "site", "from", "from_port", "from_label", "to", "to_port", "to_label", "kind", "mbps",
    "vlans", "state", "source", "confidence",
)  # fmt: skip


def cables_table(judged: Judged, lang: Lang) -> Rows:
    """Rows of every network, by box and port. VLANs and the ports of a LAG are all written out; what is not known is empty."""
    rows: Rows = [[text(lang, f"cable_{h}") for h in HEADS]]
    assets = {a.id: a for a in judged.assets}
    for topology in judged.topologies:
        drawn = net(topology, assets)
        names = _names(judged, topology, lang)
        given = (drawn, topology.site, assets, names, lang)
        found = [*_wires(*given), *_places(*given)]
        rows += sorted(found, key=lambda r: (str(r[0]), natural(str(r[1])), natural(str(r[2]))))
    return rows


def _names(judged: Judged, topology: Topology, lang: Lang) -> dict[str, str]:
    guessed = {h.id: h.name or text(lang, f"guess_{h.guess}") for h in topology.hidden}
    return {**judged.labels, **guessed}


def _wires(
    drawn: Net, site: str, assets: Mapping[str, Asset], names: Mapping[str, str], lang: Lang
) -> Iterator[list[object]]:
    for w in drawn.wires:
        yield [
            site or _site(assets, w.a.node, w.b.node),
            *_end(names, w.a),
            *_end(names, w.b),
            text(lang, f"link_{w.kind}"),
            w.mbps or "",
            " ".join(map(str, w.vlans)),
            text(lang, "link_blocked") if w.blocked else "",
            text(lang, f"source_{w.source}"),
            percent(lang, w.conf),
        ]


def _places(
    drawn: Net, site: str, assets: Mapping[str, Asset], names: Mapping[str, str], lang: Lang
) -> Iterator[list[object]]:
    for box in drawn.boxes.values():
        for p in (p for row in box.rows for p in row.places):
            yield [
                site or _site(assets, p.at.node, p.asset or ""),
                *_end(names, p.at),
                names.get(p.asset or "", p.mac),
                "",
                p.mac,
                text(lang, "map_shared" if p.shared else "link_place"),
                "",
                " ".join(map(str, p.vlans)),
                "",
                text(lang, "source_mac_tables"),
                percent(lang, p.conf),
            ]


def _end(names: Mapping[str, str], end: End) -> tuple[str, str, str]:
    port = f"{end.port} ({' '.join(end.members)})" if end.members else end.port
    return (names.get(end.node, end.node), port, end.label)


def _site(assets: Mapping[str, Asset], *nodes: str) -> str:
    return ", ".join(sorted({s for n in nodes if n in assets for s in assets[n].sites}))
