"""Devices whose operating system or firmware gets no public fixes any more, by what they say of themselves and the dates of the makers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from agent.catalogs.end_of_life import Side, ended
from agent.judgement.hits import Hit
from agent.judgement.world import World, asset_ref, class_of
from agent.model.asset import Asset

_SERVERS = frozenset({"server", "domain_controller", "hypervisor", "pbx", "nvr", "appliance"})
_CLIENTS = frozenset({"workstation", "laptop", "tablet"})
SURE, SOME = 800, 600
"""Permille: a service's words may be old or wrong; which edition it is cannot be seen from outside."""


def end_of_life_os(world: World) -> Iterator[Hit]:
    """One hit for each live device whose system is listed and past its end."""
    today = datetime.fromtimestamp(world.now // 1_000_000, UTC).date()
    for asset in sorted(world.inventory.assets, key=lambda a: a.id):
        if asset.presence not in ("live", "known_unseen"):
            continue
        for system, evidence in _systems(asset):
            past = ended(system, today, _side(asset))
            if past is not None:
                seen = tuple(e for e in evidence if e in world.observations) or asset.evidence
                yield Hit(
                    subject=asset_ref(asset.id),
                    assets=(asset.id,),
                    evidence=seen,
                    params={
                        "product": past.product.name,
                        "ended": past.on.isoformat(),
                        "shown": system[:80],
                        "source": past.product.source,
                    },
                    severity=past.severity,
                    conf=SOME if past.some else SURE,
                )
                break


def _side(asset: Asset) -> Side:
    kind = class_of(asset)
    return "server" if kind in _SERVERS else "client" if kind in _CLIENTS else "any"


def _systems(asset: Asset) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What the device runs, with its version where that stands apart, and by which observations."""
    system, firmware = asset.attrs.get("os"), asset.attrs.get("firmware")
    if system is None or system.state != "known" or not system.candidates:
        return
    name, told = str(system.value), system.candidates[0][1]
    if firmware is not None and firmware.state == "known":
        yield f"{name} {firmware.value}", (*told, *firmware.candidates[0][1])
    yield name, told
