"""Rules about what a link said unasked: who gives out addresses (RFC 2131), which gear introduces itself (IEEE 802.1AB), 802.1X in use.

Only what was heard counts. That nothing was heard proves nothing, so no rule here is ever taken for "none here".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from agent.judgement.answers import address_of
from agent.judgement.hits import Hit
from agent.judgement.world import World
from agent.model.bodies_udp import DhcpServer, EapolSeen, LinkNeighbour
from agent.model.observation import Observation
from agent.model.ref import Ref

SHOWN = 80
ALONE = 600
"""Permille: one server that nobody told us of is more often the client's own than a stranger's."""


def dhcp_stranger(world: World) -> Iterator[Hit]:
    """Servers heard giving out addresses that are neither the gateway nor named in client.toml; worse beside another server."""
    told: dict[str, dict[Ref, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    for o in _heard(world):
        if isinstance(o.body, DhcpServer) and o.body.message in ("offer", "ack"):
            told[o.subject.ns][o.subject].append(o)
    for ns, servers in sorted(told.items()):
        site = world.sites.get(ns.removeprefix("site/"))
        declared = set(site.dhcp_servers) if site else set[str]()
        for subject, seen in sorted(servers.items(), key=lambda s: str(s[0])):
            if subject.value in declared or any(_known(o) for o in seen):
                continue
            bodies = [o.body for o in seen if isinstance(o.body, DhcpServer)]
            others = sorted(s.value for s in servers if s != subject)
            yield Hit(
                subject,
                _holders(world, subject),
                tuple(o.id for o in seen),
                {
                    "server": subject.value,
                    "macs": _list(b.mac for b in bodies),
                    "routers": _list(r for b in bodies for r in b.routers),
                    "dns": _list(d for b in bodies for d in b.dns),
                    "others": _list(others),
                },
                severity=None if others else "low",
                conf=None if others else ALONE,
            )


def _known(o: Observation) -> bool:
    return isinstance(o.body, DhcpServer) and o.body.known != ""


def neighbour_announced(world: World) -> Iterator[Hit]:
    """Gear that tells whoever is plugged in its name, model and software."""
    by_subject: dict[Ref, list[Observation]] = defaultdict(list)
    for o in _heard(world):
        if isinstance(o.body, LinkNeighbour):
            by_subject[o.subject].append(o)
    for subject, seen in sorted(by_subject.items(), key=lambda s: str(s[0])):
        bodies = [o.body for o in seen if isinstance(o.body, LinkNeighbour)]
        name = _list(b.name or b.chassis for b in bodies)
        model = _list(b.model or b.platform or b.description for b in bodies)
        yield Hit(
            subject,
            _holders(world, subject),
            tuple(o.id for o in seen),
            {
                "protocol": _list(b.protocol.upper() for b in bodies),
                "name": name,
                "model": model,
                "addresses": _list(a for b in bodies for a in b.addresses),
                "switch_port": _list(b.port or b.port_description for b in bodies),
            },
        )


def port_authentication(world: World) -> Iterator[Hit]:
    """802.1X: the port itself asked who is there. What a computer sends of its own accord shows its own settings only."""
    by_subject: dict[Ref, list[Observation]] = defaultdict(list)
    for o in _heard(world):
        if isinstance(o.body, EapolSeen) and o.body.role == "authenticator":
            by_subject[o.subject].append(o)
    for subject, seen in sorted(by_subject.items(), key=lambda s: str(s[0])):
        eap = _list(o.body.eap for o in seen if isinstance(o.body, EapolSeen))
        yield Hit(
            subject,
            _holders(world, subject),
            tuple(o.id for o in seen),
            {"sender": subject.value, "eap": eap},
        )


def _heard(world: World) -> Iterator[Observation]:
    yield from sorted(
        (o for o in world.observations.values() if o.standing == "direct"), key=lambda o: o.id
    )


def _holders(world: World, subject: Ref) -> tuple[str, ...]:
    """Ids of the devices at *subject*, an address or the MAC of a card."""
    where = address_of(subject)
    return tuple(
        sorted(
            a.id
            for a in world.inventory.assets
            if any(str(r) == where for r in a.addrs) or any(p.mac == subject for p in a.ports)
        )
    )


def _list(texts: Iterable[str]) -> str:
    """Each once, bounded; a dash where there is none, as a text of the report would end in nothing."""
    return ", ".join(sorted({" ".join(t.split())[:SHOWN] for t in texts if t.strip()})[:4]) or "-"
