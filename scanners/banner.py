"""What a service says first: SSH (RFC 4253), FTP (959), SMTP (5321), POP3 (1939), IMAP (3501), VNC (6143), MySQL, telnet (854).

Read only: not a byte is written. A service that stalls, floods or closes is read as far as the limits go, and said so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.catalogs.ports import by_number
from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies import Banner
from agent.model.run import UnitPlan
from agent.model.status import Strength
from scanners.targets import host_ref, open_ports, service_ref

LIMIT = 2048
WAIT_S = 3.0
PACKETS = 40
_TELNET = re.compile(rb"\xff(?:[\xfb-\xfe].|\xfa.*?\xff\xf0|.)", re.DOTALL)


@dataclass(frozen=True)
class BannerProbe:
    name: str = "banner"
    rev: int = 1
    needs: Needs = Needs(deadline_s=60, after=("tcp_ports",))
    emits: frozenset[str] = frozenset({"banner"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"banner": "strong"})

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        for host, ports in open_ports(ctx).items():
            wanted = [p for p in ports if speaks_first(p)]
            if wanted:
                yield UnitPlan(
                    probe=self.name,
                    unit=host,
                    subject=host_ref(ctx, host),
                    targets=(host,),
                    params={"ports": " ".join(map(str, wanted))},
                )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        packets = PACKETS * len(unit.params["ports"].split())
        return {(unit.targets[0], "tcp"): (packets, packets * 80)}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        host = unit.targets[0]
        for port in map(int, unit.params["ports"].split()):
            try:
                stream = await ctx.dial.connect(host, port, timeout_s=WAIT_S, emit=emit)
            except TimeoutError:
                emit.ask("banner", service_ref(ctx, host, port), "silent")
                continue
            except OSError:
                emit.ask("banner", service_ref(ctx, host, port), "error")
                continue
            data = b""
            try:
                while len(data) < LIMIT and not finished(data):
                    chunk = await stream.read(LIMIT - len(data), WAIT_S if not data else 0.5)
                    if not chunk:
                        break
                    data += chunk
            except (TimeoutError, ConnectionError):
                pass  # what came until then is the banner
            finally:
                await stream.close()
            if data:
                await emit(host_ref(ctx, host), parse(port, data), channel="tcp", raw=data)
            emit.ask("banner", service_ref(ctx, host, port), "answered" if data else "silent")


def speaks_first(port: int) -> bool:
    """Does the catalogue say that the server speaks first there?"""
    entry = by_number().get(port)
    return entry is not None and entry.speaks == "server"


def finished(data: bytes) -> bool:
    """One line is enough for the protocols that greet with a line."""
    return data.endswith(b"\n") and not data.startswith(b"\xff")


def parse(port: int, data: bytes) -> Banner:
    """The banner in *data* (any bytes). Text is UTF-8 where it is, else replaced; telnet options are taken out."""
    cut = data[:LIMIT]
    protocol = protocol_of(port, cut)
    if protocol == "telnet":
        cut = _TELNET.sub(b"", cut)
    if protocol == "mysql":
        cut = cut[5:].split(b"\0", 1)[0]
    text = cut.decode("utf-8", "replace")
    return Banner(port=port, protocol=protocol, text=text, truncated=len(data) >= LIMIT)


def protocol_of(port: int, data: bytes) -> str:
    """The protocol these first bytes belong to; empty when they fit none."""
    if data.startswith(b"SSH-"):
        return "ssh"
    if data.startswith(b"RFB "):
        return "vnc"
    if data.startswith(b"@RSYNCD:"):
        return "rsync"
    if data.startswith(b"+OK"):
        return "pop3"
    if data.startswith(b"* OK") or data.startswith(b"* PREAUTH"):
        return "imap"
    if re.match(rb"\xff[\xfb-\xfe]", data):
        return "telnet"
    if len(data) > 5 and data[3] == 0 and data[4] in (9, 10) and data[0] >= 5:
        return "mysql"
    if re.match(rb"220[ -]", data):
        words = data[:400].lower()
        if b"vmware" in words:
            return "vmware-auth"
        return "ftp" if b"ftp" in words or port == 21 else "smtp"
    return "telnet" if port == 23 and data else ""
