"""Neighbours that announced themselves at a device's ports: LLDP of both MIBs, CDP and FDP, brought to one form.

A local port number of LLDP has no fixed meaning (LLDP-MIB, lldpPortNumber): what the device itself calls the port decides, then the
meaning (ifIndex or bridge port) that fits all ports of the device which could be named. Else nobody knows, and none is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import IPv4Address

from agent.inventory.mac import holder_mac
from agent.inventory.topology.facts import BRIDGE, PHONE, ROUTER, WLAN, Box, Heard
from agent.inventory.topology.tables import Record, Told

ALIAS, COMPONENT, MAC, ADDRESS, NAME, LOCAL = 1, 2, 3, 4, 5, 7
"""LldpPortIdSubtype."""
CHASSIS_MAC, CHASSIS_ADDRESS, CHASSIS_LOCAL = 4, 5, 7
"""LldpChassisIdSubtype."""
_LLDP_BITS = ((2, BRIDGE), (3, WLAN), (4, ROUTER), (5, PHONE))
_CDP_BITS = ((0x01, ROUTER), (0x0A, BRIDGE), (0x80, PHONE))

_FDP_WORDS = (("switch", BRIDGE), ("bridge", BRIDGE), ("router", ROUTER))


def hear(box: Box, told: Told, into: dict[int, int], bridge: dict[int, int]) -> None:
    """Fill in neighbours and the box's own announced ports. *into*: member -> LAG; *bridge*: bridge port -> port."""
    own: dict[int, tuple[int, str, str]] = {}
    for _, row in told.rows("lldp_ports", "lldp2_ports"):
        port, kind = row.get("port"), row.get("kind")
        if isinstance(port, int) and isinstance(kind, int):
            own[port] = (kind, _hex(row, "id"), _text(row, "descr"))
    for _, row in told.rows("lldp_local"):
        kind, chassis = row.get("chassis_kind"), _hex(row, "chassis")
        if isinstance(kind, int) and chassis:
            box.chassis.add((kind, chassis))
            if kind == CHASSIS_MAC and len(chassis) == 12 and (mac := holder_mac(chassis)):
                box.macs.add(mac)
        if name := _text(row, "name"):
            box.names.add(name.lower())
    named = {n: by_words(box, *told_) for n, told_ in own.items()}
    meaning = _meaning(box, named, bridge, into)
    numbers = set(own)
    numbers |= {p for _, r in told.rows("lldp", "lldp2") if isinstance(p := r.get("port"), int)}
    local: dict[int, int | None] = {}
    for n in numbers:
        index = named.get(n)
        index = meaning(n) if index is None else index
        local[n] = None if index is None else into.get(index, index)
    for n, (kind, id_, _) in own.items():
        twice = (kind, id_) in box.told_ports
        box.told_ports[kind, id_] = None if twice else local[n]
    addresses = _addresses(told)
    for evidence, row in told.rows("lldp", "lldp2"):
        if (one := _lldp(row, local, own, addresses, evidence)) is not None:
            box.heard.append(one)
    box.heard += _cdp(told, into)


def by_words(box: Box, kind: int, id_: str, descr: str) -> int | None:
    """The port that the device calls by this id, else by this description; None where none or several are."""
    said = octets(id_)
    by_id: list[int]
    if kind == MAC:
        by_id = [i for i, p in box.ports.items() if p.mac and p.mac.replace(":", "") == id_]
    elif kind == ALIAS:
        by_id = [i for i, p in box.ports.items() if p.label and p.label == said]
    elif kind in (NAME, LOCAL, COMPONENT):
        by_id = [i for i, p in box.ports.items() if said and said in (p.name, p.descr)]
    else:
        by_id = []
    if len(by_id) == 1:
        return by_id[0]
    by_descr = [i for i, p in box.ports.items() if descr and descr in (p.descr, p.name)]
    return by_descr[0] if len(by_descr) == 1 else None


