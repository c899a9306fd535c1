"""Which node a MAC, an address or an announced chassis is. A name alone never says: two devices may have one (facts of many networks)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeVar

from agent.inventory.mac import VIRTUAL_ROUTER, holder_mac, kind_of
from agent.inventory.topology.facts import BRIDGE, PHONE, ROUTER, WLAN, Box, Heard
from agent.inventory.topology.hearing import CHASSIS_ADDRESS, CHASSIS_MAC, MAC
from agent.model.asset import Asset
from agent.model.base import hash_id

FORWARDS = frozenset(
    ("switch", "access_point", "router", "gateway", "firewall", "wireless_controller", "hypervisor")
)
"""Classes whose members are nodes of the map."""
BRIDGES = frozenset({"switch", "access_point", "wireless_controller"})
"""Of these, a member may stand between two switches."""


@dataclass
class Stranger:
    """A neighbour that is none of our assets."""

    id: str
    name: str
    can: frozenset[str]
    mac: str | None
    evidence: set[str] = field(default_factory=set[str])


class Who:
    """*assets*: those of one site. `class_of`: device class or `unknown`."""

    def __init__(
        self, boxes: Mapping[str, Box], assets: Iterable[Asset], ns: str, key: bytes
    ) -> None:
        self._boxes, self._ns, self._key = boxes, ns, key
        self.class_of: dict[str, str] = {}
        self.strangers: dict[str, Stranger] = {}
        macs: dict[str, set[str]] = defaultdict(set)
        addresses: dict[str, set[str]] = defaultdict(set)
        self.macs_of: dict[str, set[str]] = defaultdict(set)
        for a in assets:
            self.class_of[a.id] = a.device_class.value or "unknown"
            for port in a.ports:
                if port.mac and port.mac.ns == ns and kind_of(port.mac.value) not in VIRTUAL_ROUTER:
                    macs[port.mac.value].add(a.id)
                for at in port.addrs:
                    if at.ns == ns:
                        addresses[at.value].add(a.id)
        own: dict[str, set[str]] = defaultdict(set)
        chassis: dict[tuple[int, str], set[str]] = defaultdict(set)
        names: dict[str, set[str]] = defaultdict(set)
        for node, box in boxes.items():
            for mac in box.macs:
                own[mac].add(node)
            for one in box.chassis:
                chassis[one].add(node)
            for name in box.names:
                names[name].add(node)
        # A device's own list of its cards beats what stands at an address.
        macs.update(own)
        self._mac = _unique(macs)
        self._address = _unique(addresses)
        self._chassis = _unique(chassis)
        self._name = _unique(names)
        for mac, node in self._mac.items():
            self.macs_of[node].add(mac)
        claimed: dict[str, set[tuple[int, str]]] = defaultdict(set)
        for box in boxes.values():
            for h in box.heard:
                for address in h.addresses:
                    claimed[address].add((h.chassis_kind, h.chassis))
        # An address that two neighbours call theirs (set at the factory) is nobody's.
        self._disputed = {
            a for a, of in claimed.items() if len([c for k, c in of if k == CHASSIS_MAC]) > 1
        }

    def of_mac(self, mac: str) -> str | None:
        return self._mac.get(mac)

    def of(self, h: Heard) -> str:
        """The node of a neighbour: an asset, or a stranger that is made for it."""
        return self._known(h) or self._stranger(h)

    def by_name(self, h: Heard) -> str | None:
        """The one box that goes by the name or chassis id *h* has: a mere candidate."""
        return self._chassis.get((h.chassis_kind, h.chassis)) or self._name.get(h.name.lower())

    def card(self, node: str, h: Heard) -> None:
        """Behind a router nobody sees the card of an endpoint; what it announces itself with is one, if nobody else has it."""
        mac = port_mac(h)
        if mac and self._mac.setdefault(mac, node) == node:
            self.macs_of[node].add(mac)

    def sure(self, h: Heard) -> bool:
        return self._known(h) is not None

    def _known(self, h: Heard) -> str | None:
        mac = chassis_mac(h)
        if mac and (node := self._mac.get(mac)):
            return node
        at = [a for a in h.addresses if a not in self._disputed]
        if h.chassis_kind == CHASSIS_ADDRESS and (address := chassis_address(h.chassis)):
            at.append(address)
        nodes = {n for a in at if (n := self._address.get(a))}
        if len(nodes) != 1:
            return None
        node = nodes.pop()
        # A box that listed its cards and has not this one is another device.
        return None if mac and node in self._boxes and self._boxes[node].ports else node

    def _stranger(self, h: Heard) -> str:
        return self._made(h.chassis_kind, h.chassis, h.name, h.can, chassis_mac(h), h.evidence)

    def of_bridge(self, mac: str, evidence: str) -> str:
        """The node of a designated bridge."""
        digits, can = mac.replace(":", ""), frozenset({BRIDGE})
        return self._mac.get(mac) or self._made(CHASSIS_MAC, digits, "", can, mac, evidence)

    def _made(
        self,
        kind: int,
        chassis: str,
        name: str,
        can: frozenset[str],
        mac: str | None,
        evidence: str,
    ) -> str:
        id_ = hash_id("neighbour", self._ns, kind, chassis, key=self._key)
        one = self.strangers.setdefault(id_, Stranger(id_, name, can, mac))
        one.name = one.name or name
        one.can |= can
        one.evidence.add(evidence)
        if mac:
            self.macs_of[id_].add(mac)
        return id_

    def suspects(self) -> set[str]:
        """Nodes that may bridge."""
        strange = {s.id for s in self.strangers.values() if BRIDGE in s.can}
        boxes = {n for n, b in self._boxes.items() if b.bridging}
        said = {
            node
            for box in self._boxes.values()
            for h in box.heard
            if BRIDGE in h.can and PHONE not in h.can and (node := self._known(h))
        }
        return strange | boxes | said | {n for n, kind in self.class_of.items() if kind in BRIDGES}

    def forwards(self, node: str, h: Heard | None = None) -> bool:
        """Is it a node of the map, not an endpoint? What it says of itself first: a phone bridges too, and is none."""
        can = h.can if h else frozenset[str]()
        if PHONE in can or self.class_of.get(node) == "voip_phone":
            return False
        if can & {BRIDGE, ROUTER, WLAN}:
            return True
        box = self._boxes.get(node)
        if box is not None and box.bridging:
            return True
        return self.class_of.get(node) in FORWARDS


_K = TypeVar("_K")


def _unique(found: Mapping[_K, set[str]]) -> dict[_K, str]:
    return {k: next(iter(nodes)) for k, nodes in found.items() if len(nodes) == 1}


def chassis_mac(h: Heard) -> str | None:
    """The MAC in a chassis id; CDP names phones and some switches by theirs."""
    if h.chassis_kind == CHASSIS_MAC:
        return holder_mac(h.chassis) if len(h.chassis) == 12 else None
    made = re.fullmatch(r"(?:SEP|ATA)?([0-9A-Fa-f]{12})", h.name)
    return holder_mac(made[1]) if made else None


def port_mac(h: Heard) -> str | None:
    """The card a neighbour announces itself with (IEEE 802.1AB, 8.5.3.2): telephones give their address as chassis, their MAC as port."""
    return holder_mac(h.port_id) if h.port_kind == MAC and len(h.port_id) == 12 else None


def chassis_address(digits: str) -> str | None:
    """A network address of LLDP: family (IANA: 1 IPv4, 2 IPv6) and octets."""
    if (digits[:2], len(digits)) in (("01", 10), ("02", 34)):
        return str(ip_address(bytes.fromhex(digits[2:])))
    return None
