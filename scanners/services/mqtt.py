"""MQTT (3.1.1, OASIS 2014): a CONNECT without account, to see whether the broker lets anybody in. Nothing is published.

Who is let in reads one topic, in which brokers tell their own version (mosquitto(8), Broker Status); none that devices write to.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from agent.model.bodies_services import MqttHello
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

# CONNECT, protocol level 4, clean session, keep alive 10 s, an empty client identifier (3.1.3.1: the broker invents one).
CONNECT = b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00"
DISCONNECT = b"\xe0\x00"
_TOPIC = b"$SYS/broker/version"
# SUBSCRIBE (3.8), packet 1, one topic, quality of service 0.
SUBSCRIBE = struct.pack(">BBHH", 0x82, 5 + len(_TOPIC), 1, len(_TOPIC)) + _TOPIC + b"\0"
VERSION_S = 0.5
_SUBACK, _PUBLISH = 0x90, 0x30
_VERSION = re.compile(r"(?:([A-Za-z][\w. -]{0,40}?) )?(?:version )?v?(\d+\.\d[\w.-]{0,20})")


async def talk(c: Conversation) -> None:
    raw = await c.ask(CONNECT, lambda d: len(d) >= 4, limit=64)
    body = parse(c.port, raw, tls=c.tls)
    told = b""
    if body.anonymous and not c.impatient:
        try:
            told = await c.ask(SUBSCRIBE, said_version, limit=1024, wait_s=VERSION_S)
            await c.write(DISCONNECT)
        except (ConnectionError, TimeoutError):
            pass  # it went first, or tells nobody
        product, version = version_of(told)
        body = body.model_copy(update={"product": product, "version": version})
    await c.report(body, "mqtt", raw + told)


def packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Whole control packets (2.2): first byte and what follows the length."""
    at = 0
    while at + 2 <= len(data):
        size = shift = 0
        start = at + 1
        while start < len(data) and shift < 28:
            size |= (data[start] & 0x7F) << shift
            shift += 7
            start += 1
            if not data[start - 1] & 0x80:
                break
        else:
            return
        if start + size > len(data):
            return
        yield data[at], data[start : start + size]
        at = start + size


def said_version(data: bytes) -> bool:
    """Has the topic come, or been refused? Brokers send what they keep right after they agreed."""
    return any(
        kind & 0xF0 == _PUBLISH or (kind == _SUBACK and content[2:3] == b"\x80")
        for kind, content in packets(data)
    )


def version_of(data: bytes) -> tuple[str, str]:
    """(program, version) in the words of the topic; empty where it was not told."""
    for kind, content in packets(data):
        if kind & 0xF0 == _PUBLISH and content[2 : 2 + len(_TOPIC)] == _TOPIC:
            text = content[2 + len(_TOPIC) :][:200].decode("utf-8", "replace")
            if found := _VERSION.match(text):
                return (found[1] or "").removesuffix(" version").strip().capitalize(), found[2]
    return "", ""


def parse(port: int, data: bytes, *, tls: bool = False) -> MqttHello:
    """CONNACK (3.2; of version 5 too, whose remaining length is longer). Raises `NotSpoken`."""
    if len(data) < 4 or data[0] != 0x20 or not 2 <= data[1] < 0x80 or data[2] & 0xFE:
        raise NotSpoken("no CONNACK")
    return MqttHello(port=port, tls=tls, code=data[3], anonymous=data[3] == 0)
