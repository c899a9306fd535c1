"""`Topology`: what is plugged where, and how sure that is: cables, places of endpoints, boxes nobody saw, and what is missing.

A switch that lets us not in has no ports of ours: its `End.port` is then what its neighbour says of it, or empty.
"""

from __future__ import annotations

from typing import Literal

from agent.model.base import Id, M, Permille

LinkKind = Literal["cable", "lag", "stack", "wireless", "virtual"]
LinkSource = Literal["both_sides", "one_side", "spanning_tree", "mac_tables", "controller"]
"""LLDP or CDP of both ends; of one end; the designated bridge of STP; MAC tables alone; a controller's own table."""
Guessed = Literal["unmanaged_switch", "hypervisor", "access_point", "neighbour"]


class End(M):
    """One end of a link. `node`: id of an asset or of a `Hidden`; `port`: name of the interface; `label`: what people wrote on it."""

    node: Id
    port: str = ""
    label: str = ""
    members: tuple[str, ...] = ()
    """Ports of the LAG."""


class Link(M):
    """`a` sorts before `b`. `blocked`: spanning tree keeps it closed. `mbps`: 0 unknown."""

    a: End
    b: End
    kind: LinkKind
    source: LinkSource
    conf: Permille
    mbps: int = 0
    vlans: tuple[int, ...] = ()
    blocked: bool = False
    evidence: tuple[Id, ...]


class Place(M):
    """An endpoint on the port where it is plugged; `shared`: behind something with others, so not alone on that port.

    `at.port` empty: it is at `at.node` or behind it, on a port nobody told (an access point, a hypervisor, a switch without account).
    """

    asset: Id | None
    mac: str
    at: End
    vlans: tuple[int, ...] = ()
    shared: bool = False
    conf: Permille
    evidence: tuple[Id, ...]


class Hidden(M):
    """A box that must be there though it never answered: `guess` is what it most likely is; `name`: what a neighbour calls it."""

    id: Id
    guess: Guessed
    name: str = ""
    conf: Permille
    evidence: tuple[Id, ...]


class Gap(M):
    """What the map does not know: `kind` is a key of the texts, `node` the box it is about."""

    kind: Literal["no_account", "partial_table", "unplaced", "no_neighbours"]
    node: Id | None
    count: int = 1
    status: tuple[str, ...] = ()


class Topology(M):
    """One site network's layer 2. `nodes`: assets that forward frames (switches, routers, access points, ...)."""

    site: str = ""
    nodes: tuple[Id, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    links: tuple[Link, ...] = ()
    places: tuple[Place, ...] = ()
    vlans: dict[int, str] = {}
    gaps: tuple[Gap, ...] = ()
