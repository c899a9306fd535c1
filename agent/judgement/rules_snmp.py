"""Rules about SNMP itself: communities that are in every manual, writing without a key, weak users, who is told what, programs run.

From the collector's own words (`agent.model.bodies_snmp`): no community or key stands there, only whether it is a maker's, and a mark by
which two devices of one run can be seen to share one. Sources: RFC 3414, RFC 3415, RFC 3584, CISA alert TA17-156A.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from agent.inventory.attribution import Clue, Clues, attribute
from agent.judgement.answers import address_of
from agent.judgement.hits import Hit
from agent.judgement.receivers import receivers
from agent.judgement.world import World, asset_ref
from agent.model.bodies_snmp import Cell, SnmpAccess, SnmpSystem, SnmpTable
from agent.model.finding import Severity
from agent.model.observation import Observation
from agent.model.ref import Ref

COMMUNITY_MODELS = (1, 2)
"""SNMPv1 and v2c (RFC 3411, SnmpSecurityModel)."""
GONE = (2, 3, 6)
"""RowStatus notInService, notReady, destroy (RFC 2579)."""
NO_AUTH, MD5 = "1.3.6.1.6.3.10.1.1.1", "1.3.6.1.6.3.10.1.1.2"
NO_PRIVACY, DES = "1.3.6.1.6.3.10.1.2.1", "1.3.6.1.6.3.10.1.2.2"
_SECRETS = (("communities", "community"), ("apc_traps", "community"))
_Row = tuple[str, dict[str, Cell]]


class _Told:
    """What the agents of *world* told last, by asset."""

    def __init__(self, world: World) -> None:
        holders = {str(ref): a.id for a in world.inventory.assets for ref in a.addrs}
        newest: dict[tuple[str, str, int], Observation] = {}
        for o in sorted(world.observations.values(), key=lambda o: (o.at, o.id)):
            b = o.body
            if isinstance(b, SnmpTable):
                newest[str(o.subject), b.table, b.part] = o
            elif isinstance(b, SnmpAccess | SnmpSystem):
                newest[str(o.subject), b.KIND, 0] = o
        self.by_asset: dict[str, list[Observation]] = defaultdict(list)
        for (subject, _, _), o in sorted(newest.items()):
            asset = holders.get(address_of(o.subject) or subject)
            if asset is not None:
                self.by_asset[asset].append(o)
        self.assets = sorted(self.by_asset)

    def access(self, asset: str) -> list[tuple[str, SnmpAccess]]:
        return [(o.id, o.body) for o in self.by_asset[asset] if isinstance(o.body, SnmpAccess)]

    def system(self, asset: str) -> list[tuple[str, SnmpSystem]]:
        return [(o.id, o.body) for o in self.by_asset[asset] if isinstance(o.body, SnmpSystem)]

    def rows(self, asset: str, table: str) -> Iterator[_Row]:
        """(observation, row)."""
        for o in self.by_asset[asset]:
            if isinstance(o.body, SnmpTable) and o.body.table == table:
                for row in o.body.records():
                    yield o.id, row


def _hit(asset: str, evidence: set[str], severity: Severity | None = None, **params: str) -> Hit:
    given: dict[str, str | int] = dict(params)
    return Hit(asset_ref(asset), (asset,), tuple(sorted(evidence)), given, severity=severity)


def snmp_known_community(world: World) -> Iterator[Hit]:
    """One that stands in makers' manuals let us in, or stands in the agent's own tables."""
    told = _Told(world)
    for asset in told.assets:
        seen = {i for i, b in told.access(asset) if b.well_known}
        for table, column in (*_SECRETS, ("groups", "user")):
            for i, row in told.rows(asset, table):
                named = str(row.get(column) or "").startswith("well_known:")
                community = table != "groups" or row.get("model") in COMMUNITY_MODELS
                if named and community and row.get("status") not in GONE:
                    seen.add(i)
        if seen:
            yield _hit(asset, seen)


def snmp_write(world: World) -> Iterator[Hit]:
    """By its access tables (RFC 3415) a community may write: nothing was ever set to find out."""
    told = _Told(world)
    for asset in told.assets:
        may = {
            (row.get("group"), row.get("model")): i
            for i, row in told.rows(asset, "views")
            if row.get("model") in (0, *COMMUNITY_MODELS) and row.get("write")
        }
        seen: set[str] = set()
        for i, row in told.rows(asset, "groups"):
            if row.get("model") in COMMUNITY_MODELS and row.get("status") not in GONE:
                for model in (row.get("model"), 0):
                    if proof := may.get((row.get("group"), model)):
                        seen |= {i, proof}
        if seen:
            yield _hit(asset, seen)


def snmp_clear(world: World) -> Iterator[Hit]:
    told = _Told(world)
    for asset in told.assets:
        clear = {i: b.version for i, b in told.access(asset) if b.version != "v3"}
        if clear:
            yield _hit(asset, set(clear), version=", ".join(sorted(set(clear.values()))))


def snmp_weak_user(world: World) -> Iterator[Hit]:
    """SNMPv3 without a key (high), or with MD5 or DES (medium): our own user, and those in its table."""
    told = _Told(world)
    for asset in told.assets:
        bare: set[str] = set()
        weak: set[str] = set()
        for i, b in told.access(asset):
            words = set(b.security.split()) if b.version == "v3" else set[str]()
            if "noAuthNoPriv" in words:
                bare.add(i)
            elif words & {"MD5", "DES"}:
                weak.add(i)
        for i, row in told.rows(asset, "usm_users"):
            if row.get("status") in GONE:
                continue
            if row.get("auth") == NO_AUTH:
                bare.add(i)
            elif row.get("auth") == MD5 or row.get("privacy") == DES:
                weak.add(i)
        if bare:
            yield _hit(asset, bare | weak, "high", what="noAuthNoPriv")
        elif weak:
            yield _hit(asset, weak, "medium", what="MD5 / DES")


def snmp_tells_former(world: World) -> Iterator[Hit]:
    """Trap receivers, and hosts of configuration copies, in the former provider's networks."""
    told = _Told(world)
    former = [p for p in world.material.providers if p.role == "former"]
    for asset in told.assets if former else ():
        clues = tuple(Clue(address, (i,)) for i, address in _receivers(told, asset))
        for provider in former:
            found = attribute(Clues(addresses=clues), [provider])
            if found.provider is None:
                continue
            strong = [w for w in found.for_ if w.strong]
            words = ", ".join(sorted({w.matched.partition(" in ")[0] for w in strong}))
            yield Hit(
                asset_ref(asset),
                (asset,),
                tuple(sorted({e for w in strong for e in w.evidence})),
                {"provider": provider.name, "words": words[:300]},
                owner=found,
            )


