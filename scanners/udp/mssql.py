"""SQL Server Browser: one byte to port 1434 asks which instances a server runs ([MC-SQLR] 2.2.2 CLNT_UCAST_EX, 2.2.5 SVR_RESP)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from agent.contract import Context, Emit, Needs
from agent.model.bodies import HostName
from agent.model.bodies_udp import MssqlInstance
from agent.model.status import Strength
from scanners.targets import host_ref
from scanners.udp.asking import NEEDS, AsksHosts, clean, open_port, udp_ref

REQUEST = b"\x03"
_RESPONSE = 0x05
MOST = 64


class NotBrowser(ValueError):
    """No answer of the browser service; carries no byte of it."""


@dataclass(frozen=True)
class Mssql(AsksHosts):
    PORT: ClassVar[int] = 1434
    SIZE: ClassVar[int] = 1
    name: str = "mssql_browser"
    rev: int = 1
    needs: Needs = NEEDS
    emits: frozenset[str] = frozenset({"udp.port", "mssql.instance", "host.name"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"mssql.instance": "weak"})

    async def one(self, host: str, ctx: Context, emit: Emit) -> None:
        answers = await ctx.udp.ask(host, self.PORT, REQUEST, is_answer, emit=emit)
        if answers.heard:
            me, raw = host_ref(ctx, host), answers.heard[0].data
            await open_port(ctx, host, self.PORT, "mssql-browser", emit, answers)
            names: dict[str, None] = {}
            for body in parse(raw):
                await emit(me, body, channel="mssql", raw=raw)
                names.setdefault(body.server)
            for name in filter(None, names):
                await emit(me, HostName(name=name, source="mssql"), channel="mssql")
        emit.ask("mssql.instance", udp_ref(ctx, host, self.PORT), answers.outcome)


def is_answer(data: bytes) -> bool:
    try:
        parse(data)
    except NotBrowser:
        return False
    return True


def parse(data: bytes) -> tuple[MssqlInstance, ...]:
    """Raises `NotBrowser`."""
    if len(data) < 4 or data[0] != _RESPONSE:
        raise NotBrowser("no response")
    size = int.from_bytes(data[1:3], "little")
    if size > len(data) - 3:
        raise NotBrowser("a response that is cut")
    text = data[3 : 3 + size].decode("cp1252", "replace")
    found = tuple(_instance(told) for told in _pairs(text))
    if not found:
        raise NotBrowser("no instance")
    return found[:MOST]


def _pairs(text: str) -> Iterator[dict[str, str]]:
    """Instances end with `;;`; names and values take turns."""
    for part in text.split(";;")[:MOST]:
        words = part.split(";")
        told = {k.lower(): v for k, v in zip(words[::2], words[1::2], strict=False)}
        if "instancename" in told:
            yield told


def _instance(told: dict[str, str]) -> MssqlInstance:
    port = told.get("tcp", "")
    clustered = told.get("isclustered", "").lower()
    return MssqlInstance(
        server=clean(told.get("servername", "")),
        instance=clean(told["instancename"]),
        version=clean(told.get("version", ""), 32),
        clustered={"yes": True, "no": False}.get(clustered),
        tcp_port=int(port)
        if re.fullmatch(r"[1-9][0-9]{0,4}", port) and int(port) < 65536
        else None,
        pipe=clean(told.get("np", "")),
    )
