"""NetBIOS name service: the node status of a host tells its name, its workgroup or domain, its roles and the MAC of a card.

RFC 1002, 4.2.17 (request) and 4.2.18 (answer); suffixes as in [MS-NBTE] 2.2.1 and Microsoft KB 163409. Windows answers the wildcard
name `*` to anybody who may reach port 137.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from agent.contract import Context, Emit, Needs
from agent.model.bodies import HostName
from agent.model.bodies_udp import NetbiosStatus
from agent.model.status import Strength
from scanners.targets import host_ref
from scanners.udp.asking import NEEDS, AsksHosts, open_port, udp_ref

_HEAD = struct.Struct("!6H")
_NODE_STATUS, _IN = 0x21, 1
_RESPONSE = 0x8000
_GROUP = 0x8000
MOST_NAMES = 64
_WILDCARD = b"\x20" + b"CK" + b"A" * 30 + b"\0"
"""`*` and fifteen NUL, each nibble a letter from A (RFC 1001, 14.1)."""
_ROLES: Mapping[tuple[int, bool], str] = {
    (0x00, False): "workstation",
    (0x03, False): "messenger",
    (0x06, False): "remote_access",
    (0x1B, False): "domain_master_browser",
    (0x1C, True): "domain_controllers",
    (0x1D, False): "master_browser",
    (0x20, False): "file_server",
}


class NotNetbios(ValueError):
    """The datagram is no node status; carries no byte of it."""


@dataclass(frozen=True)
class Netbios(AsksHosts):
    PORT: ClassVar[int] = 137
    SIZE: ClassVar[int] = 50
    name: str = "netbios"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = frozenset({"udp.port", "netbios.status", "host.name"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"netbios.status": "weak"})

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        ident = secrets.randbelow(1 << 16)
        answers = await ctx.udp.ask(
            host, self.PORT, request(ident), lambda data: _mine(data, ident), emit=emit
        )
        if answers.heard:
            body = parse(answers.heard[0].data)
            await open_port(ctx, host, self.PORT, self.name, emit, answers)
            await emit(host_ref(ctx, host), body, channel=self.name, raw=answers.heard[0].data)
            if body.computer:
                name = HostName(name=body.computer, source="netbios")
                await emit(host_ref(ctx, host), name, channel=self.name)
        emit.ask("netbios.status", udp_ref(ctx, host, self.PORT), answers.outcome)


def request(ident: int) -> bytes:
    return _HEAD.pack(ident, 0, 1, 0, 0, 0) + _WILDCARD + struct.pack("!HH", _NODE_STATUS, _IN)


def _mine(data: bytes, ident: int) -> bool:
    try:
        parse(data)
    except NotNetbios:
        return False
    return data[:2] == ident.to_bytes(2, "big")


def parse(data: bytes) -> NetbiosStatus:
    """Raises `NotNetbios`."""
    if len(data) < 12:
        raise NotNetbios("too short")
    _, flags, _, answers, _, _ = _HEAD.unpack_from(data)
    if not flags & _RESPONSE or flags & 0x7800 or flags & 0x000F or answers != 1:
        raise NotNetbios("no positive answer")
    at = 12
    # The owner name is repeated in full, or by a pointer (RFC 1002, 4.2.18).
    if data[at : at + 1] == b"\x20":
        at += 34
    elif data[at : at + 1] and data[at] & 0xC0 == 0xC0:
        at += 2
    else:
        raise NotNetbios("no owner name")
    if len(data) < at + 11:
        raise NotNetbios("too short")
    kind, net, _, length = struct.unpack_from("!HHIH", data, at)
    if (kind, net) != (_NODE_STATUS, _IN):
        raise NotNetbios("no node status")
    body = data[at + 10 : at + 10 + length]
    count = body[0] if body else 0
    table = body[1 : 1 + 18 * count]
    if not count or len(table) < 18 * count:
        raise NotNetbios("a name table that is cut")
    return _status(table, body[1 + 18 * count : 7 + 18 * count])


def _status(table: bytes, unit: bytes) -> NetbiosStatus:
    names: list[str] = []
    roles: set[str] = set()
    computer = workgroup = ""
    for i in range(0, min(len(table), MOST_NAMES * 18), 18):
        suffix = table[i + 15]
        group = bool(int.from_bytes(table[i + 16 : i + 18], "big") & _GROUP)
        # Windows uses the OEM code page of its system; 850 is that of Western Europe.
        name = table[i : i + 15].decode("cp850").rstrip("\0 ")
        shown = "".join(c if c.isprintable() else "?" for c in name)
        names.append(f"{shown}<{suffix:02x}>{'G' if group else ''}")
        if role := _ROLES.get((suffix, group)):
            roles.add(role)
        if suffix == 0 and group:
            workgroup = workgroup or shown
        elif suffix == 0:
            computer = computer or shown
    mac = unit.hex(":") if len(unit) == 6 and any(unit) else ""
    return NetbiosStatus(
        computer=computer,
        workgroup=workgroup,
        names=tuple(names),
        roles=tuple(sorted(roles)),
        mac=mac,
    )
