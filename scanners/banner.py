"""What a service says first: SSH (RFC 4253), FTP (959), SMTP (5321), POP3 (1939), IMAP (3501), VNC (6143), MySQL, telnet (854).

Read only: not a byte is written. A service that stalls, drips, floods or closes is read as far as the limits go, and said so.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.catalogs.ports import by_number
from agent.contract import Context, Emit, Needs, Stream, Transport
from agent.model.bodies import Banner
from agent.model.run import UnitPlan
from agent.model.status import AskOutcome, Strength
from scanners.redaction import redact
from scanners.targets import each_port, host_ref, service_ref, service_units, tcp_cost

LIMIT = 2048
WAIT_S = 3.0
"""For the first word, and for the banner as a whole."""
NEXT_S = 0.5
PACKETS = 90
"""Three SYNs, the acknowledgements of 2 KiB, and a reset for each segment a flooding service has under way."""
SSH_PORT = 22
SMTP_PORTS = frozenset({25, 465, 587})
_SSH = re.compile(rb"^SSH-\d", re.MULTILINE)
_TELNET = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa.*?\xff\xf0|.)", re.DOTALL)
_FTP = re.compile(rb"(?i)\bs?ftps?\b|ftpd|filezilla|serv-u")


@dataclass(frozen=True)
class BannerProbe:
    name: str = "banner"
    rev: int = 1
    needs: Needs = Needs(deadline_s=120, after=("tcp_ports",))
    emits: frozenset[str] = frozenset({"banner"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"banner": "strong"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        return service_units(self.name, ctx, speaks_first)

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return tcp_cost(unit, PACKETS, PACKETS * 74)

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]

        async def one(port: int) -> None:
            outcome = await self._one(host, port, ctx, emit)
            emit.ask("banner", service_ref(ctx, host, port), outcome)

        await each_port(unit, ctx, one)

    async def _one(self, host: str, port: int, ctx: Context, emit: Emit) -> AskOutcome:
        try:
            stream = await ctx.dial.connect(host, port, timeout_s=WAIT_S, emit=emit)
        except TimeoutError:
            return "silent"
        except ConnectionRefusedError:
            return "negative"
        except OSError:
            return "error"
        try:
            data = await listen(stream, port)
        finally:
            await stream.close()
        if not data:
            return "silent"
        cut = len(data) >= LIMIT
        kept, redactions = redact(data)
        body = parse(port, kept, truncated=cut)
        await emit(host_ref(ctx, host), body, channel="tcp", raw=kept, redactions=redactions)
        return "answered"


def speaks_first(port: int) -> bool:
    """Does the catalogue say that the server speaks first there?"""
    entry = by_number().get(port)
    return entry is not None and entry.speaks == "server"


async def listen(stream: Stream, port: int) -> bytes:
    """What the service says by itself, at most `LIMIT` bytes within `WAIT_S`; b"" when it says nothing."""
    data = b""
    until = time.monotonic() + WAIT_S
    while len(data) < LIMIT and not finished(port, data):
        left = until - time.monotonic()
        if left <= 0:
            break
        try:
            chunk = await stream.read(LIMIT - len(data), min(left, NEXT_S) if data else left)
        except (TimeoutError, ConnectionError):
            break  # what came until then is the banner
        if not chunk:
            break
        data += chunk
    return data


def finished(port: int, data: bytes) -> bool:
    """One line is enough for the protocols that greet with a line; SMTP and FTP may have several (`220-`), SSH others before its own."""
    if not data.endswith(b"\n") or data.startswith(b"\xff"):
        return False
    if port == SSH_PORT and not _SSH.search(data):
        return False
    last = data.rstrip(b"\r\n").rpartition(b"\n")[2]
    return not re.match(rb"\d{3}-", last)


def parse(port: int, data: bytes, *, truncated: bool = False) -> Banner:
    """The banner in *data* (any bytes). Text is UTF-8 where it is, else replaced; telnet options are taken out."""
    cut = data[:LIMIT]
    protocol = protocol_of(port, cut)
    if protocol == "ssh" and (line := _SSH.search(cut)):
        cut = cut[line.start() :]
    if protocol == "telnet":
        cut = _TELNET.sub(b"", cut)
    if protocol == "mysql":
        cut = _mysql(cut)
    text = cut.decode("utf-8", "replace")[:LIMIT]
    return Banner(
        port=port,
        protocol=protocol,
        text=text,
        truncated=truncated or len(data) > len(data[:LIMIT]),
    )


def protocol_of(port: int, data: bytes) -> str:
    """The protocol these first bytes belong to; empty when they fit none."""
    if _SSH.search(data):
        return "ssh"
    starts = {
        b"RFB ": "vnc",
        b"@RSYNCD:": "rsync",
        b"+OK": "pop3",
        b"* OK": "imap",
        b"* PREAUTH": "imap",
        b"* BYE": "imap",
    }
    for start, protocol in starts.items():
        if data.startswith(start):
            return protocol
    if re.match(rb"\xff[\xfb-\xfe]", data):
        return "telnet"
    # Packet header (length, sequence 0), then protocol version 10 or 9, or an error packet that turns us away.
    if (
        len(data) > 5
        and data[3] == 0
        and data[4] in (9, 10, 0xFF)
        and data[0] >= 5
        and data[2] == 0
    ):
        return "mysql"
    if re.match(rb"(?:220|421|530)[ -]", data):
        words = data[:400].lower()
        if b"vmware authentication" in words:
            return "vmware-auth"
        if _FTP.search(words) or port == 21:
            return "ftp"
        if b"smtp" in words or port in SMTP_PORTS:
            return "smtp"
    # Printers and old gear prompt without options.
    return "telnet" if port == 23 and data else ""


def _mysql(packet: bytes) -> bytes:
    """Server version of a Protocol::Handshake, or the words of an error packet (MySQL client/server protocol)."""
    if packet[4] == 0xFF:
        return packet[7:]
    return packet[5:].split(b"\0", 1)[0]
