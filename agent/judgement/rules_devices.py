"""Rules about devices that need more than one service: unknown, unseen, silent lately, two at one address, one key on many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from agent.inventory.mac import VIRTUAL_ROUTER, kind_of
from agent.judgement.answers import address_of
from agent.judgement.conditions import day
from agent.judgement.hits import Hit
from agent.judgement.world import World, asset_ref, class_of, personal
from agent.model.asset import Asset
from agent.model.bodies import ArpEntry, SshHostKey, TlsCertificate
from agent.model.observation import Observation
from agent.model.ref import Ref


def device_unknown(world: World) -> Iterator[Hit]:
    """Live, and nothing tells what it is. Telephones with random addresses are counted elsewhere."""
    for a in _sorted(world):
        if a.presence == "live" and class_of(a) == "unknown" and not personal(a) and a.evidence:
            yield Hit(asset_ref(a.id), (a.id,), a.evidence)


def device_known_unseen(world: World) -> Iterator[Hit]:
    """Reported by a device or named in a sheet. What people added by hand is what no probe can see: that is no finding."""
    for a in _sorted(world):
        told = tuple(e for e in a.evidence if e in world.observations)
        if a.presence in ("known_unseen", "claimed") and told:
            yield Hit(asset_ref(a.id), (a.id,), told)


def device_gone(world: World) -> Iterator[Hit]:
    for a in _sorted(world):
        if a.presence == "unseen" and a.evidence:
            yield Hit(asset_ref(a.id), (a.id,), a.evidence, {"last_seen": day(a.last_seen)})


def address_conflict(world: World) -> Iterator[Hit]:
    """Two cards answered ARP for one address in one run; virtual routers stand beside their owner by design (RFC 9568)."""
    told: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for run, o in world.material.observations:
        where = address_of(o.subject)
        if (
            where
            and o.standing == "direct"
            and isinstance(o.body, ArpEntry)
            and kind_of(o.body.mac) not in VIRTUAL_ROUTER
        ):
            told[run, where][o.body.mac].add(o.id)
    holders = _by_address(world)
    # One finding an address, of the newest run in which it happened; evidence of all.
    found: dict[str, dict[str, set[str]]] = {}
    for (_, where), macs in told.items():
        if len(macs) > 1:
            merged = found.setdefault(where, defaultdict(set))
            for mac, ids in macs.items():
                merged[mac] |= ids
    for where in sorted(found):
        macs = found[where]
        seen = tuple(sorted({i for ids in macs.values() for i in ids}))
        ref = Ref.parse(where)
        params: dict[str, str | int] = {"address": ref.value, "macs": ", ".join(sorted(macs))}
        yield Hit(ref, holders.get(where, ()), seen, params)


def key_shared(world: World) -> Iterator[Hit]:
    """One private key in several devices: a factory default, a cloned disc, or a wildcard certificate. One finding a key."""
    holders = _by_address(world)
    held: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for o in _newest_keys(world):
        where = address_of(o.subject)
        for asset in holders.get(where or "", ()):
            held[_key(o)][asset].add(o.id)
    for key in sorted(held):
        assets = held[key]
        if len(assets) > 1:
            seen = tuple(sorted({i for ids in assets.values() for i in ids}))
            ref = Ref(kind="ssh_key" if key.startswith("SHA256:") else "cert_key", ns="", value=key)
            yield Hit(ref, tuple(sorted(assets)), seen, {"count": len(assets)})


def _newest_keys(world: World) -> Iterator[Observation]:
    """The key each port showed last: a key that was replaced is no fault any more."""
    newest: dict[tuple[str | None, int, str], Observation] = {}
    for o in world.observations.values():
        if isinstance(o.body, TlsCertificate | SshHostKey) and _key(o):
            kind = o.body.key_type if isinstance(o.body, SshHostKey) else "tls"
            place = (address_of(o.subject), o.body.port, kind)
            old = newest.get(place)
            if old is None or (o.at, o.id) > (old.at, old.id):
                newest[place] = o
    yield from sorted(newest.values(), key=lambda o: o.id)


def _key(o: Observation) -> str:
    if isinstance(o.body, TlsCertificate):
        return o.body.spki_sha256.lower()
    return o.body.fingerprint if isinstance(o.body, SshHostKey) else ""


def _by_address(world: World) -> dict[str, tuple[str, ...]]:
    out: dict[str, set[str]] = defaultdict(set)
    for a in world.inventory.assets:
        for ref in a.addrs:
            out[str(ref)].add(a.id)
    return {k: tuple(sorted(v)) for k, v in out.items()}


def _sorted(world: World) -> list[Asset]:
    return sorted(world.inventory.assets, key=lambda a: a.id)
