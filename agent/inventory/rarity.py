"""The rarity test: may this identifier tell one device from another *here*? What fails is demoted, and shown with the reason's code.

Codes: `placeholder`, `vendor_default`, `generic_name`, `too_many` (held by more endpoints than one device has), `contradicted` (two
holders cannot be one device), `virtual_router`, `ambiguous_address`, `several_hosts` (a MAC that answers for hosts which differ: proxy
ARP, a router), `not_burned_in`, `held_by_several_assets`.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from agent.inventory.contradiction import contradiction, doubt
from agent.inventory.endpoint import COPYABLE, HARDWARE, Endpoint, IdKey, label
from agent.inventory.placeholder import is_generic_name, is_placeholder

MOST = {**dict.fromkeys(HARDWARE, 64), **dict.fromkeys(COPYABLE, 16), "name": 16, "mac": 32}
"""Kind -> the most endpoints that one device may reasonably have: a firewall shows its serial on every VLAN it routes."""


@dataclass(slots=True)
class Rarity:
    """`holders`: identifier -> indices of its endpoints (names by first label, MACs without site); `demoted`: why not to trust it."""

    holders: dict[IdKey, list[int]] = field(default_factory=dict[IdKey, list[int]])
    demoted: dict[IdKey, str] = field(default_factory=dict[IdKey, str])

    def trusted(self, key: IdKey) -> bool:
        return key not in self.demoted

    def strong(self, e: Endpoint, kinds: tuple[str, ...]) -> set[IdKey]:
        """The endpoint's identifiers of *kinds* that passed."""
        if e.ambiguous or e.router:
            return set()
        return {k for k in e.ids if k[0] in kinds and k not in self.demoted}


def name_key(name: str) -> IdKey:
    return ("name", "", label(name))


def mac_key(mac: str) -> IdKey:
    return ("mac", "", mac)


def assess(all_of: list[Endpoint]) -> Rarity:
    """Test every identifier of all endpoints."""
    rarity = Rarity()
    holders: dict[IdKey, list[int]] = defaultdict(list)
    for i, e in enumerate(all_of):
        if e.router:
            continue
        keys = set(e.ids) if not e.ambiguous else set[IdKey]()
        keys |= {name_key(n) for n in e.names} if not e.ambiguous else set()
        if e.card:
            keys.add(mac_key(e.card))
        for key in keys:
            holders[key].append(i)
    for key in sorted(holders):
        rarity.holders[key] = holders[key]
        if reason := _reason(key, [all_of[i] for i in holders[key]]):
            rarity.demoted[key] = reason
    return rarity


def _reason(key: IdKey, held: list[Endpoint]) -> str | None:
    kind, _, value = key
    if kind == "name":
        if is_generic_name(value):
            return "generic_name"
    elif kind == "cert_key":
        if any(e.default_cert(value) for e in held):
            return "vendor_default"
    elif kind not in ("ssh_key", "mac") and is_placeholder(kind, value):
        return "placeholder"
    if len(held) > MOST[kind]:
        return "several_hosts" if kind == "mac" else "too_many"
    for i, a in enumerate(held):
        for b in held[i + 1 :]:
            if kind == "mac":
                # A card seen with another machine in another run is a dock: the link itself is refused there, not the card.
                if a.runs.keys() & b.runs.keys() and contradiction(a, b, over_time=False):
                    return "several_hosts"
            elif contradiction(a, b) or (kind in COPYABLE and doubt(a, b) and not _same_card(a, b)):
                return "contradicted"
    return None


def _same_card(a: Endpoint, b: Endpoint) -> bool:
    return a.card is not None and a.card == b.card
