"""MQTT (3.1.1, OASIS 2014): a CONNECT without account, to see whether the broker lets anybody in. Nothing is subscribed or published."""

from __future__ import annotations

from agent.model.bodies_services import MqttHello
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

# CONNECT, protocol level 4, clean session, keep alive 10 s, an empty client identifier (3.1.3.1: the broker invents one).
CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
DISCONNECT = b"\xe0\x00"


async def talk(c: Conversation) -> None:
    raw = await c.ask(CONNECT, lambda d: len(d) >= 4, limit=64)
    body = parse(c.port, raw, tls=c.tls)
    await c.report(body, "mqtt", raw)
    if body.anonymous:
        try:
            await c.write(DISCONNECT)
        except (ConnectionError, TimeoutError):
            return  # it went first: as good


def parse(port: int, data: bytes, *, tls: bool = False) -> MqttHello:
    """CONNACK (3.2; of version 5 too, whose remaining length is longer). Raises `NotSpoken`."""
    if len(data) < 4 or data[0] != 0x20 or not 2 <= data[1] < 0x80 or data[2] & 0xFE:
        raise NotSpoken("no CONNACK")
    return MqttHello(port=port, tls=tls, code=data[3], anonymous=data[3] == 0)