def _receivers(told: _Told, asset: str) -> Iterator[tuple[str, str]]:
    for o in told.by_asset[asset]:
        if isinstance(o.body, SnmpTable):
            yield from ((o.id, address) for address in receivers(o.body))


def snmp_names_former(world: World) -> Iterator[Hit]:
    """Contact or location names a former provider: free text, so a suspicion and no more."""
    told = _Told(world)
    former = [p for p in world.material.providers if p.role == "former"]
    for asset in told.assets if former else ():
        texts = tuple(
            Clue(text[:1024], (i,))
            for i, b in told.system(asset)
            for text in (b.contact, b.location)
            if text
        )
        found = attribute(Clues(texts=texts), former)
        if not found.suspected:
            continue
        names = {p.id: p.name for p in former}
        yield Hit(
            asset_ref(asset),
            (asset,),
            tuple(sorted({e for w in found.for_ for e in w.evidence})),
            {
                "provider": ", ".join(sorted(names[s] for s in found.suspected)),
                "words": ", ".join(sorted({w.matched for w in found.for_}))[:300],
            },
            owner=found,
        )


def snmp_runs_programs(world: World) -> Iterator[Hit]:
    """Programs the agent runs when asked (NET-SNMP-EXTEND-MIB, UCD-SNMP-MIB)."""
    told = _Told(world)
    for asset in told.assets:
        seen: set[str] = set()
        commands: set[str] = set()
        for table in ("extend", "exec"):
            for i, row in told.rows(asset, table):
                if command := str(row.get("command") or "").strip():
                    seen.add(i)
                    commands.add(command)
        if seen:
            yield _hit(asset, seen, words=", ".join(sorted(commands))[:300])


def snmp_shared_secret(world: World) -> Iterator[Hit]:
    """One community of the client's own on several devices. The mark of a secret holds for one run of the program."""
    told = _Told(world)
    held: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for asset in told.assets:
        for table, column in _SECRETS:
            for i, row in told.rows(asset, table):
                mark = str(row.get(column) or "")
                if mark.startswith("own:") and row.get("status") not in GONE:
                    held[mark][asset].add(i)
    for mark in sorted(held):
        assets = held[mark]
        if len(assets) > 1:
            seen = tuple(sorted({i for ids in assets.values() for i in ids}))
            ref = Ref(kind="account", ns="", value=mark.replace(":", "-"))
            yield Hit(ref, tuple(sorted(assets)), seen, {"count": len(assets)})


RULES = (
    snmp_known_community,
    snmp_write,
    snmp_clear,
    snmp_weak_user,
    snmp_tells_former,
    snmp_names_former,
    snmp_runs_programs,
    snmp_shared_secret,
)
