"""The ledger's sums are never below what left."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.model.ledger import LedgerEntry
from agent.store.ledger import ledger_totals, unsettled
from tests.agent.store.sample import ip, ledger


def test_settled_takes_the_place_of_reserved() -> None:
    entries = [ledger(1, 10), ledger(1, 10), ledger(1, 4, settle=True), ledger(2, 5)]
    assert ledger_totals(entries) == {(ip(1), "tcp"): (4, 240), (ip(2), "tcp"): (5, 300)}


def test_killed_session_counts_in_full() -> None:
    killed = [ledger(1, 10)]
    entries = [*killed, *unsettled(killed, 7), ledger(1, 10), ledger(1, 4, settle=True)]
    assert ledger_totals(entries)[ip(1), "tcp"] == (14, 840)


Step = tuple[int, int, int, bool]


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 9), st.integers(0, 9), st.booleans()),
        max_size=12,
    )
)
def test_never_below_the_wire(steps: list[Step]) -> None:
    """Each step: a unit reserves, sends at most that, and settles what it sent; or the process is killed before it settles."""
    entries: list[LedgerEntry] = []
    wire = {ip(n): 0 for n in range(3)}
    for unit, reserved, sent, killed in steps:
        entries.append(ledger(unit, reserved))
        left = min(sent, reserved)
        wire[ip(unit)] += left
        if killed:
            entries += unsettled(entries, 1)
        else:
            entries.append(ledger(unit, left, settle=True))
    totals = ledger_totals(entries)
    for target, packets in wire.items():
        assert totals.get((target, "tcp"), (0, 0))[0] >= packets
    if not any(killed for *_, killed in steps):
        assert {t: p for (t, _), (p, _) in totals.items() if p} == {
            t: p for t, p in wire.items() if p
        }
