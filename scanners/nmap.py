"""`--with-nmap`: nmap's own service and system detection (nmap.org/book/vscan.html, osdetect.html) on the hosts the technician named.

Only ports this run found open, never those that print or control, never a host where care was asked for. What nmap says stays its word.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.contract import Context, Emit, Needs, Transport
from agent.model.bodies_told import OsTold, ServiceTold
from agent.model.run import UnitPlan
from agent.model.scope import OT_PORTS, RAW_PRINT_PORTS
from agent.model.status import Strength
from scanners.targets import host_ref, open_ports, service_ref

SHARD = 8
"""Ports of one host a unit: what is lost when nmap is killed."""
HOST_S = 120
"""nmap's time for one shard; a silent service takes it about half a minute with --version-light."""
PER_PORT = (160, 96 * 1024)
SYSTEM = (320, 64 * 1024)
"""(packets, bytes) set aside in the ledger: an estimate, as nmap does not tell what it sent. Measured: 22 packets to a silent port."""
TABLE_CONF = 3
"""nmap's confidence for a name it only took from the port's number (nmap.dtd: method="table")."""


@dataclass(frozen=True)
class Nmap:
    """One unit a shard of open ports; the first shard of a host named by itself also asks for its system, as root."""

    name: str = "nmap"
    rev: int = 1
    needs: Needs = Needs(
        program="nmap", deadline_s=HOST_S * 4.0, after=("tcp_ports",), estimated=True
    )
    emits: frozenset[str] = frozenset({"service.told", "os.told"})
    asks: Mapping[str, Strength] = field(
        default_factory=lambda: {"nmap.service": "weak", "nmap.os": "weak"}
    )

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        if ctx.nmap is None:
            return
        for host, found in open_ports(ctx).items():
            if ctx.slow(host):
                continue
            wanted = ctx.nmap.wish.ports(host, found)
            ports = [p for p in wanted if p not in RAW_PRINT_PORTS and p not in OT_PORTS]
            system = ctx.nmap.wish.system(host) and ctx.vantage.mode == "raw"
            for number, start in enumerate(range(0, len(ports), SHARD)):
                shard = ports[start : start + SHARD]
                yield UnitPlan(
                    probe=self.name,
                    unit=f"{host} {shard[0]}-{shard[-1]}",
                    subject=host_ref(ctx, host),
                    targets=(host,),
                    params={
                        "ports": " ".join(map(str, shard)),
                        "system": "1" if system and number == 0 else "",
                    },
                )

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        count = len(unit.params["ports"].split())
        extra = SYSTEM if unit.params["system"] else (0, 0)
        packets, size = PER_PORT[0] * count + extra[0], PER_PORT[1] * count + extra[1]
        return {(unit.targets[0], "other"): (packets, size)}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        assert ctx.nmap is not None
        host = unit.targets[0]
        ports = tuple(int(p) for p in unit.params["ports"].split())
        # nmap tells nobody how many packets it sent: the whole reservation is booked before it starts, as an estimate.
        ((target, transport), (packets, size)), *_ = self.cost(unit).items()
        emit.sent(target, transport, packets, size)
        system = bool(unit.params["system"]) and hasattr(os, "geteuid") and os.geteuid() == 0
        answer = await ctx.nmap.look(host, ports, system=system, timeout_s=HOST_S)
        tool = f"nmap {answer.version}".strip()
        named: set[int] = set()
        for row in answer.ports:
            told = service_told(row, tool)
            if told is not None and told.port in ports:
                named.add(told.port)
                await emit(service_ref(ctx, host, told.port), told, channel="nmap")
        for port in ports:
            emit.ask(
                "nmap.service",
                service_ref(ctx, host, port),
                "answered" if port in named else "silent",
            )
        if system:
            told_os = [o for o in (os_told(row, tool) for row in answer.systems) if o is not None]
            for each in told_os:
                await emit(host_ref(ctx, host), each, channel="nmap")
            emit.ask("nmap.os", host_ref(ctx, host), "answered" if told_os else "silent")


def service_told(row: Mapping[str, object], tool: str) -> ServiceTold | None:
    """What nmap learned by talking to the port; None for a name out of its port table, or a row that is none."""
    conf = number(row.get("conf"), 10)
    port = number(row.get("port"), 65535)
    name = str(row.get("service", ""))
    if row.get("state") != "open" or conf <= TABLE_CONF or port == 0:
        return None
    if not name or name == "unknown":
        return None
    return ServiceTold(
        port=port,
        tool=tool,
        name=name[:100],
        product=str(row.get("product", ""))[:200],
        version=str(row.get("version", ""))[:200],
        extra=str(row.get("extra", ""))[:200],
        cpe=(str(row["cpe"])[:200],) if row.get("cpe") else (),
        conf=conf * 100,
    )


def os_told(row: Mapping[str, object], tool: str) -> OsTold | None:
    """One match of nmap's for the system; None without a name."""
    if not row.get("name"):
        return None
    return OsTold(
        tool=tool,
        name=str(row["name"])[:200],
        accuracy=number(row.get("accuracy"), 100) * 10,
        device_type=str(row.get("type", ""))[:100],
        vendor=str(row.get("vendor", ""))[:100],
        cpe=(str(row["cpe"])[:200],) if row.get("cpe") else (),
    )


def number(value: object, most: int) -> int:
    """A whole number from 0 to *most* in *value*; 0 where there is none."""
    text = str(value)
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 7 else 0
