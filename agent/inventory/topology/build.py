"""Observations and assets -> `Topology` of each site, for the map in the report and for the judgement.

Pure and deterministic. What is not known is a `Gap`, never a guess without its confidence: taking an observation away removes links or
makes them less sure, and never adds one that MAC tables could refute.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agent.inventory.topology.draw import Drawing
from agent.inventory.topology.facing import facing
from agent.inventory.topology.facts import Box
from agent.inventory.topology.joints import Neighbours
from agent.inventory.topology.learned import Learned
from agent.inventory.topology.read import read
from agent.inventory.topology.segments import segments
from agent.inventory.topology.tables import told
from agent.inventory.topology.who import Who
from agent.model.asset import Asset
from agent.model.bodies_snmp import SnmpSystem, SnmpTable
from agent.model.observation import Observation
from agent.model.topology import Topology


def topologies(
    observations: Iterable[tuple[str, Observation]], assets: Sequence[Asset], key: bytes
) -> tuple[Topology, ...]:
    """One for each site of which a device with layer 2 tables told us; *key*: the engagement's id key."""
    ours = [(r, o) for r, o in observations if isinstance(o.body, SnmpSystem | SnmpTable)]
    ids = {o.id for _, o in ours}
    node_of = {e: a.id for a in assets for e in a.evidence if e in ids}
    out: list[Topology] = []
    for ns in sorted({o.subject.ns for _, o in ours}):
        here = [(r, o) for r, o in ours if o.subject.ns == ns]
        site = ns.removeprefix("site/")
        there = [a for a in assets if site in a.sites]
        boxes = {node: read(node, t) for node, t in sorted(told(here, node_of).items())}
        topology = of_site(site, _one_each(boxes), there, key)
        if topology is not None:
            out.append(topology)
    return tuple(out)


def _one_each(boxes: dict[str, Box]) -> dict[str, Box]:
    """Two assets with one bridge address and one name are a device that was asked at two addresses and not put together."""
    first: dict[tuple[str, frozenset[str]], str] = {}
    out: dict[str, Box] = {}
    for node, box in sorted(boxes.items()):
        if box.bridge and first.setdefault((box.bridge, frozenset(box.names)), node) != node:
            continue
        out[node] = box
    return out


def of_site(
    site: str, boxes: dict[str, Box], assets: Sequence[Asset], key: bytes
) -> Topology | None:
    """None where no device of the site told anything of layer 2."""
    if not any(b.bridging or b.heard for b in boxes.values()):
        return None
    who = Who(boxes, assets, f"site/{site}", key)
    learned = Learned(boxes, who.macs_of)
    near = Neighbours(boxes, who, learned)
    joints = near.joints
    joints = joints + facing(boxes, learned, joints, who.suspects())
    media = segments(boxes, learned, joints)
    return Drawing(site, boxes, who, learned, near.attached, joints, media, key).topology(assets)
