"""Compares grouped endpoints with the truth of a generated network, pair by pair."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from agent.inventory.identity import Identity
from fixtures.networks.generate import Cell, Generated


def assets_of(identity: Identity, truth: Iterable[Cell]) -> dict[Cell, int]:
    """Cell of the truth -> number of the asset it went to."""
    known = set(truth)
    out: dict[Cell, int] = {}
    for asset, members in enumerate(identity.groups):
        for i in members:
            e = identity.endpoints[i]
            for run in e.runs:
                with_mac = (run, e.ns, e.ip or "", e.mac or "")
                out[with_mac if with_mac in known else (run, e.ns, e.ip or "", "")] = asset
    return out


def score(asset: dict[Cell, int], g: Generated) -> Counter[str]:
    """Pairs: `right`, `wrong` (one asset, two devices), `missed` (two assets, one device); with `far_` those at different addresses."""
    count: Counter[str] = Counter()
    by_asset: dict[int, list[Cell]] = defaultdict(list)
    by_device: dict[str, list[Cell]] = defaultdict(list)
    for cell in sorted(asset):
        by_asset[asset[cell]].append(cell)
        by_device[g.truth[cell]].append(cell)
    for cells in by_asset.values():
        for a, b in _pairs(cells):
            what = "right" if g.truth[a] == g.truth[b] else "wrong"
            count[what] += 1
            count["far_" + what] += a[1:3] != b[1:3]
    for cells in by_device.values():
        for a, b in _pairs(cells):
            if asset[a] != asset[b]:
                count["missed"] += 1
                count["far_missed"] += a[1:3] != b[1:3]
    return count


def _pairs(cells: list[Cell]) -> Iterable[tuple[Cell, Cell]]:
    return ((a, b) for i, a in enumerate(cells) for b in cells[i + 1 :])
