"""BACnet/IP: Who-Is to hosts whose industrial ports the engagement opted in to; nothing is read or written (ASHRAE 135, 16.10, annex J).

The question goes to one host at a time, never by broadcast: a building's controllers answer a broadcast all at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from agent.catalogs.enterprises import bacnet_vendor
from agent.contract import Context, Emit, Needs
from agent.model.bodies_udp import BacnetDevice
from agent.model.status import Strength
from scanners.targets import host_ref
from scanners.udp.asking import NEEDS, AsksHosts, open_port, udp_ref

REQUEST = bytes.fromhex("810a0008 0100 1008")
"""BVLC Original-Unicast-NPDU, NPDU version 1 for this network, unconfirmed request Who-Is without a range."""
_BVLC, _FORWARDED = 0x81, 0x04
_UNICAST, _BROADCAST = 0x0A, 0x0B
_UNCONFIRMED, _I_AM = 0x10, 0x00
_DEVICE = 8


class NotBacnet(ValueError):
    """No I-Am; carries no byte of it."""


@dataclass(frozen=True)
class Bacnet(AsksHosts):
    PORT: ClassVar[int] = 47808
    SIZE: ClassVar[int] = 8
    name: str = "bacnet"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = frozenset({"udp.port", "bacnet.device"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"bacnet.device": "weak"})

    def wants(self, host: str, ctx: Context) -> bool:
        return ctx.ot(host)

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        answers = await ctx.udp.ask(
            host, self.PORT, REQUEST, is_answer, emit=emit, any_port=True, limit=8, more_s=0.3
        )
        if answers.heard:
            await open_port(ctx, host, self.PORT, "bacnet", emit, answers)
        # A router answers for the devices behind it, too.
        found = {body.instance: body for body in map(parse, (d.data for d in answers.heard))}
        for _, body in sorted(found.items()):
            await emit(host_ref(ctx, host), body, channel="bacnet")
        emit.ask("bacnet.device", udp_ref(ctx, host, self.PORT), answers.outcome)


def is_answer(data: bytes) -> bool:
    try:
        parse(data)
    except NotBacnet:
        return False
    return True


def parse(data: bytes) -> BacnetDevice:
    """Raises `NotBacnet`."""
    if len(data) < 6 or data[0] != _BVLC or int.from_bytes(data[2:4], "big") != len(data):
        raise NotBacnet("no BACnet/IP message")
    at = {_UNICAST: 4, _BROADCAST: 4, _FORWARDED: 10}.get(data[1], 0)
    if not at or len(data) < at + 2 or data[at] != 1:
        raise NotBacnet("no message for us")
    control = data[at + 1]
    at += 2
    network: int | None = None
    if control & 0x80:
        raise NotBacnet("a message of the network layer")
    if control & 0x20:
        at += 3 + _byte(data, at + 2)
    if control & 0x08:
        network = int.from_bytes(data[at : at + 2], "big")
        at += 3 + _byte(data, at + 2)
    if control & 0x20:
        at += 1
    if data[at : at + 2] != bytes([_UNCONFIRMED, _I_AM]):
        raise NotBacnet("no I-Am")
    return _i_am(data[at + 2 :], network)


def _i_am(data: bytes, network: int | None) -> BacnetDevice:
    values: list[tuple[int, int]] = []
    at = 0
    for _ in range(4):
        tag = _byte(data, at)
        size = tag & 0x07
        if tag & 0x08 or not 0 < size <= 4 or at + 1 + size > len(data):
            raise NotBacnet("a value we do not read")
        values.append((tag >> 4, int.from_bytes(data[at + 1 : at + 1 + size], "big")))
        at += 1 + size
    (kind, object_id), (_, apdu), _, (_, number) = values
    if [k for k, _ in values] != [12, 2, 9, 2] or object_id >> 22 != _DEVICE or number > 65535:
        raise NotBacnet(f"no device, but tag {kind}")
    return BacnetDevice(
        instance=object_id & 0x3FFFFF,
        vendor_id=number,
        vendor=bacnet_vendor(number),
        max_apdu=apdu,
        network=network,
    )


def _byte(data: bytes, at: int) -> int:
    if at >= len(data):
        raise NotBacnet("too short")
    return data[at]
