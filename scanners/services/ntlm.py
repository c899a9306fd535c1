"""NTLM's first two messages ([MS-NLMP] 2.2.1.1, 2.2.1.2): a server tells its names and build to whoever begins.

We never send the third: no name, no password, no attempt that would be logged as a failed log-on.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from agent.model.bodies import HostName
from agent.model.bodies_services import NtlmChallenge
from scanners.not_spoken import NotSpoken
from scanners.services.conversation import Conversation

SIGNATURE = b"NTLMSSP\0"
# Unicode, request target, NTLM, always sign, extended session security, version, 128 and 56 bits.
_FLAGS = 0x00000001 | 0x4 | 0x200 | 0x8000 | 0x80000 | 0x2000000 | 0x20000000 | 0x80000000
_HAS_VERSION = 0x02000000
_EPOCH_US = 11_644_473_600_000_000
"""Microseconds from 1601 (FILETIME) to 1970."""
_NAMES = {
    1: "netbios_computer",
    2: "netbios_domain",
    3: "dns_computer",
    4: "dns_domain",
    5: "dns_forest",
}
_MAX_PAIRS = 32
_YEAR_9999_US = 253_402_300_799_000_000


@dataclass(frozen=True)
class Challenge:
    """`names`: field of `NtlmChallenge` -> text; `time` in microseconds UTC."""

    names: dict[str, str]
    os_version: str
    time: int | None

    def body(self, port: int, through: str) -> NtlmChallenge:
        return NtlmChallenge.model_validate(
            {
                "port": port,
                "through": through,
                "os_version": self.os_version,
                "time": self.time,
                **self.names,
            }
        )


async def report(c: Conversation, found: Challenge, through: str, raw: bytes) -> None:
    """Store the challenge, and the name the host goes by."""
    await c.report(found.body(c.port, through), through, raw, public=True)
    if name := found.names.get("dns_computer") or found.names.get("netbios_computer"):
        await c.report(HostName(name=name, source="smb"), through)


def negotiate() -> bytes:
    """NEGOTIATE_MESSAGE without domain and workstation; version 10.0 (what the field is for: debugging only)."""
    empty = struct.pack("<HHI", 0, 0, 40)
    return (
        SIGNATURE
        + struct.pack("<II", 1, _FLAGS)
        + empty
        + empty
        + bytes.fromhex("0a0000000000000f")
    )


def spnego() -> bytes:
    """The same inside a NegTokenInit (RFC 4178, 4.2.1) that offers NTLM alone."""
    from scanners.services.ber import OCTETS, SEQUENCE, element

    ntlm_oid = bytes.fromhex("060a2b06010401823702020a")
    mechanisms = element(0xA0, element(SEQUENCE, ntlm_oid))
    token = element(0xA2, element(OCTETS, negotiate()))
    init = element(0xA0, element(SEQUENCE, mechanisms, token))
    return element(0x60, bytes.fromhex("06062b0601050502"), init)


def find(data: bytes) -> Challenge:
    """The CHALLENGE_MESSAGE that stands somewhere in *data*, whatever wraps it. Raises `NotSpoken`."""
    start = data.find(SIGNATURE + b"\x02\0\0\0")
    if start < 0:
        raise NotSpoken("no NTLM challenge")
    return parse(data[start:])


def parse(message: bytes) -> Challenge:
    """Raises `NotSpoken`. Bytes after the message are ignored, a name that is cut is left out."""
    if len(message) < 48 or not message.startswith(SIGNATURE + b"\x02\0\0\0"):
        raise NotSpoken("no NTLM challenge")
    (flags,) = struct.unpack_from("<I", message, 20)
    size, _, offset = struct.unpack_from("<HHI", message, 40)
    version = ""
    if flags & _HAS_VERSION and len(message) >= 56 and offset != 48:
        major, minor, build = struct.unpack_from("<BBH", message, 48)
        version = f"{major}.{minor}.{build}"
    info = message[offset : offset + size]
    names: dict[str, str] = {}
    moment: int | None = None
    for _ in range(_MAX_PAIRS):
        if len(info) < 4:
            break
        kind, length = struct.unpack_from("<HH", info)
        value, info = info[4 : 4 + length], info[4 + length :]
        if kind == 0 or len(value) < length:
            break
        if kind in _NAMES:
            names[_NAMES[kind]] = value[:510].decode("utf-16-le", "replace").strip("\0")
        elif kind == 7 and length == 8:
            at = int.from_bytes(value, "little") // 10 - _EPOCH_US
            moment = at if 0 < at < _YEAR_9999_US else None
    return Challenge(names, version, moment)
