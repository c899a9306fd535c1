"""What is asked of one agent that lets us in, round by round: who it is, which subtrees it has, then those tables and no others.

Every table says how it ended; the caller makes the unit partial for anything but complete.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from agent.catalogs.enterprises import vendor
from agent.model.bodies_snmp import Cell, SnmpSystem, SnmpTable, TableEnd
from agent.model.status import AskOutcome
from collectors.snmp.ber import Oid
from collectors.snmp.cells import rows_of, text
from collectors.snmp.client import MOST_GET, Got, Session, get, walk
from collectors.snmp.message import ABSENT, NO_ERROR, NO_SUCH_NAME, TOO_BIG
from collectors.snmp.tables import ROWS_OF_ONE_OBSERVATION, Table, oid, tables
from collectors.snmp.walk import Question

SCALARS: dict[str, Oid] = {
    "descr": oid("1.3.6.1.2.1.1.1.0"),
    "object_id": oid("1.3.6.1.2.1.1.2.0"),
    "uptime_cs": oid("1.3.6.1.2.1.1.3.0"),
    "contact": oid("1.3.6.1.2.1.1.4.0"),
    "name": oid("1.3.6.1.2.1.1.5.0"),
    "location": oid("1.3.6.1.2.1.1.6.0"),
    "services": oid("1.3.6.1.2.1.1.7.0"),
    "bridge": oid("1.3.6.1.2.1.17.1.1.0"),
    "forwarding": oid("1.3.6.1.2.1.4.1.0"),
    "engine_id": oid("1.3.6.1.6.3.10.2.1.1.0"),
    "device": oid("1.3.6.1.2.1.25.3.2.1.3.1"),
    "serial": oid("1.3.6.1.2.1.43.5.1.1.17.1"),
}
"""One GET: RFC 3418, RFC 4188, RFC 4293, RFC 3411, RFC 2790, RFC 3805."""
MOST_LOOKED_FOR = 32
"""Tables asked after in one GETNEXT: with names of some fifteen octets, the answer just fits a datagram."""
ENTERPRISES: Oid = (1, 3, 6, 1, 4, 1)


@dataclass
class Walked:
    """One table as the agent told it. `bad`: names that were no rows."""

    table: Table
    rows: list[tuple[Cell, ...]] = field(default_factory=list[tuple[Cell, ...]])
    ends: dict[str, TableEnd] = field(default_factory=dict[str, TableEnd])
    bad: int = 0

    @property
    def outcome(self) -> AskOutcome:
        ends = set(self.ends.values())
        if "silent" in ends:
            return "silent"
        if ends & {"error", "broken", "order", "too_big"} or self.bad:
            return "error"
        if "refused" in ends:
            return "refused"
        return "answered" if self.rows else "negative"

    def bodies(self) -> Sequence[SnmpTable]:
        """The table as observations; one without rows where there are none."""
        step = ROWS_OF_ONE_OBSERVATION
        starts = range(0, len(self.rows), step) or range(1)
        names = self.table.names
        return [
            SnmpTable(
                table=self.table.name,
                columns=names,
                rows=tuple(self.rows[at : at + step]),
                part=at // step,
                last=at + step >= len(self.rows),
                ends=self.ends,
            )
            for at in starts
        ]


async def system(session: Session) -> SnmpSystem:
    """Round 0: one GET."""
    return parse_system(await get(session, tuple(SCALARS.values())))


def parse_system(got: Got) -> SnmpSystem:
    """What the answer to the first GET says; values of the wrong type are unknown."""
    told = {n: got.found[o].value for n, o in SCALARS.items() if o in got.found}
    unknown = [n for n, o in SCALARS.items() if o in got.missed]

    def words(name: str) -> str:
        value = told.get(name)
        return text(value) if isinstance(value, bytes) else ""

    def number(name: str) -> int | None:
        value = told.get(name)
        return value if isinstance(value, int) else None

    def octets(name: str) -> bytes:
        value = told.get(name)
        return value if isinstance(value, bytes) else b""

    named = told.get("object_id")
    object_id = named if isinstance(named, tuple) else ()
    enterprise = object_id[6] if len(object_id) > 6 and object_id[:6] == ENTERPRISES else None
    bridge, forwarding = octets("bridge"), number("forwarding")
    return SnmpSystem(
        descr=words("descr"),
        object_id=".".join(map(str, object_id)),
        enterprise=enterprise,
        vendor=vendor(enterprise) if enterprise is not None else "",
        uptime_cs=number("uptime_cs"),
        contact=words("contact"),
        name=words("name"),
        location=words("location"),
        services=number("services"),
        forwarding=None if forwarding is None else forwarding == 1,
        bridge=bridge.hex(":") if len(bridge) == 6 and any(bridge) else "",
        engine_id=octets("engine_id").hex(),
        device=words("device"),
        serial=words("serial"),
        unknown=tuple(unknown),
    )


async def present(session: Session, some: Sequence[Table]) -> set[str]:
    """Round 1: names of the tables whose subtree holds anything. What is in doubt counts."""
    there, doubt = await below(session, [t.name_of_under for t in some])
    return {t.name for t in some if t.name_of_under in there | doubt}


async def below(session: Session, roots: Sequence[bytes]) -> tuple[set[bytes], set[bytes]]:
    """Which subtrees hold anything, and which the agent left in doubt, by a GETNEXT for many at once. No value is kept."""
    found: set[bytes] = set()
    doubt: set[bytes] = set()
    size = MOST_LOOKED_FOR if session.version else MOST_GET
    left = [roots[at : at + size] for at in range(0, len(roots), size)]
    while left:
        asked = left.pop(0)
        answer = await session.ask(Question(tuple(asked), 0))
        if isinstance(answer, str) or answer.error_status == TOO_BIG:
            if answer not in ("cap", "closed", "refused") and len(asked) > MOST_GET:
                # Too much for a small agent, or for the way: as few as every agent takes.
                left[:0] = [asked[at : at + MOST_GET] for at in range(0, len(asked), MOST_GET)]
                continue
            doubt.update(asked)
            if isinstance(answer, str):
                return found, doubt.union(*left)
            continue
        index = answer.error_index
        if answer.error_status == NO_SUCH_NAME and 1 <= index <= len(asked):
            # SNMPv1: nothing at all behind this one.
            if rest := [*asked[: index - 1], *asked[index:]]:
                left.insert(0, rest)
            continue
        if answer.error_status != NO_ERROR or len(answer.raw) != len(asked):
            doubt.update(asked)
            continue
        for root, (name, tag, _) in zip(asked, answer.raw, strict=True):
            if name.startswith(root) and tag not in ABSENT:
                found.add(root)
    return found, doubt


async def collect(session: Session) -> AsyncIterator[Walked]:
    """Round 2: every table the agent has, in order; on Cisco the bridge tables of each VLAN."""
    known = tables()
    there = await present(session, known)
    kept: dict[str, Walked] = {}
    for table in known:
        walked = await _walked(session, table) if table.name in there else Walked(table)
        if table.name in PER_VLAN:
            kept[table.name] = walked
            if table.name == PER_VLAN[-1]:
                async for one in _of_vlans(session, kept):
                    yield one
        else:
            yield walked


async def _walked(session: Session, table: Table) -> Walked:
    columns = await walk(session, tuple(root for _, root, _ in table.columns), table.cap)
    rows, bad = rows_of(table, columns)
    ends: dict[str, TableEnd] = {
        name: column.end or "silent"
        for column, (name, _, _) in zip(columns, table.columns, strict=True)
        if column.end != "complete"
    }
    return Walked(table, rows, ends, bad)


PER_VLAN = ("bridge_ports", "fdb", "vlan_fdb", "vtp_vlans")
"""Held back until it is known whether the VLANs are asked one by one; the last one says so."""
_OPERATIONAL, _ETHERNET = 1, 1
"""vtpVlanState, vtpVlanType (CISCO-VTP-MIB)."""


async def _of_vlans(session: Session, kept: dict[str, Walked]) -> AsyncIterator[Walked]:
    """*kept*, with what the VLANs of vtpVlanTable know: the rows of all of them in `vlan_fdb`, under the number of the VLAN."""
    vlans = sorted(
        number
        for number, state, kind, _ in kept["vtp_vlans"].rows
        if isinstance(number, int) and (state, kind) == (_OPERATIONAL, _ETHERNET)
    )
    if vlans and not kept["vlan_fdb"].rows:
        ports, fdb, all_of = kept["bridge_ports"], kept["fdb"], kept["vlan_fdb"]
        of_port = {row[0]: row for row in ports.rows}
        for number in vlans:
            inside = session.of_vlan(number)
            for table, whole in ((fdb.table, all_of), (ports.table, ports)):
                one = await _walked(inside, table)
                whole.bad += one.bad
                whole.ends.update(one.ends)
                if whole is all_of:
                    room = whole.table.cap - len(whole.rows)
                    whole.rows += [(number, *row) for row in one.rows[:room]]
                    if len(one.rows) > room:
                        whole.ends["port"] = "cap"
                else:
                    of_port.update({row[0]: row for row in one.rows})
        ports.rows = list(of_port.values())
    for name in PER_VLAN:
        yield kept[name]
