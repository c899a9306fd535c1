"""Model, version and serial where standard MIBs keep them, whoever the maker is.

Printer-MIB (RFC 3805), PWG PPM-MIB 1.0 (IEEE 1284 device id), UPS-MIB (RFC 1628), HOST-RESOURCES-MIB (RFC 2790),
RMON2 probeConfig (RFC 4502).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.inventory.snmp import tokens
from agent.inventory.snmp.entity import dotted
from agent.inventory.snmp.identity import Found
from agent.inventory.snmp.walk import Oid, Walk

PRINTER: Oid = (1, 3, 6, 1, 2, 1, 43, 5, 1, 1)
DEVICE_ID: Oid = (1, 3, 6, 1, 4, 1, 2699, 1, 2, 1, 2, 1, 1, 3)
DEVICE: Oid = (1, 3, 6, 1, 2, 1, 25, 3, 2, 1, 3)
UPS: Oid = (1, 3, 6, 1, 2, 1, 33, 1, 1)
PROBE_SOFTWARE: Oid = (1, 3, 6, 1, 2, 1, 16, 19, 2, 0)
SURE, LESS = 940, 850
_MAC_BEHIND = re.compile(r"\s*\[[0-9a-fA-F]{12}\]\s*$")
_CARD = re.compile(r"(?i)\b(?:cpu|processor|intel|amd|arm|memory|disk|network interface)\b")


def is_printer(walk: Walk) -> bool:
    return walk.has(PRINTER[:7])


def is_ups(walk: Walk) -> bool:
    return walk.has(UPS[:7])


def printer(walk: Walk, field: str) -> Iterator[Found]:
    """prtGeneralSerialNumber, prtGeneralPrinterName; the model of the IEEE 1284 device id; hrDeviceDescr of the printer."""
    if not is_printer(walk) and not walk.has(DEVICE_ID):
        return
    if field == "serial":
        yield from _columns(walk, (*PRINTER, 17), tokens.serial, "Printer-MIB", SURE)
    elif field == "model":
        for oid in walk.under(DEVICE_ID):
            if (found := re.search(r"(?:MDL|MODEL):\s*([^;]+)", walk.text(oid))) and (
                value := tokens.model(found[1])
            ):
                yield Found(value, dotted(oid), walk.text(oid), "PPM-MIB", SURE)
        yield from device(walk)


def device(walk: Walk) -> Iterator[Found]:
    """hrDeviceDescr.1: of nearly all printers the model, of others what it likes."""
    oid = (*DEVICE, 1)
    text = _MAC_BEHIND.sub("", walk.text(oid)).split(";")[0].strip()
    if text and not _CARD.search(text) and (value := tokens.model(text)):
        yield Found(value, dotted(oid), text, "HOST-RESOURCES-MIB", LESS)


def ups(walk: Walk, field: str) -> Iterator[Found]:
    """upsIdentModel, upsIdentUPSSoftwareVersion, upsIdentAgentSoftwareVersion. UPS-MIB has no serial number."""
    if field == "model":
        yield from _scalar(walk, (*UPS, 2), tokens.model, "UPS-MIB", SURE)
    elif field == "version":
        yield from _scalar(walk, (*UPS, 3), tokens.version, "UPS-MIB", LESS)
        yield from _scalar(walk, (*UPS, 4), tokens.version, "UPS-MIB", LESS)


def probe(walk: Walk) -> Iterator[Found]:
    """probeSoftwareRev."""
    text = walk.text(PROBE_SOFTWARE)
    if text and len(text) < 60 and (value := tokens.version(text)):
        yield Found(value, dotted(PROBE_SOFTWARE), text, "RMON2-MIB", LESS)


def _scalar(walk: Walk, oid: Oid, shape: tokens.Shape, rule: str, sure: int) -> Iterator[Found]:
    for at in ((*oid, 0), oid):
        text = walk.text(at)
        if text and (value := shape(text)):
            yield Found(value, dotted(at), text, rule, sure)


def _columns(walk: Walk, column: Oid, shape: tokens.Shape, rule: str, sure: int) -> Iterator[Found]:
    for oid in walk.under(column):
        text = walk.text(oid)
        if text and (value := shape(text)):
            yield Found(value, dotted(oid), text, rule, sure)
