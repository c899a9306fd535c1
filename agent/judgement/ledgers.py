"""What was sent, summed by site, target, probe and transport. A reservation that was never settled counts in full: we may have sent it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from agent.care import Care
from agent.material import Material
from agent.model.judged import LedgerLine
from agent.model.ledger import LedgerEntry
from agent.model.observation import Observation


def ledger_lines(material: Material, site_of: Mapping[str, str]) -> tuple[LedgerLine, ...]:
    """*site_of*: run id -> site. Entries come in the order they were written."""
    cares = _cares(material, site_of)
    units: dict[tuple[str, str, str, str, str], list[LedgerEntry]] = defaultdict(list)
    for run, e in material.ledger:
        units[run, e.probe, e.unit, e.target, e.transport].append(e)
    sums: dict[tuple[str, str, str, str], LedgerLine] = {}
    for (run, probe, _, target, transport), entries in units.items():
        packets, size = _counted(entries)
        key = (site_of.get(run, ""), target, probe, transport)
        line = LedgerLine(
            site=key[0],
            target=target,
            probe=probe,
            transport=transport,
            packets=packets,
            bytes=size,
            reserved=sum(e.packets for e in entries if e.entry == "reserve"),
            peak_pps=max(e.peak_pps for e in entries),
            first=min(e.at for e in entries),
            last=max(e.at for e in entries),
            estimated=any(e.estimated for e in entries),
            care=_care(cares.get(key[0]), target),
        )
        sums[key] = _sum(sums[key], line) if key in sums else line
    return tuple(sums[k] for k in sorted(sums))


def _cares(material: Material, site_of: Mapping[str, str]) -> dict[str, Care]:
    """Site -> what the runs could know of who is fragile there, by the same rules as they."""
    seen: dict[str, dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    for run, o in material.observations:
        seen[site_of.get(run, "")][o.body.kind].append(o)
    out = {s.id: Care(s.care) for s in material.engagement.sites}
    for site, kinds in seen.items():
        out.setdefault(site, Care()).look(kinds.__getitem__)
    return out


def _care(care: Care | None, target: str) -> str:
    """A target need not be an address: a group, a network, a name."""
    try:
        return care.why(target) if care is not None else ""
    except ValueError:
        return ""


def _counted(entries: list[LedgerEntry]) -> tuple[int, int]:
    """Packets and bytes: each settlement replaces the reservation before it; the others stand."""
    pending: list[tuple[int, int]] = []
    packets = size = 0
    for e in entries:
        if e.entry == "reserve":
            pending.append((e.packets, e.bytes))
            continue
        if pending:
            pending.pop()
        packets, size = packets + e.packets, size + e.bytes
    return packets + sum(p for p, _ in pending), size + sum(b for _, b in pending)


def _sum(a: LedgerLine, b: LedgerLine) -> LedgerLine:
    return a.model_copy(
        update={
            "packets": a.packets + b.packets,
            "bytes": a.bytes + b.bytes,
            "reserved": a.reserved + b.reserved,
            "peak_pps": max(a.peak_pps, b.peak_pps),
            "first": min(a.first, b.first),
            "last": max(a.last, b.last),
            "estimated": a.estimated or b.estimated,
        }
    )
