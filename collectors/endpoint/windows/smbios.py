"""The firmware's table of the machine (SMBIOS, DMTF DSP0134 3.7): maker, model, serial, UUID, kind of chassis. Pure."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

_SYSTEM, _CHASSIS, _END = 1, 3, 127
_HEAD = struct.Struct("<BBH")


@dataclass(frozen=True)
class Firmware:
    vendor: str = ""
    model: str = ""
    serial: str = ""
    uuid: str = ""
    chassis: str = ""


def firmware(table: bytes) -> Firmware:
    """What the structures of *table* (without the entry point) say. Damaged ones end the reading; never raises."""
    vendor = model = serial = ident = chassis = chassis_serial = ""
    at = 0
    for _ in range(2000):
        if at + 4 > len(table):
            break
        kind, length, _ = _HEAD.unpack_from(table, at)
        if length < 4 or at + length > len(table):
            break
        body = table[at : at + length]
        strings, at = _strings(table, at + length)

        def text(offset: int, of: bytes = body, said: list[str] = strings) -> str:
            number = of[offset] if offset < len(of) else 0
            return said[number - 1] if 0 < number <= len(said) else ""

        if kind == _SYSTEM and not model:
            vendor, model, serial = text(4), text(5), text(7)
            raw = body[8:24]
            if len(raw) == 16 and len(set(raw)) > 1:
                # The first three fields stand little end first since SMBIOS 2.6 (7.2.1).
                ident = str(uuid.UUID(bytes_le=raw))
        elif kind == _CHASSIS and not chassis:
            chassis = str(body[5] & 0x7F) if len(body) > 5 else ""
            chassis_serial = text(7)
        elif kind == _END:
            break
    return Firmware(vendor, model, serial or chassis_serial, ident, chassis)


def _strings(table: bytes, at: int) -> tuple[list[str], int]:
    """The strings behind a structure, and where the next one begins."""
    found: list[str] = []
    while at < len(table):
        end = table.find(b"\0", at)
        if end < 0:
            return found, len(table)
        if end == at:
            # No string at all is two zeros; after a string it is one more.
            return found, end + (1 if found else 2)
        found.append(table[at:end].decode("latin-1").strip()[:253])
        at = end + 1
    return found, at
