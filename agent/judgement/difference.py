"""What changed between the newest run of a site and the one before: new, not seen again, changed, and how many cannot be compared.

Only like is compared with like: a trait counts where both runs put its question to the same address or service, finished, and got an
answer. "Gone" needs the newer run to have asked that very address and finished; a run that did not look there says nothing about it,
nor does one that heard nobody: its cable may have been out.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from agent.judgement.answers import address_of, question
from agent.judgement.world import World
from agent.model.bodies import Banner, Body, HttpPage, TcpPort, TlsCertificate
from agent.model.observation import Observation
from agent.model.ref import Ref
from agent.model.run import RunHeader

Trait = tuple[str, ...]
Topic = tuple[str, str]
"""(question, `str(Ref)` of whom it was put to)."""
PORTS = question("tcp.port")


@dataclass(frozen=True)
class Difference:
    """Asset ids, sorted. `gone`: silent in the newer run. `not_compared`: the newer run did not ask all that the older one answered, or
    the older did not, and what both asked is the same."""

    site: str
    older: str
    newer: str
    new: tuple[str, ...]
    gone: tuple[str, ...]
    changed: tuple[str, ...]
    not_compared: tuple[str, ...]


def difference(world: World, older: RunHeader, newer: RunHeader) -> Difference:
    """Compare two runs of one site."""
    before, after = _seen(world, older.run_id), _seen(world, newer.run_id)
    addresses = {a.id: {str(r) for r in a.addrs} for a in world.inventory.assets}
    gone: list[str] = []
    changed: list[str] = []
    unsure: list[str] = []
    for asset in before.keys() - after.keys():
        known = world.assets[asset].presence == "unseen" or _silent(world, newer, addresses[asset])
        (gone if known else unsure).append(asset)
    for asset in before.keys() & after.keys():
        then, now = before[asset], after[asset]
        places = addresses[asset] | {_place(t) for t in (*then, *now)}
        asked = _answered(world, older, places), _answered(world, newer, places)
        both = {
            t for t in asked[0] & asked[1] if t[0] != PORTS or _same_ports(world, older, newer, t)
        }
        if any(then.get(topic) != now.get(topic) for topic in both):
            changed.append(asset)
        elif {t for t in asked[0] ^ asked[1] if t[0] in _KINDS} or (
            then.keys() | now.keys()
        ) - both:
            unsure.append(asset)
    return Difference(
        site=newer.site,
        older=older.run_id,
        newer=newer.run_id,
        new=tuple(sorted(after.keys() - before.keys())),
        gone=tuple(sorted(gone)),
        changed=tuple(sorted(changed)),
        not_compared=tuple(sorted(unsure)),
    )


def since_last(world: World) -> tuple[Difference, ...]:
    """For each site with two runs or more: the newest against the one before."""
    out: list[Difference] = []
    for site in world.sites:
        runs = world.looked.newest_runs(site)
        if len(runs) > 1:
            out.append(difference(world, runs[1], runs[0]))
    return tuple(out)


def _seen(world: World, run: str) -> dict[str, dict[Topic, set[Trait]]]:
    """Asset -> what the run saw of it itself, by topic, without what changes by the minute."""
    holder = {e: a.id for a in world.inventory.assets for e in a.evidence}
    out: dict[str, dict[Topic, set[Trait]]] = defaultdict(lambda: defaultdict(set))
    for r, o in world.material.observations:
        if r == run and o.standing == "direct" and o.id in holder:
            facts = out[holder[o.id]]
            if trait := _trait(o.body):
                facts[_topic(o)].add(trait)
    return out


def _topic(o: Observation) -> Topic:
    """The question that *o* answers: which ports an address has open, or what one of its services says."""
    where = address_of(o.subject) or ""
    port = getattr(o.body, "port", None)
    if isinstance(o.body, TcpPort) or port is None:
        return PORTS, where
    ref = Ref.parse(where)
    return o.body.kind, str(Ref(kind="service", ns=ref.ns, value=f"{ref.value}/tcp/{port}"))


def _place(topic: Topic) -> str:
    return address_of(Ref.parse(topic[1])) or ""


def _answered(world: World, run: RunHeader, places: set[str]) -> set[Topic]:
    """The topics of *places* on which *run* got an answer, yes or no, in a unit that finished."""
    return {
        (kind, a.subject)
        for where in places
        for kind in _KINDS
        for a in world.looked.answers(kind, Ref.parse(where))
        if a.run == run.run_id and a.outcome in ("answered", "negative")
    }


def _same_ports(world: World, older: RunHeader, newer: RunHeader, topic: Topic) -> bool:
    """Did both runs ask the same ports? One that asked fewer finds fewer."""
    told = world.looked.answers(PORTS, Ref.parse(topic[1]))
    return len({a.ports for a in told if a.run in (older.run_id, newer.run_id)}) == 1


_KINDS = frozenset({PORTS, Banner.KIND, HttpPage.KIND, TlsCertificate.KIND})
"""Questions whose answers make up a trait."""


def _trait(body: Body) -> Trait:
    """What of a body counts as a change when it differs."""
    match body:
        case TcpPort():
            return ("port", str(body.port))
        case Banner():
            return ("banner", body.text[:200])
        case HttpPage():
            return ("page", str(body.tls), body.server, body.title, body.realm)
        case TlsCertificate():
            return ("certificate", body.sha256)
        case _:
            return ()


def _silent(world: World, run: RunHeader, addresses: set[str]) -> bool:
    """Was one of *addresses* asked by *run*, strongly, in a unit that finished and heard somebody, and did none answer?"""
    told = [
        a
        for where in addresses
        for a in world.looked.answers("host.alive", Ref.parse(where))
        if a.run == run.run_id
        and a.strength == "strong"
        and (a.run, a.probe, a.unit) in world.looked.heard
    ]
    return bool(told) and all(a.outcome in ("silent", "negative") for a in told)
