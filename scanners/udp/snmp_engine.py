"""SNMPv3 engine discovery: without any account an agent tells its engine id, and with it often maker and MAC (RFC 3414, 4).

An empty user and engine id are answered by a Report (usmStatsUnknownEngineIDs). RFC 3411 (SnmpEngineID) says how the id is made. No
community is tried, no variable is read.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import ClassVar, Literal

from agent.catalogs.enterprises import vendor
from agent.contract import Context, Emit, Needs
from agent.model.bodies import DeviceIdentity
from agent.model.bodies_udp import SnmpEngine
from agent.model.status import Strength
from scanners.not_spoken import NotSpoken
from scanners.services import ber
from scanners.targets import host_ref
from scanners.udp.asking import NEEDS, AsksHosts, clean, open_port, udp_ref

_OLD = 12
"""Octets of an engine id made by the rules before RFC 3411."""
_FORMS: Mapping[int, Literal["ipv4", "ipv6", "mac", "text", "octets"]] = {
    1: "ipv4",
    2: "ipv6",
    3: "mac",
    4: "text",
    5: "octets",
}


class NotSnmp(ValueError):
    """No report of an SNMPv3 engine; carries no byte of it."""


@dataclass(frozen=True)
class Engine(AsksHosts):
    PORT: ClassVar[int] = 161
    SIZE: ClassVar[int] = 80
    name: str = "snmp_engine"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = frozenset({"udp.port", "snmp.engine", "device.identity"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"snmp.engine": "weak"})

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        ident = secrets.randbelow(1 << 30) + (1 << 30)
        answers = await ctx.udp.ask(
            host, self.PORT, request(ident), lambda data: _mine(data, ident), emit=emit
        )
        if answers.heard:
            _, engine, boots, seconds = report(answers.heard[0].data)
            body = parse_engine(engine, boots, seconds)
            await open_port(ctx, host, self.PORT, "snmp", emit, answers)
            await emit(host_ref(ctx, host), body, channel="snmp", raw=answers.heard[0].data)
            if names_one_device(body):
                identity = DeviceIdentity(scheme="engine_id", value=body.engine_id)
                await emit(host_ref(ctx, host), identity, channel="snmp")
        emit.ask("snmp.engine", udp_ref(ctx, host, self.PORT), answers.outcome)


def request(ident: int) -> bytes:
    """A GetRequest that names no engine, no user and no variable; flags: answer with a Report."""
    empty = ber.element(ber.OCTETS)
    zero = ber.integer(0)
    header = ber.element(
        ber.SEQUENCE,
        ber.integer(ident),
        ber.integer(65507),
        ber.element(ber.OCTETS, b"\x04"),
        ber.integer(3),
    )
    usm = ber.element(ber.SEQUENCE, empty, zero, zero, empty, empty, empty)
    pdu = ber.element(0xA0, ber.integer(ident), zero, zero, ber.element(ber.SEQUENCE))
    scoped = ber.element(ber.SEQUENCE, empty, empty, pdu)
    return ber.element(ber.SEQUENCE, ber.integer(3), header, ber.element(ber.OCTETS, usm), scoped)


def report(data: bytes) -> tuple[int, bytes, int, int]:
    """(message id, engine id, boots, seconds) of an SNMPv3 message. Raises `NotSnmp`."""
    try:
        message, _ = ber.expect(ber.SEQUENCE, data)
        version, rest = ber.expect(ber.INTEGER, message)
        header, rest = ber.expect(ber.SEQUENCE, rest)
        ident, _ = ber.expect(ber.INTEGER, header)
        security, _ = ber.expect(ber.OCTETS, rest)
        usm, _ = ber.expect(ber.SEQUENCE, security)
        engine, rest = ber.expect(ber.OCTETS, usm)
        boots, rest = ber.expect(ber.INTEGER, rest)
        seconds, _ = ber.expect(ber.INTEGER, rest)
        if ber.number(version) != 3 or not 5 <= len(engine) <= 32:
            raise NotSnmp("no engine id")
        return ber.number(ident), engine, ber.number(boots), ber.number(seconds)
    except NotSpoken as fault:
        raise NotSnmp(str(fault)) from None


def _mine(data: bytes, ident: int) -> bool:
    try:
        return report(data)[0] == ident
    except NotSnmp:
        return False


def names_one_device(body: SnmpEngine) -> bool:
    """False for an id made of an address: two sites may hold the same range, and 127.0.0.1 is everywhere."""
    return body.form not in ("ipv4", "ipv6")


def parse_engine(engine: bytes, boots: int | None = None, seconds: int | None = None) -> SnmpEngine:
    """What the engine id says of its device; *engine* has 5 to 32 octets."""
    enterprise = int.from_bytes(engine[:4], "big") & 0x7FFFFFFF
    form: Literal["ipv4", "ipv6", "mac", "text", "octets", "local", "vendor", "old"]
    mac = address = text = ""
    rest = engine[5:]
    if not engine[0] & 0x80:
        form = "old"
    elif engine[4] >= 128:
        form = "vendor"
    else:
        form = _FORMS.get(engine[4], "local")
    if form == "mac" and len(rest) == 6:
        mac = rest.hex(":")
    elif form == "ipv4" and len(rest) == 4:
        address = str(IPv4Address(rest))
    elif form == "ipv6" and len(rest) == 16:
        address = str(IPv6Address(rest))
    elif form == "text":
        text = clean(rest)
    return SnmpEngine(
        engine_id=engine.hex(),
        enterprise=enterprise,
        vendor=vendor(enterprise),
        form=form,
        mac=mac,
        address=address,
        text=text,
        boots=boots,
        seconds=seconds,
    )
