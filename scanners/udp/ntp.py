"""Time servers: one client question (RFC 5905, mode 3), whose answer tells stratum, source and how far our clocks differ.

Never mode 6 or 7 (control, monlist): they amplify, and ask for more than a client may.
"""

from __future__ import annotations

import secrets
import struct
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import ClassVar

from agent.contract import Context, Emit, Needs
from agent.model.bodies_udp import NtpServer
from agent.model.status import Strength
from scanners.targets import host_ref
from scanners.udp.asking import NEEDS, AsksHosts, clean, open_port, udp_ref

_FORM = struct.Struct("!BBbb3I4Q")
_EPOCH = 2208988800
"""Seconds from 1900 to 1970."""
_CLIENT, _SERVER = 3, 4
_UNSYNCHRONISED = 3


class NotNtp(ValueError):
    """No answer of a time server; carries no byte of it."""


@dataclass(frozen=True)
class Ntp(AsksHosts):
    PORT: ClassVar[int] = 123
    SIZE: ClassVar[int] = 48
    name: str = "ntp"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = frozenset({"udp.port", "ntp.server"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"ntp.server": "weak"})

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        # Our own time is nobody's business: the server sends the number back, whatever it is (RFC 5905, 8).
        cookie = secrets.randbits(64)
        answers = await ctx.udp.ask(
            host, self.PORT, request(cookie), lambda data: _mine(data, cookie), emit=emit
        )
        if answers.heard:
            body = parse(answers.heard[0].data, time.time_ns() // 1000)
            await open_port(ctx, host, self.PORT, "ntp", emit, answers)
            await emit(host_ref(ctx, host), body, channel="ntp", raw=answers.heard[0].data)
        emit.ask("ntp.server", udp_ref(ctx, host, self.PORT), answers.outcome)


def request(cookie: int) -> bytes:
    """Version 4, client; *cookie* stands where our transmit time would."""
    return _FORM.pack(4 << 3 | _CLIENT, 0, 0, 0, 0, 0, 0, 0, 0, 0, cookie)


def _mine(data: bytes, cookie: int) -> bool:
    try:
        parse(data)
    except NotNtp:
        return False
    return int(_FORM.unpack_from(data)[8]) == cookie


def parse(data: bytes, now_us: int | None = None) -> NtpServer:
    """*now_us*: when the answer came, microseconds UTC. Raises `NotNtp`."""
    if len(data) < _FORM.size:
        raise NotNtp("too short")
    first, stratum, _, precision, delay, _, refid, reference, _, _, sent = _FORM.unpack_from(data)
    leap, version, mode = first >> 6, first >> 3 & 7, first & 7
    if mode != _SERVER or not 1 <= version <= 4:
        raise NotNtp("no answer of a server")
    return NtpServer(
        version=version,
        stratum=stratum,
        leap=leap,
        reference=_reference(stratum, refid),
        synchronised=leap != _UNSYNCHRONISED and 1 <= stratum <= 15,
        precision=precision,
        offset_us=_micros(sent) - now_us if now_us is not None and sent else None,
        root_delay_us=delay * 1_000_000 >> 16,
        reference_at=_micros(reference) if reference else None,
    )


def _reference(stratum: int, refid: int) -> str:
    """The code of a clock or of a kiss-o'-death; the address of the server above, of which IPv6 leaves a hash only (RFC 5905, 7.3)."""
    raw = refid.to_bytes(4, "big")
    if stratum <= 1 or stratum >= 16:
        return clean(raw.rstrip(b"\0").decode("ascii", "replace"))
    return str(IPv4Address(raw))


def _micros(stamp: int) -> int:
    """Microseconds since 1970; times before 1968 are of the era that begins in 2036 (RFC 4330, 3)."""
    seconds = stamp >> 32
    if not seconds & 0x80000000:
        seconds += 1 << 32
    return (seconds - _EPOCH) * 1_000_000 + ((stamp & 0xFFFFFFFF) * 1_000_000 >> 32)