def _meaning(
    box: Box, named: dict[int, int | None], bridge: dict[int, int], into: dict[int, int]
) -> Callable[[int], int | None]:
    """What a local port number means where words do not say."""
    sure = {n: i for n, i in named.items() if i is not None}
    as_index = all(n == i for n, i in sure.items())
    as_bridge = bool(bridge) and all(bridge.get(n) == into.get(i, i) for n, i in sure.items())

    def port(n: int) -> int | None:
        found: set[int] = set()
        if as_index and n in box.ports:
            found.add(into.get(n, n))
        if as_bridge and n in bridge:
            found.add(bridge[n])
        return found.pop() if len(found) == 1 else None

    return port


def _addresses(told: Told) -> dict[tuple[int, int], tuple[str, ...]]:
    out: dict[tuple[int, int], tuple[str, ...]] = {}
    for _, row in told.rows("lldp_addresses"):
        port, entry, address = row.get("port"), row.get("entry"), row.get("address")
        if isinstance(port, int) and isinstance(entry, int) and isinstance(address, str):
            out[port, entry] = (*out.get((port, entry), ()), address)
    return out


def _lldp(
    row: Record,
    local: dict[int, int | None],
    own: dict[int, tuple[int, str, str]],
    addresses: dict[tuple[int, int], tuple[str, ...]],
    evidence: str,
) -> Heard | None:
    port, entry, kind = row.get("port"), row.get("entry"), row.get("chassis_kind")
    if not isinstance(port, int) or not isinstance(kind, int):
        return None
    does = _hex(row, "does") or _hex(row, "can")
    first = int(does[:2], 16) if len(does) >= 2 else 0
    port_kind = row.get("port_kind")
    told = own.get(port)
    return Heard(
        port=local.get(port),
        chassis_kind=kind,
        chassis=_hex(row, "chassis"),
        port_kind=port_kind if isinstance(port_kind, int) else 0,
        port_id=_hex(row, "port_id"),
        port_descr=_text(row, "port_descr"),
        name=_text(row, "name"),
        can=frozenset(what for bit, what in _LLDP_BITS if first >> (7 - bit) & 1),
        addresses=addresses.get((port, entry), ()) if isinstance(entry, int) else (),
        evidence=evidence,
        local=(octets(told[1]) if told and told[0] != MAC else "") or str(port),
    )


def _cdp(told: Told, into: dict[int, int]) -> Iterator[Heard]:
    for evidence, row in told.rows("cdp", "fdp"):
        port = row.get("interface")
        if not isinstance(port, int):
            continue
        address = _hex(row, "address")
        at = (str(IPv4Address(bytes.fromhex(address))),) if len(address) == 8 else ()
        yield Heard(
            port=into.get(port, port),
            chassis_kind=CHASSIS_LOCAL,
            chassis=_text(row, "device").encode().hex(),
            port_kind=NAME,
            port_id=_text(row, "port").encode().hex(),
            port_descr="",
            name=_text(row, "device"),
            can=_capabilities(_hex(row, "can")),
            addresses=at,
            evidence=evidence,
        )


def _capabilities(can: str) -> frozenset[str]:
    """CDP's flags; FDP (FOUNDRY-SN-SWITCH-GROUP-MIB) has them, or says it in a word."""
    word = octets(can).lower()
    if word.isalpha():
        return frozenset(what for said, what in _FDP_WORDS if said in word)
    flags = int(can, 16) if can and len(can) <= 16 else 0
    return frozenset(what for bit, what in _CDP_BITS if flags & bit)


def _text(row: Record, column: str) -> str:
    value = row.get(column)
    return value if isinstance(value, str) else ""


def _hex(row: Record, column: str) -> str:
    """Hexadecimal digits of a cell; empty for anything else."""
    value = _text(row, column).replace(":", "").lower()
    return value if len(value) % 2 == 0 and all(c in "0123456789abcdef" for c in value) else ""


def octets(digits: str) -> str:
    return bytes.fromhex(digits).decode("utf-8", "replace").strip("\0 ")
