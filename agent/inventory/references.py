"""The identifiers of an asset as references, which of them it may be named by, and the ids under which other runs know it.

An id must be found again when later runs add evidence, so an asset also answers to the ids of all its references. A reference that
several assets carry (a cloned key, an address that changed hands) leads to the one that carried it first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from agent.inventory.endpoint import Endpoint, label
from agent.inventory.mac import kind_of
from agent.inventory.placeholder import is_generic_name
from agent.inventory.rarity import Rarity, mac_key, name_key
from agent.model.asset import Identifier
from agent.model.base import Us, hash_id
from agent.model.ref import Ref, RefKind

_RANK: tuple[RefKind, ...] = (
    "serial",
    "chassis",
    "smbios",
    "sid",
    "engine_id",
    "ssh_key",
    "cert_key",
    "asset",
    "mac",
    "name",
    "addr",
)
_WEAK = frozenset({"mac", "name", "addr"})


@dataclass(slots=True)
class Held:
    """One reference of one asset: its observations, first time seen, and why it is not trusted."""

    ref: Ref
    first: Us
    evidence: set[str]
    demoted: str | None


def references(members: list[Endpoint], left: list[str], rarity: Rarity) -> dict[str, Held]:
    """All references of the asset made of *members*, by their text. `left`: per member why it left its address, or empty."""
    held: dict[str, Held] = {}

    def add(
        kind: RefKind, ns: str, value: str, first: Us, evidence: set[str], why: str | None
    ) -> None:
        ref = Ref(kind=kind, ns=ns, value=value)
        one = held.setdefault(str(ref), Held(ref, first, set(), why))
        one.first = min(one.first, first)
        one.evidence |= evidence
        # Trusted at one endpoint is trusted: a virtual router's address says nothing against the key itself.
        one.demoted = one.demoted and why

    for e, gone in zip(members, left, strict=True):
        at: dict[str, Us] = {}
        sights: dict[str, set[str]] = defaultdict(set)
        for _, o in e.seen:
            at[o.id] = min(at.get(o.id, o.at), o.at)
            sights[o.body.kind].add(o.id)
        doubtful = "virtual_router" if e.router else "ambiguous_address" if e.ambiguous else None
        for (kind, ns, value), evidence in e.ids.items():
            first = min(at[i] for i in evidence)
            why = doubtful or rarity.demoted.get((kind, ns, value))
            add(_kind(kind), ns, value, first, evidence, why)
        for name, evidence in e.names.items():
            why = doubtful or rarity.demoted.get(name_key(name))
            why = why or ("generic_name" if is_generic_name(label(name)) else None)
            add("name", e.ns, name, min(at[i] for i in evidence), evidence, why)
        for mac in e.cards:
            if kind_of(mac) == "burned_in":
                add(
                    "mac",
                    e.ns,
                    mac,
                    e.first,
                    sights["endpoint.host"],
                    rarity.demoted.get(mac_key(mac)),
                )
        if e.machine:
            add("asset", f"endpoint/{e.ns}", e.machine, e.first, sights["endpoint.host"], None)
        if e.mac:
            kind = kind_of(e.mac)
            why = "virtual_router" if e.router else "not_burned_in" if kind == "local" else None
            why = why or rarity.demoted.get(mac_key(e.mac))
            add("mac", e.ns, e.mac, e.first, sights["arp.entry"] or set(at), why)
        if e.ip:
            best = sights["arp.entry"] | sights["icmp.echo"] or set(at)
            add("addr", e.ns, e.ip, e.first, best, f"left_{gone}" if gone else None)
    return held


def _kind(kind: str) -> RefKind:
    return next(k for k in _RANK if k == kind)


class Ids:
    """Ids of all assets; built once over the references of every one of them."""

    def __init__(self, held_by: list[dict[str, Held]], key: bytes) -> None:
        self._held, self._key = held_by, key
        self._owner: dict[str, int] = {}
        self._holders: dict[str, int] = defaultdict(int)
        first: dict[str, tuple[Us, str]] = {}
        for asset, held in enumerate(held_by):
            # Ties at the same microsecond are settled by content: the smallest set of references.
            tie = min(held, default="")
            for text, one in held.items():
                self._holders[text] += 1
                if text not in first or (one.first, tie) < first[text]:
                    first[text] = (one.first, tie)
                    self._owner[text] = asset

    def of_ref(self, text: str) -> str:
        """Id of whatever is named by the reference *text*."""
        return hash_id("asset", text, key=self._key)

    def demoted(self, text: str, one: Held) -> str | None:
        """Why the reference proves nothing: its own reason, or that several assets hold it."""
        if one.demoted:
            return one.demoted
        several = self._holders[text] > 1 and one.ref.kind not in ("name", "addr")
        return "held_by_several_assets" if several else None

    def identifiers(self, asset: int) -> tuple[Identifier, ...]:
        """Strongest first. `unique` are those that no other asset holds and that passed the rarity test."""
        out: list[Identifier] = []
        for text, one in sorted(self._held[asset].items(), key=_rank):
            demoted = self.demoted(text, one)
            weak = one.ref.kind in _WEAK
            out.append(
                Identifier(
                    ref=one.ref,
                    strength="weak" if weak else "shared" if demoted else "unique",
                    demoted=demoted,
                    evidence=tuple(sorted(one.evidence)),
                )
            )
        return tuple(out)

    def named(self, asset: int, spans: list[tuple[str, str]]) -> tuple[str, tuple[str, ...]]:
        """(id, same_as) of an asset. `spans`: (holder of an address, run) of its sights: names of last resort."""
        last_resort = [hash_id("asset", text, run, key=self._key) for text, run in spans]
        owned = [
            (text, one)
            for text, one in sorted(self._held[asset].items(), key=_rank)
            if self._owner[text] == asset
        ]
        good = [t for t, one in owned if self.demoted(t, one) is None]
        usable = good or [t for t, one in owned if one.ref.kind in _WEAK]
        best = self.of_ref(usable[0]) if usable else min(last_resort)
        others = {self.of_ref(text) for text, _ in owned} | set(last_resort)
        return best, tuple(sorted(others - {best}))


def _rank(item: tuple[str, Held]) -> tuple[int, str]:
    return (_RANK.index(item[1].ref.kind), item[0])
