"""Printers: Get-Printer-Attributes (RFC 8011, 4.2.5; encoding RFC 8010): make and model, serial number, firmware. Read only.

Only where IPP is spoken (port 631): never on a raw print port. Firmware and serial as PWG 5100.13 and printers' own device id tell them.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from agent.model.bodies import DeviceAttribute, DeviceIdentity
from agent.model.bodies_services import IppPrinter
from scanners.http_answer import Answer
from scanners.not_spoken import NotSpoken
from scanners.services.http import Http

PORT = 631
PATH = "/ipp/print"
GET_PRINTER_ATTRIBUTES = 0x000B
_WANTED = (
    "printer-make-and-model",
    "printer-name",
    "printer-info",
    "printer-dns-sd-name",
    "printer-location",
    "printer-uuid",
    "printer-serial-number",
    "printer-device-id",
    "printer-firmware-name",
    "printer-firmware-string-version",
    "ipp-versions-supported",
)
_MAX_ATTRIBUTES = 200
_CHARSET, _LANGUAGE, _URI, _KEYWORD = 0x47, 0x48, 0x45, 0x44


async def talk(http: Http) -> None:
    headers = {"Content-Type": "application/ipp"}
    raw, answer = await http.ask(PATH, method="POST", headers=headers, body=request(http.c.host))
    server = answer.headers.get("server", "")[:200]
    body = parse(http.c.port, answer, tls=http.tls, server=server)
    await http.c.report(body, "ipp", answer.body[:16384] or raw[:1024])
    if body.status == 0 and body.make_and_model:
        # The printer speaks of itself; a print server answers for queues with another status or model.
        await http.c.report(DeviceAttribute(name="model", value=body.make_and_model), "ipp")
        if body.serial:
            await http.c.report(DeviceIdentity(scheme="serial", value=body.serial), "ipp")


def request(host: str) -> bytes:
    named = f"[{host}]" if ":" in host else host
    out = struct.pack(">HHI", 0x0101, GET_PRINTER_ATTRIBUTES, 1) + b"\x01"
    out += _attribute(_CHARSET, "attributes-charset", "utf-8")
    out += _attribute(_LANGUAGE, "attributes-natural-language", "en")
    out += _attribute(_URI, "printer-uri", f"ipp://{named}{PATH}")
    for at, name in enumerate(_WANTED):
        out += _attribute(_KEYWORD, "requested-attributes" if at == 0 else "", name)
    return out + b"\x03"


def parse(port: int, answer: Answer, *, tls: bool = False, server: str = "") -> IppPrinter:
    """Raises `NotSpoken`."""
    status, values = attributes(answer.body)
    if not answer.headers.get("content-type", "").startswith("application/ipp"):
        raise NotSpoken("no IPP answer")

    def one(*names: str) -> str:
        return next((v for n in names for v in values.get(n, ()) if v), "")[:255]

    device_id = one("printer-device-id")
    serial = one("printer-serial-number")
    if not serial and (
        found := re.search(r"(?i)(?:^|;)(?:SN|SERN|SERIALNUMBER):([^;]{2,64})", device_id)
    ):
        serial = found[1].strip()
    return IppPrinter(
        port=port,
        tls=tls,
        status=status,
        versions=values.get("ipp-versions-supported", ()),
        make_and_model=one("printer-make-and-model"),
        name=one("printer-dns-sd-name", "printer-name"),
        info=one("printer-info"),
        location=one("printer-location"),
        uuid=one("printer-uuid").removeprefix("urn:uuid:"),
        serial=serial,
        device_id=device_id,
        firmware=one("printer-firmware-string-version"),
        server=server,
    )


def attributes(data: bytes) -> tuple[int, Mapping[str, tuple[str, ...]]]:
    """(status code, name -> texts) of an IPP response; values that are no text are left out. Raises `NotSpoken`."""
    if len(data) < 9 or data[0] not in (1, 2) or data[4:8] != b"\0\0\0\1":
        raise NotSpoken("no IPP answer")
    status = int.from_bytes(data[2:4], "big")
    found: dict[str, list[str]] = {}
    at, name = 8, ""
    for _ in range(_MAX_ATTRIBUTES):
        if at >= len(data) or data[at] == 0x03:
            break
        if data[at] < 0x10:
            at += 1
            continue
        tag = data[at]
        key, at = _counted(data, at + 1)
        value, at = _counted(data, at)
        name = key.decode("ascii", "replace")[:64] or name
        if 0x40 <= tag < 0x60:
            found.setdefault(name, []).append(value[:1024].decode("utf-8", "replace"))
    return status, {k: tuple(v[:50]) for k, v in found.items()}


def _counted(data: bytes, at: int) -> tuple[bytes, int]:
    if at + 2 > len(data):
        return b"", len(data)
    size = int.from_bytes(data[at : at + 2], "big")
    return data[at + 2 : at + 2 + size], at + 2 + size


def _attribute(tag: int, name: str, value: str) -> bytes:
    key, text = name.encode("ascii"), value.encode("ascii")
    return struct.pack(">BH", tag, len(key)) + key + struct.pack(">H", len(text)) + text
