"""Which versions of SMB a file server speaks, whether it insists on signing, and who it says it is.

One connection that offers SMB 2 and 3 and begins a session as far as NTLM's challenge (names, build of Windows), one that offers SMB 1
alone. Nobody logs in. Sources: [MS-CIFS] 2.2.4.52 and [MS-SMB] for SMB 1, [MS-SMB2] 2.2.3 to 2.2.6 for the others, [RFC 1002] 4.3 for
the frame. A server without SMB 1 hangs up on the second: that is a plain no.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from agent.model.bodies import Banner
from agent.model.bodies_services import SmbHello
from agent.model.status import AskOutcome
from scanners.not_spoken import NotSpoken
from scanners.services import ntlm
from scanners.services.conversation import Conversation, outcome_of

LIMIT = 8192
NT_LM = "NT LM 0.12"
NAMES: Mapping[int, str] = {
    0x0202: "SMB 2.0.2",
    0x0210: "SMB 2.1",
    0x0300: "SMB 3.0",
    0x0302: "SMB 3.0.2",
    0x0311: "SMB 3.1.1",
}
_SIGNING_REQUIRED_2 = 0x0002
_SIGNING_REQUIRED_1 = 0x08


class NotSmb(NotSpoken):
    """The answer is no SMB negotiation; carries no byte of it."""


@dataclass(frozen=True)
class Negotiated:
    """`name`: the dialect in words; `signing`: must every message be signed?"""

    name: str
    signing: bool
    guid: str = ""


async def talk(c: Conversation) -> None:
    """On a fresh connection. Raises where neither version was answered."""
    new, new_raw, new_outcome = await _negotiate(c, request_2())
    versions: list[str] = []
    if new is not None:
        await c.put("ntlm.challenge", _session(c, versions))
    old, old_raw, old_outcome = None, b"", new_outcome
    if not c.impatient:
        await c.close()
        old, old_raw, old_outcome = await _smb1(c)
    both_ways = both(old_outcome, new_outcome)
    if old or new:
        body = SmbHello(
            port=c.port,
            dialect=new.name if new else "",
            smb1=True if old else False if old_outcome == "negative" else None,
            signing_required=new.signing if new else old.signing if old else None,
            server_guid=new.guid if new else "",
            product=product_of(versions[0]) if versions else "",
        )
        raw = old_raw + new_raw
        await c.report(body, "smb", raw, public=True)
        await c.report(banner(c.port, old, new), "smb", raw, public=True)
    c.outcomes["smb.hello"] = c.outcomes["banner"] = both_ways


async def _smb1(c: Conversation) -> tuple[Negotiated | None, bytes, AskOutcome]:
    try:
        await c.open()
    except OSError as error:
        # The port is open, as the first connection showed: a refusal now is no answer to this question.
        outcome = outcome_of(error)
        return None, b"", "error" if outcome == "negative" else outcome
    return await _negotiate(c, request_1())


async def _negotiate(
    c: Conversation, request: bytes
) -> tuple[Negotiated | None, bytes, AskOutcome]:
    data = b""
    try:
        data = await c.ask(request, whole, limit=LIMIT)
        if not whole(data):
            # It began to answer and stopped: neither yes nor no.
            return None, data, "silent" if data[:1] == b"\0" else "negative"
        return parse(data), data, "answered"
    except TimeoutError:
        return None, data, "silent"
    except (ConnectionError, NotSmb):
        # It hung up, or speaks something else: it does not speak this version.
        return None, data, "negative"
    except OSError:
        return None, data, "error"


async def _session(c: Conversation, versions: list[str]) -> None:
    """SMB2 SESSION_SETUP with NTLM's first message: the answer holds the challenge. Its version goes to *versions*."""
    raw = await c.ask(request_session(), whole, limit=LIMIT)
    found = ntlm.find(raw[:LIMIT])
    versions.append(found.os_version)
    await ntlm.report(c, found, "smb", raw)


def product_of(os_version: str) -> str:
    """Samba fills the version with 6.1 and build 0 (libcli/auth of its source); every Windows has a build. Else nothing is said."""
    build = os_version.rpartition(".")[2]
    if not build:
        return ""
    return "Samba" if build == "0" else "Windows"


def whole(data: bytes) -> bool:
    """Is the framed message all there, as far as we take it?"""
    return len(data) >= wanted(data) > 4 or (len(data) >= 4 and data[0] != 0)


def wanted(data: bytes) -> int:
    """Bytes the whole answer has, as far as *data* tells; never more than `LIMIT`."""
    return 4 if len(data) < 4 else min(LIMIT, 4 + int.from_bytes(data[1:4], "big"))


