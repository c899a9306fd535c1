"""Greetings of database servers: SQL Server ([MS-TDS] 2.2.6.5 PRELOGIN), MySQL and MariaDB (client/server protocol, Handshake V10),
PostgreSQL (protocol 3.0, 55.2). Nobody logs in and no user is named.

MySQL counts a connection that ends before the log-in against `max_connect_errors` (100 by default): ours is one.
"""

from __future__ import annotations

import re
import struct
from typing import Literal

from agent.model.bodies_services import DatabaseHello
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

Encryption = Literal["none", "offered", "required", "unknown"]

_MYSQL_TLS = 0x0800
_PLUGIN_AUTH = 0x00080000
_ENCRYPT: dict[int, Encryption] = {0: "offered", 1: "offered", 2: "none", 3: "required"}
_SSL_REQUEST = struct.pack(">II", 8, 80877103)
_MARIADB = re.compile(r"(?:5\.5\.5-)?(\d+\.\d+\.\d+)-MariaDB")


async def mysql(c: Conversation) -> None:
    """On an open connection whose greeting stands in `c.heard`."""
    raw = c.heard
    body = parse_mysql(c.port, raw)
    await c.report(body, "mysql", raw)
    if body.encryption == "offered":
        await c.write(ssl_request_mysql(raw))
        await c.put("tls.certificate", c.start_tls())


def parse_mysql(port: int, data: bytes) -> DatabaseHello:
    """Protocol::HandshakeV10, or the error packet with which a server turns an address away. Raises `NotSpoken`."""
    if len(data) < 6 or data[3] != 0:
        raise NotSpoken("no MySQL greeting")
    packet = data[4 : 4 + int.from_bytes(data[:3], "little")]
    if packet[:1] == b"\xff" and len(packet) > 3:
        text = packet[3:].decode("utf-8", "replace")
        product = "MariaDB" if "MariaDB" in text else "MySQL"
        return DatabaseHello(port=port, protocol="mysql", product=product, auth="blocked")
    if packet[:1] not in (b"\x0a", b"\x09"):
        raise NotSpoken("no MySQL greeting")
    version, sep, rest = packet[1:].partition(b"\0")
    if not sep or not version or len(version) > 200:
        raise NotSpoken("a greeting without a version")
    text = version.decode("utf-8", "replace")
    mariadb = _MARIADB.search(text)
    encryption, plugin = _mysql_capabilities(rest)
    return DatabaseHello(
        port=port,
        protocol="mysql",
        product="MariaDB" if mariadb or "mariadb" in text.lower() else "MySQL",
        version=mariadb[1] if mariadb else text,
        encryption=encryption,
        auth=plugin,
    )


def _mysql_capabilities(rest: bytes) -> tuple[Encryption, str]:
    # Thread id, eight octets of scramble, a zero; lower flags, character set, status, upper flags, length of the scramble, ten zeros.
    if len(rest) < 20:
        return "unknown", ""
    flags = int.from_bytes(rest[13:15], "little") | int.from_bytes(rest[18:20], "little") << 16
    plugin = ""
    if flags & _PLUGIN_AUTH and len(rest) > 31:
        scramble = max(13, rest[20] - 8)
        plugin = rest[31 + scramble :].split(b"\0", 1)[0][:64].decode("utf-8", "replace")
    return ("offered" if flags & _MYSQL_TLS else "none"), plugin


def ssl_request_mysql(greeting: bytes) -> bytes:
    """Protocol::SSLRequest with the sequence number after the greeting's: long passwords, 4.1, TLS, secure connection."""
    body = struct.pack("<IIB23x", 0x1 | 0x200 | _MYSQL_TLS | 0x8000, 1 << 24, 45)
    return len(body).to_bytes(3, "little") + bytes(((greeting[3] + 1) & 0xFF,)) + body


