"""What the raw engine tells it sent, booked as it is told. For the probes that sweep by it.

Until the engine has said that it told everything, what was reserved for a target counts in full: a unit that is stopped, or whose
helper dies, is never below the wire in the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable

from agent.contract import Emit, SweptOver, SweptSent, Tally, Transport, UnitEnded

Key = tuple[str, Transport]


class Unplanned(RuntimeError):
    """The engine sent what no unit reserved: the ledger would be below the wire, so the unit fails and says so."""


class Booking:
    """*sizes*: (target, transport) -> bytes of one packet; all of them reserved by the unit. *elsewhere*: transports that another unit
    counts."""

    def __init__(
        self,
        emit: Emit,
        sizes: Iterable[tuple[Key, int]],
        elsewhere: frozenset[Transport] = frozenset(),
    ) -> None:
        self._emit, self._sizes, self._elsewhere = emit, dict(sizes), elsewhere
        self._open: dict[Key, Tally] = {key: emit.tally(*key) for key in self._sizes}
        self._late: dict[Key, int] = {}

    def take(self, news: SweptSent | SweptOver) -> None:
        """Book *news*; also after the unit's end. Raises `OutOfScope` above the reservation, `Unplanned` where there is none."""
        if isinstance(news, SweptOver):
            self.close()
            return
        told: tuple[tuple[Transport, int], ...] = (
            ("arp", news.arp),
            ("udp", news.udp),
            ("icmp", news.icmp),
            ("tcp", news.tcp),
        )
        for transport, packets in told:
            if not packets or transport in self._elsewhere:
                continue
            if (news.host, transport) not in self._sizes:
                raise Unplanned(f"{packets} packets ({transport}) to {news.host} were not reserved")
            self._book((news.host, transport), packets)

    def close(self) -> None:
        """Everything has been told: the numbers are final."""
        for tally in self._open.values():
            tally.close()
        self._open.clear()

    def _book(self, key: Key, packets: int) -> None:
        size = self._sizes[key]
        try:
            self._emit.sent(*key, packets, packets * size)
        except UnitEnded:
            # It left while the unit was being stopped.
            late = self._late[key] = self._late.get(key, 0) + packets
            if key in self._open:
                self._open[key].left(late, late * size)
