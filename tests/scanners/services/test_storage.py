"""AFP, iSCSI, PPTP, MongoDB and the version of an MQTT broker: from bytes written after their documents, and over sockets."""

from __future__ import annotations

import asyncio
import struct

import pytest

from agent.model.bodies import TcpPort
from agent.model.bodies_services import MqttHello, ServiceNamed
from scanners.not_spoken import NotSpoken
from scanners.services import mongodb, mqtt, pptp, storage
from scanners.services.probe import Services
from tests.agent.net.peers import HOST, OFFSET, Books, Handler, context, listening, run_unit


def pascal(*texts: bytes) -> bytes:
    return b"".join(bytes((len(t),)) + t for t in texts)


def afp() -> bytes:
    """A server information block with its strings behind the name, as the reference lays it out."""
    head = 8 + 2
    name = pascal(b"NAS-01")
    machine = head + len(name)
    told = pascal(b"Netatalk3.1.12")
    versions = machine + len(told)
    spoken = b"\x02" + pascal(b"AFP3.3", b"AFP3.4")
    methods = versions + len(spoken)
    block = struct.pack(">HHHHH", machine, versions, methods, 0, 0x8FFB) + name + told + spoken
    block += b"\x02" + pascal(b"DHX2", b"No User Authent")
    return struct.pack(">BBHIII", 1, 3, 1, 0, len(block), 0) + block


def element(kind: int, name: str, value: bytes) -> bytes:
    return bytes((kind,)) + name.encode() + b"\0" + value


def text(value: str) -> bytes:
    return struct.pack("<i", len(value) + 1) + value.encode() + b"\0"


def doc(*elements: bytes) -> bytes:
    inside = b"".join(elements)
    return struct.pack("<i", 5 + len(inside)) + inside + b"\0"


def op_msg(document: bytes) -> bytes:
    rest = struct.pack("<I", 0) + b"\0" + document
    return struct.pack("<iiii", 16 + len(rest), 7, 2, 2013) + rest


def op_reply(document: bytes) -> bytes:
    rest = struct.pack("<iqii", 8, 0, 0, 1) + document
    return struct.pack("<iiii", 16 + len(rest), 7, 1, 1) + rest


OK = element(1, "ok", struct.pack("<d", 1))
HELLO = doc(
    element(8, "ismaster", b"\1"),
    element(3, "topologyVersion", doc(element(7, "processId", bytes(12)))),
    element(9, "localTime", bytes(8)),
    element(2, "setName", text("rs0")),
    element(16, "maxWireVersion", struct.pack("<i", 17)),
    OK,
)
BUILD = doc(element(2, "version", text("6.0.14")), element(4, "versionArray", doc()), OK)
REFUSED = doc(
    element(1, "ok", bytes(8)),
    element(2, "errmsg", text("command hostInfo requires authentication")),
    element(16, "code", struct.pack("<i", 13)),
)
HOST_INFO = doc(element(3, "system", doc(element(2, "hostname", text("db1")))), OK)


def test_afp_tells_name_program_and_log_in() -> None:
    data = afp()
    assert storage.whole_afp(data)
    assert not storage.whole_afp(data[:-1])
    body = storage.parse_afp(548, data)
    assert (body.protocol, body.product) == ("afp", "Netatalk3.1.12")
    assert body.detail == "name NAS-01; log-in by DHX2, No User Authent; speaks AFP3.3, AFP3.4"


def test_iscsi_is_refused_for_its_version_and_named() -> None:
    asked = storage.login_of_no_version()
    assert len(asked) == 48
    # Immediate Login Request; no stage, no transit; no data: neither a name nor a kind of session.
    assert asked[:8] == bytes.fromhex("4300ffff00000000")
    refused = b"\x23\0\0\0" + bytes(32) + b"\x02\x05" + bytes(10)
    assert storage.parse_iscsi(3260, refused).protocol == "iscsi"
    with pytest.raises(NotSpoken):
        storage.parse_iscsi(3260, b"HTTP/1.1 400 Bad Request\r\n".ljust(48))


def test_pptp_tells_vendor_and_firmware() -> None:
    assert len(pptp.request()) == pptp.SIZE
    head = struct.pack(">HHIHHHBBIIHH", 156, 1, pptp.MAGIC, 2, 0, 0x0100, 1, 0, 3, 3, 0, 0x0A02)
    data = head + b"rras".ljust(64, b"\0") + b"Microsoft".ljust(64, b"\0")
    body = pptp.parse(1723, data)
    assert (body.product, body.version, body.detail) == ("Microsoft", "10.2", "host rras")


@pytest.mark.parametrize(("answer", "is_open"), [(HOST_INFO, True), (REFUSED, False)])
def test_mongodb_over_a_socket(answer: bytes, is_open: bool) -> None:
    heard: list[bytes] = []

    async def mongod(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in (op_reply(HELLO), op_msg(BUILD), op_msg(answer)):
            size = await reader.readexactly(4)
            heard.append(await reader.readexactly(int.from_bytes(size, "little") - 4))
            writer.write(reply)
            await writer.drain()
        await reader.read()

    [body] = look(27017, mongod)
    assert isinstance(body, ServiceNamed)
    assert (body.product, body.version, body.detail) == ("MongoDB", "6.0.14", "replica set rs0")
    assert body.open is is_open
    # OP_QUERY, then OP_MSG twice (without the length that was read before).
    assert [struct.unpack_from("<i", h, 8)[0] for h in heard] == [2004, 2013, 2013]
    assert [b"isMaster" in heard[0], b"buildInfo" in heard[1], b"hostInfo" in heard[2]] == [
        True
    ] * 3


def test_an_old_mongodb_and_what_is_cut() -> None:
    assert mongodb.parse(op_reply(doc(element(8, "ismaster", b"\1"), OK))) == {
        "ismaster": True,
        "ok": 1.0,
    }
    whole = op_msg(BUILD)
    assert mongodb.whole(whole)
    assert not mongodb.whole(whole[:-1])
    for end in range(len(whole)):
        with pytest.raises(NotSpoken):
            mongodb.parse(whole[:end])
    # Asked the way it was asked.
    assert b"$db" not in mongodb.query("buildInfo")
    assert mongodb.bson(mongodb.document("buildInfo")) == {"buildInfo": 1, "$db": "admin"}


def test_a_broker_tells_its_version_to_those_it_lets_in() -> None:
    topic = b"$SYS/broker/version"
    publish = struct.pack(">H", len(topic)) + topic + b"mosquitto version 2.0.11"
    told = b"\x90\x03\x00\x01\x00" + bytes((0x31, len(publish))) + publish
    assert mqtt.said_version(told)
    assert not mqtt.said_version(told[:-1])
    assert mqtt.version_of(told) == ("Mosquitto", "2.0.11")
    heard: list[bytes] = []

    async def broker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(mqtt.CONNECT))
        writer.write(b"\x20\x02\0\0")
        heard.append(await reader.readexactly(len(mqtt.SUBSCRIBE)))
        writer.write(told)
        await reader.read()

    [body] = look(1883, broker)
    assert isinstance(body, MqttHello)
    assert (body.product_name, body.version_text, body.anonymous) == ("Mosquitto", "2.0.11", True)
    assert heard == [mqtt.SUBSCRIBE]


def look(port: int, peer: Handler) -> list[object]:
    async def main() -> Books:
        async with listening(peer, port=port + OFFSET):
            return await run_unit(Services(), context([(HOST, TcpPort(port=port))]))

    return [body for _, body in asyncio.run(main()).bodies]
