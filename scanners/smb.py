"""Which versions of SMB a file server speaks, from two negotiations: one that offers SMB 1 alone, one that offers SMB 2 and 3.

Nobody logs in. Sources: [MS-CIFS] 2.2.4.52 and [MS-SMB] for SMB 1, [MS-SMB2] 2.2.3 and 2.2.4 for the others, [RFC 1002] 4.3 for the frame.
A server without SMB 1 hangs up on the first: that is a plain no.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies import Banner
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from scanners.targets import host_ref, ports_of, service_ref, service_units, tcp_cost

PORT = 445
WAIT_S = 3.0
WHOLE_S = 6.0
"""For one negotiation in all: a server may answer a byte at a time."""
LIMIT = 8192
PACKETS = 120
"""Of two connections: a few hundred bytes each way, and the resets that a peer in the middle of 32 KiB would cost."""
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


class NotSmb(ValueError):
    """The answer is no SMB negotiation; carries no byte of it."""


@dataclass(frozen=True)
class Negotiated:
    """`name`: the dialect in words; `signing`: must every message be signed?"""

    name: str
    signing: bool


@dataclass(frozen=True)
class Smb:
    name: str = "smb"
    rev: int = 1
    needs: Needs = Needs(deadline_s=60, after=("tcp_ports",))
    emits: frozenset[str] = frozenset({"banner"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"banner": "strong"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        return service_units(self.name, ctx, lambda port: port == PORT)

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return tcp_cost(unit, PACKETS, PACKETS * 120)

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]
        for port in ports_of(unit):
            old, old_raw, old_outcome = await _negotiate(host, port, request_1(), ctx, emit)
            new, new_raw, new_outcome = await _negotiate(host, port, request_2(), ctx, emit)
            if old or new:
                body = banner(port, old, new)
                await emit(host_ref(ctx, host), body, channel="smb", raw=old_raw + new_raw)
            emit.ask("banner", service_ref(ctx, host, port), both(old_outcome, new_outcome))


async def _negotiate(
    host: str, port: int, request: bytes, ctx: Context, emit: Emit
) -> tuple[Negotiated | None, bytes, AskOutcome]:
    data = b""
    try:
        stream = await ctx.dial.connect(host, port, timeout_s=WAIT_S, emit=emit)
    except TimeoutError:
        return None, b"", "silent"
    except OSError:
        return None, b"", "error"
    try:
        async with asyncio.timeout(WHOLE_S):
            await stream.write(request)
            while len(data) < wanted(data):
                chunk = await stream.read(min(LIMIT, wanted(data) - len(data)), WAIT_S)
                if not chunk:
                    break
                data += chunk
        return parse(data), data, "answered"
    except TimeoutError:
        return None, data, "silent"
    except (ConnectionError, NotSmb):
        # It hung up, or speaks something else: it does not speak this version.
        return None, data, "negative"
    except OSError:
        return None, data, "error"
    finally:
        await stream.close()


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
    return Negotiated(name, bool(mode & _SIGNING_REQUIRED_2))


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message