async def postgresql(c: Conversation) -> None:
    """SSLRequest first (55.2.10); then a start-up packet of a protocol version nobody has, which names no user and is answered by words."""
    said = await c.ask(_SSL_REQUEST, lambda d: len(d) >= 1, limit=1)
    if said not in (b"S", b"N"):
        raise NotSpoken("no answer to SSLRequest")
    encryption: Encryption = "none" if said == b"N" else "offered"
    if encryption == "offered":
        await c.put("tls.certificate", c.start_tls())
    raw = b""
    try:
        raw = await c.ask(struct.pack(">II", 8, 0xFF000000), whole_error, limit=4096)
        fields = parse_postgresql(raw)
    except (OSError, NotSpoken):
        fields = {}
    body = DatabaseHello(
        port=c.port,
        protocol="postgresql",
        product="PostgreSQL",
        version=versions_of(fields),
        encryption=encryption,
    )
    await c.report(body, "postgresql", raw or said)


def whole_error(data: bytes) -> bool:
    return len(data) >= 5 and (
        data[:1] != b"E" or len(data) >= 1 + int.from_bytes(data[1:5], "big")
    )


def parse_postgresql(data: bytes) -> dict[str, str]:
    """Fields of an ErrorResponse (55.8) by their letter. Raises `NotSpoken`."""
    if len(data) < 6 or data[:1] != b"E":
        raise NotSpoken("no ErrorResponse")
    out: dict[str, str] = {}
    for field in data[5 : 1 + int.from_bytes(data[1:5], "big")].split(b"\0")[:20]:
        if field:
            out[chr(field[0])] = field[1:301].decode("utf-8", "replace")
    if "C" not in out and "M" not in out:
        raise NotSpoken("an error without words")
    return out


def versions_of(fields: dict[str, str]) -> str:
    """PostgreSQL tells its version to nobody who is not logged in: empty, unless the words hold one."""
    found = re.search(r"PostgreSQL (\d+[\d.]*)", fields.get("M", ""))
    return found[1] if found else ""


async def mssql(c: Conversation) -> None:
    raw = await c.ask(prelogin(), whole_tds, limit=4096)
    await c.report(parse_mssql(c.port, raw), "tds", raw)


def prelogin() -> bytes:
    """PRELOGIN with version 9.0, encryption supported but off, and the default instance."""
    options = (
        (0, bytes.fromhex("090000000000")),
        (1, b"\0"),
        (2, b"\0"),
        (3, bytes(4)),
        (4, b"\0"),
    )
    at = 5 * len(options) + 1
    table, payload = b"", b""
    for token, value in options:
        table += struct.pack(">BHH", token, at + len(payload), len(value))
        payload += value
    body = table + b"\xff" + payload
    return struct.pack(">BBHHBB", 0x12, 1, 8 + len(body), 0, 0, 0) + body


def whole_tds(data: bytes) -> bool:
    return len(data) >= 4 and (data[0] != 4 or len(data) >= int.from_bytes(data[2:4], "big"))


def parse_mssql(port: int, data: bytes) -> DatabaseHello:
    """The server's PRELOGIN. Raises `NotSpoken`."""
    if len(data) < 9 or data[0] != 4:
        raise NotSpoken("no TDS answer")
    body = data[8 : int.from_bytes(data[2:4], "big")]
    version, encryption = "", None
    for at in range(0, min(len(body), 100), 5):
        if body[at] == 0xFF or at + 5 > len(body):
            break
        token, offset, size = struct.unpack_from(">BHH", body, at)
        value = body[offset : offset + size]
        if token == 0 and len(value) >= 4:
            version = f"{value[0]}.{value[1]}.{int.from_bytes(value[2:4], 'big')}"
        elif token == 1 and value:
            encryption = _ENCRYPT.get(value[0])
    if not version:
        raise NotSpoken("a PRELOGIN without a version")
    return DatabaseHello(
        port=port,
        protocol="mssql",
        product="Microsoft SQL Server",
        version=version,
        encryption=encryption or "unknown",
    )
