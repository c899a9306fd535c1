"""Storage on the network: AFP, which tells its name, program and log-in methods to anybody, and iSCSI, which is asked for its version only.

AFP: DSIGetStatus with FPGetSrvrInfo (Apple, Apple Filing Protocol Reference, "DSI" and "FPGetSrvrInfo"). iSCSI: a Login Request of a
version nobody has, without a name and without parameters, which ends in status 0205 or another refusal (RFC 7143, 11.12 and 11.13): no
discovery, no session.
"""

from __future__ import annotations

import struct

from agent.model.bodies_services import ServiceNamed
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

_DSI = struct.Struct(">BBHIII")
_GET_STATUS = 3
_AFP_LIMIT = 8192
_MAX_NAMES = 20
_LOGIN_REQUEST, _LOGIN_RESPONSE, _REJECT = 0x43, 0x23, 0x3F
_BHS = 48
_NO_VERSION = 0xFF


async def afp(c: Conversation) -> None:
    raw = await c.ask(_DSI.pack(0, _GET_STATUS, 1, 0, 0, 0), whole_afp, limit=_AFP_LIMIT)
    await c.report(parse_afp(c.port, raw), "afp", raw)


def whole_afp(data: bytes) -> bool:
    if len(data) < _DSI.size:
        return False
    return data[0] != 1 or len(data) >= _DSI.size + min(_DSI.unpack_from(data)[4], _AFP_LIMIT)


def parse_afp(port: int, data: bytes) -> ServiceNamed:
    """The server's information block: offsets of machine type, versions, log-in methods; its name. Raises `NotSpoken`."""
    if len(data) < _DSI.size:
        raise NotSpoken("no DSI answer")
    flags, command, _, error, size, _ = _DSI.unpack_from(data)
    block = data[_DSI.size : _DSI.size + size]
    if (flags, command, error) != (1, _GET_STATUS, 0) or len(block) < 11:
        raise NotSpoken("no answer to DSIGetStatus")
    machine, versions, methods = struct.unpack_from(">HHH", block)
    told = [f"name {_pascal(block, 10)}"]
    if names := _names(block, methods):
        told.append(f"log-in by {', '.join(names)}")
    if names := _names(block, versions):
        told.append(f"speaks {', '.join(names)}")
    return ServiceNamed(
        port=port, protocol="afp", product=_pascal(block, machine), detail="; ".join(told)
    )


def _pascal(block: bytes, at: int) -> str:
    if at >= len(block):
        return ""
    return block[at + 1 : at + 1 + block[at]].decode("utf-8", "replace").strip("\0 ")


def _names(block: bytes, at: int) -> list[str]:
    """A count, then so many strings with a length byte each."""
    if not 0 < at < len(block):
        return []
    out: list[str] = []
    where = at + 1
    for _ in range(min(block[at], _MAX_NAMES)):
        if where >= len(block):
            break
        out.append(_pascal(block, where))
        where += 1 + block[where]
    return [name for name in out if name]


async def iscsi(c: Conversation) -> None:
    raw = await c.ask(login_of_no_version(), lambda d: len(d) >= _BHS, limit=_BHS)
    await c.report(parse_iscsi(c.port, raw), "iscsi", raw)


def login_of_no_version() -> bytes:
    """Immediate, security negotiation, version 255 to 255, empty; an ISID of random type (11.12.5)."""
    head = struct.pack(">BBBB", _LOGIN_REQUEST, 0, _NO_VERSION, _NO_VERSION)
    return head + bytes(4) + b"\x80\0\0\0\0\0" + bytes(2) + bytes(_BHS - 16)


def parse_iscsi(port: int, data: bytes) -> ServiceNamed:
    """A Login Response that refuses us, or a Reject. Raises `NotSpoken`."""
    if len(data) < _BHS or data[0] not in (_LOGIN_RESPONSE, _REJECT):
        raise NotSpoken("no iSCSI answer")
    if data[0] == _REJECT:
        return ServiceNamed(port=port, protocol="iscsi")
    if (data[2] > 0x10 and data[2] != _NO_VERSION) or data[36] > 4:
        raise NotSpoken("no Login Response")
    return ServiceNamed(port=port, protocol="iscsi")
