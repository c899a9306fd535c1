"""Sums of the ledger that are never below the wire: what was reserved and not settled counts in full."""

from __future__ import annotations

from collections.abc import Iterable

from agent.model.ledger import LedgerEntry

Key = tuple[str, str, str, str]


def key_of(entry: LedgerEntry) -> Key:
    """What a settlement is matched by: probe, unit, target, transport."""
    return entry.probe, entry.unit, entry.target, entry.transport


def ledger_totals(entries: Iterable[LedgerEntry]) -> dict[tuple[str, str], tuple[int, int]]:
    """(target, transport) -> (packets, bytes) of *entries* of one run, in the order of its log.

    A settlement takes the place of everything reserved under its key so far; a resumed run first settles in full what the killed
    session left open (`unsettled`), so that no later settlement can take that away.
    """
    settled: dict[Key, tuple[int, int]] = {}
    open_: dict[Key, tuple[int, int]] = {}
    for e in entries:
        key = key_of(e)
        if e.entry == "reserve":
            packets, size = open_.get(key, (0, 0))
            open_[key] = packets + e.packets, size + e.bytes
        else:
            packets, size = settled.get(key, (0, 0))
            settled[key] = packets + e.packets, size + e.bytes
            open_.pop(key, None)
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for part in (settled, open_):
        for (_, _, target, transport), (packets, size) in part.items():
            had = totals.get((target, transport), (0, 0))
            totals[target, transport] = had[0] + packets, had[1] + size
    return totals


def unsettled(entries: Iterable[LedgerEntry], at: int) -> list[LedgerEntry]:
    """Settlements in full, dated *at* (microseconds UTC), of every reservation in *entries* that has none."""
    open_: dict[Key, list[LedgerEntry]] = {}
    for e in entries:
        if e.entry == "reserve":
            open_.setdefault(key_of(e), []).append(e)
        else:
            open_.pop(key_of(e), None)
    return [
        held[0].model_copy(
            update={
                "entry": "settle",
                "packets": sum(e.packets for e in held),
                "bytes": sum(e.bytes for e in held),
                "peak_pps": max(e.peak_pps for e in held),
                "at": at,
            }
        )
        for held in open_.values()
    ]
