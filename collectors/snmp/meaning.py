"""What an agent's words are worth to the inventory: identifiers, names, properties of the device, and neighbours it reports.

Pure. Only standard objects: the catalogue of makers' own places for serial and model is not here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import AddressValueError, IPv4Address, ip_address

from agent.model.bodies import ArpEntry, Body, DeviceAttribute, DeviceIdentity, HostName
from agent.model.bodies_snmp import SnmpSystem
from collectors.snmp.rounds import Walked

CHASSIS = 3
"""PhysicalClass (RFC 6933)."""
MOST_TEXT = 2000
INVALID = 2
"""ipNetToMediaType (RFC 4293)."""
ONE_FOR_ALL = frozenset({"1.3.6.1.4.1.8072.3.2.10"})
"""sysObjectID of net-snmp on Linux: names the agent's maker, not the device's."""


def of_system(b: SnmpSystem) -> Iterator[Body]:
    if b.name:
        yield HostName(name=b.name, source="snmp")
    for name, value in (("location", b.location), ("contact", b.contact)):
        if value:
            yield DeviceAttribute(name=name, value=value)
    if b.vendor and not any(b.object_id.startswith(x) for x in ONE_FOR_ALL):
        yield DeviceAttribute(name="vendor", value=b.vendor)
    if b.serial:
        # Of Printer-MIB: only printers have it, and there hrDeviceDescr is the model.
        yield DeviceIdentity(scheme="serial", value=b.serial, ns=_pen(b))
        if b.device:
            yield DeviceAttribute(name="model", value=b.device)
    if b.bridge:
        yield DeviceIdentity(scheme="chassis", value=b.bridge)
    # Too short, or made of an address: shared by devices (RFC 3411).
    if len(b.engine_id) >= 10 and b.engine_id[8:10] not in ("01", "02"):
        yield DeviceIdentity(scheme="engine_id", value=b.engine_id)


def of_entity(system: SnmpSystem, walked: Walked) -> Iterator[Body]:
    """The one chassis; of a stack, none speaks for the whole."""
    rows = [dict(zip(walked.table.names, row, strict=True)) for row in walked.rows]
    chassis = [r for r in rows if r["class"] == CHASSIS]
    if len(chassis) != 1:
        return
    one = chassis[0]
    if isinstance(serial := one["serial"], str) and serial:
        yield DeviceIdentity(scheme="serial", value=serial, ns=_pen(system))
    for name, column in (("model", "model"), ("firmware", "software")):
        if isinstance(value := one[column], str) and value:
            yield DeviceAttribute(name=name, value=value)


def of_stack(system: SnmpSystem, walked: Walked) -> Iterator[Body]:
    """The members of a stack in their order, `model serial` each: all of them are on the client's list of devices, not one."""
    rows = [dict(zip(walked.table.names, row, strict=True)) for row in walked.rows]
    units = [
        " ".join(str(row[c]).strip() for c in ("model", "serial") if row[c])
        for row in rows
        if row["class"] == CHASSIS
    ]
    units = [u for u in units if u]
    if len(units) > 1:
        yield DeviceAttribute(name="stack_units", value=bounded(units))


def bounded(units: list[str]) -> str:
    """*units* in a row, as many whole ones as `MOST_TEXT` holds, and how many more there are."""
    kept: list[str] = []
    room = MOST_TEXT - 20
    for unit in units:
        room -= len(unit) + 2
        if room < 0:
            return "; ".join([*kept, f"+{len(units) - len(kept)}"])
        kept.append(unit)
    return "; ".join(kept)


def of_access_points(system: SnmpSystem, walked: Walked) -> Iterator[tuple[str, list[Body]]]:
    """(MAC of its card, what the controller says of it) of each access point that a controller manages."""
    for row in walked.rows:
        cells = dict(zip(walked.table.names, row, strict=True))
        mac = cells.get("mac")
        if not isinstance(mac, str) or _is_group(mac) or not int(mac.replace(":", ""), 16):
            continue
        said: list[Body] = [DeviceAttribute(name="class", value="access_point")]
        if isinstance(name := cells.get("name"), str) and name:
            said.append(HostName(name=name, source="controller"))
        for attribute in ("model", "location"):
            if isinstance(value := cells.get(attribute), str) and value:
                said.append(DeviceAttribute(name=attribute, value=value))
        if isinstance(value := cells.get("software"), str) and value:
            said.append(DeviceAttribute(name="firmware", value=value))
        if isinstance(serial := cells.get("serial"), str) and serial:
            said.append(DeviceIdentity(scheme="serial", value=serial, ns=_pen(system)))
        yield mac, said


def neighbours(walked: Walked, *, lab: bool = False) -> Iterator[tuple[str, ArpEntry]]:
    """(address, its MAC) of an agent's ARP or neighbour table, each once. *lab*: devices have addresses in 127.0.0.0/8."""
    done: set[tuple[str, str]] = set()
    for row in walked.rows:
        cells = dict(zip(walked.table.names, row, strict=True))
        where, mac = cells["address"], cells["mac"]
        if not isinstance(where, str) or not isinstance(mac, str) or cells["type"] == INVALID:
            continue
        if not _one_host(where, mac, lab) or (where, mac) in done:
            continue
        done.add((where, mac))
        yield where, ArpEntry(mac=mac)


def _one_host(where: str, mac: str, lab: bool) -> bool:
    try:
        address = ip_address(where)
    except (ValueError, AddressValueError):
        return False
    if address.is_multicast or address.is_unspecified or (address.is_loopback and not lab):
        return False
    if isinstance(address, IPv4Address) and int(address) == 2**32 - 1:
        return False
    return not _is_group(mac)


def _is_group(mac: str) -> bool:
    """The group bit (IEEE 802): broadcast and multicast."""
    return bool(int(mac[:2], 16) & 1)


def _pen(b: SnmpSystem) -> str:
    return f"pen/{b.enterprise}" if b.enterprise is not None else ""


def limits(all_walked: Iterable[Walked]) -> list[str]:
    """For the report: which tables ended before their end, and how."""
    out: list[str] = []
    for w in all_walked:
        ends = sorted(set(w.ends.values()))
        if ends:
            out.append(f"{w.table.name}: {', '.join(ends)}")
        if w.bad:
            out.append(f"{w.table.name}: {w.bad} names that are no rows")
    return out
