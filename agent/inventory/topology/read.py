"""From the tables of one device to `Box`: ports under one name, MACs on ports, neighbours on ports.

Sources: RFC 4188 and RFC 4363 (bridge ports, MAC tables; an FDB id is not a VLAN), IEEE8023-LAG-MIB, RFC 2863 (ifStackTable), LLDP-MIB
(IEEE 802.1AB: a local port number need not be an ifIndex), CISCO-CDP-MIB. Vendors differ in all of this, hence the second ways.
"""

from __future__ import annotations

from collections.abc import Callable

from agent.inventory.mac import VIRTUAL_ROUTER, holder_mac, kind_of
from agent.inventory.topology.facts import Box, Port, Spanning, Where
from agent.inventory.topology.hearing import hear
from agent.inventory.topology.tables import Record, Told
from agent.model.bodies_snmp import SnmpSystem

LAG_TYPE = 161
"""ieee8023adLag (IANAifType)."""
SELF, INVALID = 4, 2
"""dot1dTpFdbStatus."""
_PortOf = Callable[[int], int]
READ = frozenset(
    ("interfaces", "names", "stack", "lag", "bridge_ports", "stp", "fdb", "vlan_fdb", "vlan_ids")
    + ("vlans", "pvid", "lldp_local", "lldp_ports", "lldp", "lldp2_ports", "lldp2", "cdp", "fdp")
)
"""Tables of which a cut makes the map incomplete."""


def number(row: Record, column: str) -> int | None:
    value = row.get(column)
    return value if isinstance(value, int) else None


def words(row: Record, column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) else ""


def hex_mac(octets: str) -> str | None:
    """Twelve hexadecimal digits as a MAC; None for a group or none at all."""
    return holder_mac(octets) if len(octets) == 12 else None


def read(node: str, told: Told) -> Box:
    """Pure; what makes no sense is left out."""
    box = Box(node)
    for o in told.systems:
        if isinstance(o.body, SnmpSystem):
            box.names |= {o.body.name.lower()} - {""}
            if bridge := holder_mac(o.body.bridge):
                box.bridge = bridge
                box.macs.add(bridge)
            if mac := _engine_mac(o.body.engine_id):
                box.macs.add(mac)
    for name, table in told.tables.items():
        box.evidence[name] = table.evidence
        if name in READ and not table.complete:
            box.cut.add(name)
    _ports(box, told)
    into = box.into = _lags(box, told)
    bridge_port = _bridge_ports(told)

    def port_of(bridge: int) -> int:
        """ifIndex of the port, or of its LAG. Agents without the map number both alike."""
        index = bridge_port.get(bridge)
        if index is None:
            index = bridge if not bridge_port and bridge in box.ports else -bridge
        return into.get(index, index)

    _vlans(box, told, port_of)
    _macs(box, told, port_of)
    for evidence, row in told.rows("stp"):
        port, designated = number(row, "port"), words(row, "designated_bridge")
        if port is not None and len(designated) == 16 and (mac := hex_mac(designated[4:])):
            box.spanning[port_of(port)] = Spanning(
                number(row, "state") or 0, mac, words(row, "designated_port"), evidence
            )
    hear(box, told, into, {b: into.get(i, i) for b, i in bridge_port.items()})
    return box


def _engine_mac(engine: str) -> str | None:
    """The MAC in an SnmpEngineID of form 3 (RFC 3411)."""
    return hex_mac(engine[10:]) if len(engine) == 22 and engine[8:10] == "03" else None


def _ports(box: Box, told: Told) -> None:
    for _, row in told.rows("interfaces"):
        if (index := number(row, "index")) is None:
            continue
        mac = holder_mac(words(row, "mac")) or ""
        descr = words(row, "descr")
        box.ports[index] = Port(descr, descr=descr, mac=mac, up=number(row, "oper") in (None, 1))
        if mac and kind_of(mac) not in VIRTUAL_ROUTER:
            box.macs.add(mac)
    for _, row in told.rows("names"):
        if (index := number(row, "index")) is None:
            continue
        port = box.ports.setdefault(index, Port(""))
        port.name = words(row, "name") or port.name
        port.label = words(row, "alias")
        port.mbps = max(0, number(row, "mbps") or 0)