def both(old: AskOutcome, new: AskOutcome) -> AskOutcome:
    """One outcome of two negotiations. Where one was not heard, the version it asks for may be there: the question stays open."""
    order: tuple[AskOutcome, ...] = ("error", "silent", "answered")
    for outcome in order:
        if outcome in (old, new):
            return outcome
    return "negative"


def banner(port: int, old: Negotiated | None, new: Negotiated | None) -> Banner:
    """SMB 1 is what a reader must not miss: where it is accepted it is the protocol, whatever else is."""
    words = [f"{n.name}{', signing required' if n.signing else ''}" for n in (old, new) if n]
    protocol = "SMBv1" if old else new.name if new else ""
    return Banner(port=port, protocol=protocol, text="; ".join(words))


def request_1() -> bytes:
    """SMB_COM_NEGOTIATE that offers `NT LM 0.12` and nothing newer."""
    dialects = b"\x02" + NT_LM.encode("ascii") + b"\0"
    # Flags: canonical paths, no case; flags2: Unicode, NT status, extended security, long names.
    header = b"\xffSMB\x72" + struct.pack("<IBH12xHHHH", 0, 0x18, 0xC801, 0, 0xFEFF, 0, 0)
    return _framed(header + b"\0" + struct.pack("<H", len(dialects)) + dialects)


def request_2() -> bytes:
    """SMB2 NEGOTIATE with every dialect, and the two contexts that 3.1.1 asks for."""
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16x", 64, 0, 0, 0, 1, 0, 0, 0, 0xFEFF, 0, 0)
    dialects = struct.pack(f"<{len(NAMES)}H", *NAMES)
    salt = bytes(32)
    # Pre-authentication integrity by SHA-512, and AES-128-GCM or -CCM.
    integrity = struct.pack("<HHI", 1, 38, 0) + struct.pack("<HHH", 1, 32, 1) + salt + b"\0\0"
    ciphers = struct.pack("<HHI", 2, 6, 0) + struct.pack("<HHH", 2, 2, 1)
    offset = 64 + 36 + len(dialects)
    pad = -offset % 8
    client = bytes(range(16))
    body = struct.pack("<HHHHI", 36, len(NAMES), 1, 0, 0x7F) + client
    body += struct.pack("<IHH", offset + pad, 2, 0)
    return _framed(header + body + dialects + bytes(pad) + integrity + ciphers)


def request_session() -> bytes:
    """SMB2 SESSION_SETUP ([MS-SMB2] 2.2.5), the second message of the connection."""
    token = ntlm.spnego()
    header = b"\xfeSMB" + struct.pack("<HHIHHIIQIIQ16x", 64, 1, 0, 1, 31, 0, 0, 1, 0xFEFF, 0, 0)
    body = struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 64 + 24, len(token), 0)
    return _framed(header + body + token)


def parse(data: bytes) -> Negotiated:
    """The answer to either request, its NetBIOS frame included. Raises `NotSmb`."""
    message = data[4 : 4 + int.from_bytes(data[1:4], "big")] if data[:1] == b"\0" else b""
    if message.startswith(b"\xffSMB"):
        return _parse_1(message)
    if message.startswith(b"\xfeSMB"):
        return _parse_2(message)
    raise NotSmb("no SMB message")


def _parse_1(message: bytes) -> Negotiated:
    if len(message) < 36 or message[4] != 0x72:
        raise NotSmb("no answer to a negotiation")
    (status,) = struct.unpack_from("<I", message, 5)
    words, index = message[32], int.from_bytes(message[33:35], "little")
    # 17 words: NT LM 0.12; an index of 0xFFFF: none of the dialects suits the server.
    if status or words < 17 or index:
        raise NotSmb("SMB 1 is not accepted")
    return Negotiated(f"SMBv1 ({NT_LM})", bool(message[35] & _SIGNING_REQUIRED_1))


def _parse_2(message: bytes) -> Negotiated:
    if len(message) < 70:
        raise NotSmb("a negotiation that is cut")
    (status,) = struct.unpack_from("<I", message, 8)
    (command,) = struct.unpack_from("<H", message, 12)
    size, mode, dialect = struct.unpack_from("<HHH", message, 64)
    if status or command or size != 65:
        raise NotSmb("no answer to a negotiation")
    name = NAMES.get(dialect)
    if name is None:
        raise NotSmb("a dialect nobody offered")
    told = message[72:88]
    guid = str(UUID(bytes_le=told)) if len(told) == 16 and any(told) else ""
    return Negotiated(name, bool(mode & _SIGNING_REQUIRED_2), guid)


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message
