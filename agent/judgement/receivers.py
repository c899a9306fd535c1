"""Who a device says it reports to or relies on: trap receivers, hosts of configuration copies, name, time, boot servers, next routers.

Sources: SNMP-TARGET-MIB (RFC 3413; addresses RFC 3417, RFC 3419), PowerNet-MIB, CISCO-CONFIG-MAN-MIB, ipRouteTable and its followers,
DHCP options 3, 6, 42 and 66 (RFC 2132).
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Literal

from agent.model.bodies import Body
from agent.model.bodies_snmp import SnmpTable
from agent.model.bodies_udp import DhcpServer

Role = Literal["receiver", "name_server", "time_server", "boot_server", "router"]
ROLES: tuple[Role, ...] = ("receiver", "name_server", "time_server", "boot_server", "router")
_ROUTES = ("routes", "cidr_routes", "inet_routes")


def receivers(table: SnmpTable) -> Iterator[str]:
    """Addresses of trap receivers and of hosts of configuration copies in *table*."""
    if table.table == "targets":
        for row in table.records():
            if address := transport_address(str(row.get("address") or "")):
                yield address
    elif column := {"apc_traps": "address", "changes": "server"}.get(table.table):
        for row in table.records():
            address = str(row.get(column) or "")
            if address not in ("", "0.0.0.0"):
                yield address


def transport_address(text: str) -> str:
    """The address in a TAddress in hexadecimal (RFC 3417, RFC 3419): IPv4 or IPv6, with or without port and zone. Empty for none."""
    try:
        octets = bytes.fromhex(text)
    except ValueError:
        return ""
    if len(octets) in (4, 6, 10):
        return str(IPv4Address(octets[:4]))
    return str(IPv6Address(octets[:16])) if len(octets) in (16, 18, 22) else ""


def relied_on(body: Body) -> Iterator[tuple[Role, str]]:
    """(what for, address in normal form) of every host *body* names; what is no address of one host is left out."""
    for role, text in _named(body):
        try:
            address = ip_address(text)
        except ValueError:
            continue
        if not (address.is_multicast or address.is_unspecified or address.is_loopback):
            yield role, str(address)


def _named(body: Body) -> Iterator[tuple[Role, str]]:
    if isinstance(body, SnmpTable):
        for address in receivers(body):
            yield "receiver", address
        if body.table in _ROUTES:
            for row in body.records():
                yield "router", str(row.get("via") or "")
    elif isinstance(body, DhcpServer):
        for address in body.dns:
            yield "name_server", address
        for address in body.ntp:
            yield "time_server", address
        for address in body.routers:
            yield "router", address
        yield "boot_server", body.boot_server