def _lags(box: Box, told: Told) -> dict[int, int]:
    """ifIndex of a member -> that of its LAG."""
    into: dict[int, int] = {}
    for _, row in told.rows("lag"):
        index, lag = number(row, "index"), number(row, "aggregator")
        if index is not None and lag and lag != index:
            into[index] = lag
    lags = set(into.values())
    for _, row in told.rows("interfaces"):
        if number(row, "type") == LAG_TYPE and (index := number(row, "index")) is not None:
            lags.add(index)
    for _, row in told.rows("stack"):
        upper, lower = number(row, "upper"), number(row, "lower")
        if upper in lags and lower and lower not in lags and number(row, "status") in (None, 1):
            assert upper is not None
            into.setdefault(lower, upper)
    for lag in set(into.values()):
        members = sorted(i for i, to in into.items() if to == lag)
        port = box.ports.setdefault(lag, Port(str(lag)))
        port.members = tuple(box.name_of(i) for i in members)
        port.mbps = port.mbps or sum(box.ports[i].mbps for i in members if i in box.ports)
    return into


def _bridge_ports(told: Told) -> dict[int, int]:
    out: dict[int, int] = {}
    for _, row in told.rows("bridge_ports"):
        port, index = number(row, "port"), number(row, "interface")
        if port is not None and index:
            out[port] = index
    return out


def _vlans(box: Box, told: Told, port_of: _PortOf) -> None:
    for _, row in told.rows("vlans", "vlan_ids"):
        vlan = number(row, "vlan")
        if vlan is None or not 1 <= vlan <= 4094:
            continue
        if name := words(row, "name"):
            box.vlans[vlan] = name
        box.vlans.setdefault(vlan, "")
        for bridge in bits(words(row, "egress")):
            box.trunks.setdefault(port_of(bridge), set()).add(vlan)


def bits(octets: str) -> list[int]:
    """Ports of a PortList (RFC 4363): the first bit of the first octet is port 1. Nothing for what is no hexadecimal."""
    try:
        data = bytes.fromhex(octets)
    except ValueError:
        return []
    return [
        at * 8 + bit + 1
        for at, octet in enumerate(data)
        if octet
        for bit in range(8)
        if octet >> (7 - bit) & 1
    ]


def _macs(box: Box, told: Told, port_of: _PortOf) -> None:
    vlan_of: dict[int, int] = {}
    for _, row in told.rows("vlan_ids"):
        vlan, fdb = number(row, "vlan"), number(row, "fdb")
        if vlan is not None and fdb is not None:
            # Several VLANs on one table (shared learning): which of them is not told.
            vlan_of[fdb] = 0 if fdb in vlan_of else vlan
    ports: dict[int, int] = {}
    shared: dict[tuple[int, int], Where] = {}
    for table in ("vlan_fdb", "fdb"):
        if table not in told.tables:
            continue
        cells = told.tables[table].cells("mac", "port", "status", "fdb")
        for evidence, (mac, port, status, table_id) in cells:
            if not isinstance(mac, str) or not isinstance(port, int) or port <= 0:
                continue
            if status == SELF:
                if (own := holder_mac(mac)) and kind_of(own) not in VIRTUAL_ROUTER:
                    box.macs.add(own)
                continue
            if status == INVALID or int(mac[:2], 16) & 1:
                continue
            if (at := ports.get(port)) is None:
                at = ports[port] = port_of(port)
            before = box.fdb.get(mac)
            vlan = 0
            if isinstance(table_id, int):
                vlan = vlan_of.get(table_id, 0) if vlan_of else table_id if table_id <= 4094 else 0
            elif before is not None and at in before:
                # The old table repeats the new one without its VLANs.
                continue
            if before is None:
                if (place := shared.get((at, vlan))) is None:
                    place = shared[at, vlan] = {at: frozenset({vlan})}
                box.fdb[mac] = place
            elif vlan not in (here := before.get(at, frozenset[int]())):
                box.fdb[mac] = {**before, at: here | {vlan}}
            box.seen_in[mac] = evidence
