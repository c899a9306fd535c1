"""Baseboard management controllers: is one there, and does it let anybody in? Two datagrams, no session, no user named.

RMCP with the ASF presence ping (DMTF DSP0136, 3.2.4), and Get Channel Authentication Capabilities (IPMI 2.0, 13.1.3, 22.13), which any
client asks before it logs in. The user table, the hashes of RAKP and cipher suites are not asked for.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from agent.catalogs.enterprises import vendor
from agent.contract import Context, Emit, Needs
from agent.model.bodies_udp import IpmiBmc
from agent.model.status import Strength
from scanners.targets import host_ref
from scanners.udp.asking import NEEDS, TRIES, AsksHosts, open_port, udp_ref

_ASF_IANA = b"\x00\x00\x11\xbe"
_PING, _PONG = 0x80, 0x40
_RMCP_ASF, _RMCP_IPMI = b"\x06\x00\xff\x06", b"\x06\x00\xff\x07"
_CAPABILITIES = 0x38
_BMC = 0x20
_CURRENT_CHANNEL, _ADMIN = 0x0E, 0x04
_EXTENDED = 0x80
"""Bit of the channel number that asks for IPMI 2.0 data."""
_AUTH = ((0x01, "none"), (0x02, "md2"), (0x04, "md5"), (0x10, "password"), (0x20, "oem"))


class NotIpmi(ValueError):
    """No answer of a management controller; carries no byte of it."""


@dataclass(frozen=True)
class Ipmi(AsksHosts):
    PORT: ClassVar[int] = 623
    PACKETS: ClassVar[int] = 2 * TRIES
    SIZE: ClassVar[int] = 24
    name: str = "ipmi"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = frozenset({"udp.port", "ipmi.bmc"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"ipmi.bmc": "weak"})

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        tag = secrets.randbelow(255)
        ping = await ctx.udp.ask(
            host, self.PORT, presence(tag), lambda data: _pong(data, tag), emit=emit
        )
        sequence = secrets.randbelow(64)
        told = await ctx.udp.ask(
            host,
            self.PORT,
            capabilities(sequence),
            lambda data: _capable(data, sequence),
            emit=emit,
            tries=1 if ping.closed else TRIES,
        )
        first = ping if ping.heard else told
        if first.heard:
            body = IpmiBmc()
            raw = b""
            if told.heard:
                body = parse_capabilities(told.heard[0].data)[1]
                raw = told.heard[0].data
            if ping.heard:
                raw += ping.heard[0].data
                oem = parse_pong(ping.heard[0].data)[1]
                more = {"asf": True, "oem": body.oem or oem, "vendor": body.vendor or vendor(oem)}
                body = body.model_copy(update=more)
            await open_port(ctx, host, self.PORT, "ipmi", emit, first)
            await emit(host_ref(ctx, host), body, channel="ipmi", raw=raw)
        emit.ask("ipmi.bmc", udp_ref(ctx, host, self.PORT), first.outcome)


def presence(tag: int) -> bytes:
    """DSP0136, 3.2.4.2."""
    return _RMCP_ASF + _ASF_IANA + bytes([_PING, tag, 0, 0])


def capabilities(sequence: int) -> bytes:
    """IPMI 1.5 session header without a session, then the request for administrator level with IPMI 2.0 data."""
    head = bytes([_BMC, 0x06 << 2])
    rest = bytes([0x81, sequence << 2, _CAPABILITIES, _EXTENDED | _CURRENT_CHANNEL, _ADMIN])
    message = head + bytes([_sum(head)]) + rest + bytes([_sum(rest)])
    return _RMCP_IPMI + bytes(9) + bytes([len(message)]) + message


def _sum(data: bytes) -> int:
    """Two's complement, so that all bytes add up to 0 (IPMI 2.0, 13.8)."""
    return -sum(data) & 0xFF


def parse_pong(data: bytes) -> tuple[int, int]:
    """(tag, enterprise number of the maker; 0 where it gives the one of ASF itself). Raises `NotIpmi`."""
    whole = len(data) >= 28 and data[:2] == b"\x06\x00" and data[3] == 0x06
    if not whole or data[4:8] != _ASF_IANA or data[8] != _PONG:
        raise NotIpmi("no presence pong")
    oem = b"" if data[12:16] == _ASF_IANA else data[12:16]
    return data[9], int.from_bytes(oem, "big")


def parse_capabilities(data: bytes) -> tuple[int, IpmiBmc]:
    """(sequence, what it says). Raises `NotIpmi`."""
    if len(data) < 14 or data[:1] != b"\x06" or data[3] != 0x07:
        raise NotIpmi("no IPMI message")
    # A session header with an authentication code has 16 bytes more; we asked without.
    if data[4]:
        raise NotIpmi("an authenticated message")
    message = data[14 : 14 + data[13]]
    if len(message) < 16 or message[5] != _CAPABILITIES or message[1] >> 2 != 0x07:
        raise NotIpmi("no capabilities")
    if _sum(message[:2]) != message[2] or sum(message[3:]) & 0xFF:
        raise NotIpmi("a wrong checksum")
    done, body = message[6], message[7:-1]
    if done or len(body) < 8:
        raise NotIpmi("not told")
    kinds, logins, extended = body[1], body[2], body[3]
    two = bool(kinds & 0x80) and bool(extended & 0x02)
    oem = int.from_bytes(body[4:7], "little")
    return message[4] >> 2, IpmiBmc(
        version="2.0" if two else "1.5",
        auth=tuple(name for bit, name in _AUTH if kinds & bit),
        anonymous_login=bool(logins & 0x01),
        null_user=bool(logins & 0x02),
        named_users=bool(logins & 0x04),
        default_kg=not logins & 0x20 if two else None,
        oem=oem,
        vendor=vendor(oem),
    )


def _pong(data: bytes, tag: int) -> bool:
    try:
        return parse_pong(data)[0] == tag
    except NotIpmi:
        return False


def _capable(data: bytes, sequence: int) -> bool:
    try:
        return parse_capabilities(data)[0] == sequence
    except NotIpmi:
        return False
