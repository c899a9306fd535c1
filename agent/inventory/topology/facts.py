"""What one device told of its ports, its MAC table and its neighbours: the plain values the inference of layer 2 works on.

A port is named by its ifIndex; one that only a bridge port number names has that number, negative. All members of a LAG stand under the
port of the LAG.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BRIDGE, ROUTER, WLAN, PHONE = "bridge", "router", "wlan_ap", "telephone"
"""Capabilities (IEEE 802.1AB, 8.5.8) that matter here."""


@dataclass(slots=True)
class Port:
    """`name` ifName or ifDescr, `label` ifAlias, `members` names of the ports of the LAG, `up` ifOperStatus."""

    name: str
    label: str = ""
    descr: str = ""
    mac: str = ""
    mbps: int = 0
    up: bool = True
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Heard:
    """A neighbour that announced itself at `port` (None: nobody can say at which). `via`: the member of the LAG.

    `chassis`, `port_id`: octets in hexadecimal, of the kinds of LLDP (IEEE 802.1AB, 8.5.2 and 8.5.3); CDP's are brought to those.
    """

    port: int | None
    chassis_kind: int
    chassis: str
    port_kind: int
    port_id: str
    port_descr: str
    name: str
    can: frozenset[str]
    addresses: tuple[str, ...]
    evidence: str
    local: str = ""
    """What the device calls its own port, where `port` is None."""


@dataclass(frozen=True, slots=True)
class Spanning:
    """What spanning tree says of one port (RFC 4188, dot1dStpPortTable). `bridge`: MAC of the designated bridge, `number` its port."""

    state: int
    bridge: str
    number: str
    evidence: str


Where = Mapping[int, frozenset[int]]
"""Port -> VLANs (0: not told) in which an address was learnt there. Addresses of one port share one mapping."""


@dataclass(slots=True)
class Box:
    """One device that let us read its tables, whatever its addresses. `fdb`: MAC -> where it was learnt."""

    node: str
    names: set[str] = field(default_factory=set[str])
    bridge: str = ""
    macs: set[str] = field(default_factory=set[str])
    chassis: set[tuple[int, str]] = field(default_factory=set[tuple[int, str]])
    ports: dict[int, Port] = field(default_factory=dict[int, Port])
    fdb: dict[str, Where] = field(default_factory=dict[str, Where])
    seen_in: dict[str, str] = field(default_factory=dict[str, str])
    """MAC -> an observation that holds its row."""
    heard: list[Heard] = field(default_factory=list[Heard])
    told_ports: dict[tuple[int, str], int | None] = field(
        default_factory=dict[tuple[int, str], "int | None"]
    )
    """(kind, id) of its own LLDP ports -> port."""
    spanning: dict[int, Spanning] = field(default_factory=dict[int, Spanning])
    into: dict[int, int] = field(default_factory=dict[int, int])
    """Member -> its LAG."""
    trunks: dict[int, set[int]] = field(default_factory=dict[int, set[int]])
    """Port -> VLANs it carries, as configured."""
    vlans: dict[int, str] = field(default_factory=dict[int, str])
    evidence: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Table -> its observations."""
    cut: set[str] = field(default_factory=set[str])
    """Tables that are not complete."""

    @property
    def bridging(self) -> bool:
        return bool(self.bridge or self.fdb or self.spanning)

    def name_of(self, port: int) -> str:
        """Empty for a bridge port of which the agent does not tell the interface: its number would be taken for one."""
        if port < 0:
            return ""
        known = self.ports.get(port)
        return known.name if known and known.name else str(port)

    def proof(self, *tables: str) -> frozenset[str]:
        return frozenset(e for t in tables for e in self.evidence.get(t, ()))
