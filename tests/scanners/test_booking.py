"""What the raw engine sent is booked to the packet, after the unit's end too, and never passed over."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agent.contract import SweptOver, SweptSent, Transport, UnitEnded
from scanners.booking import Booking, Unplanned

HOST = "192.0.2.7"


@dataclass
class Tally:
    packets: int = 0
    octets: int = 0
    closed: bool = False

    def left(self, packets: int, octets: int) -> None:
        self.packets, self.octets = packets, octets

    def close(self) -> None:
        self.closed = True


@dataclass
class Books:
    """The part of `Emit` that books, and its end."""

    sent_: list[tuple[str, Transport, int, int]] = field(default_factory=list)
    tallies: dict[tuple[str, Transport], Tally] = field(default_factory=dict)
    ended: bool = False

    def tally(self, host: str, transport: Transport) -> Tally:
        return self.tallies.setdefault((host, transport), Tally())

    def sent(self, host: str, transport: Transport, packets: int, octets: int) -> None:
        if self.ended:
            raise UnitEnded("over")
        self.sent_.append((host, transport, packets, octets))


def booking(books: Books, *elsewhere: Transport) -> Booking:
    sizes = {(HOST, "tcp"): 60, (HOST, "udp"): 70}
    return Booking(books, sizes.items(), frozenset(elsewhere))  # type: ignore[arg-type]


def news(**sent: int) -> SweptSent:
    return SweptSent(HOST, **{"arp": 0, "udp": 0, "icmp": 0, "tcp": 0, **sent})


def test_each_transport_is_booked_at_its_own_size() -> None:
    books = Books()
    booking(books).take(news(tcp=3, udp=1))
    assert books.sent_ == [(HOST, "udp", 1, 70), (HOST, "tcp", 3, 180)]


def test_what_was_not_reserved_fails_the_unit() -> None:
    with pytest.raises(Unplanned, match=r"2 packets \(icmp\) to 192\.0\.2\.7"):
        booking(Books()).take(news(icmp=2))
    with pytest.raises(Unplanned, match="arp"):
        booking(Books()).take(news(arp=1))
    with pytest.raises(Unplanned, match=r"192\.0\.2\.8"):
        booking(Books()).take(SweptSent("192.0.2.8", 0, 0, 0, 1))


def test_what_another_unit_counts_is_left_to_it() -> None:
    books = Books()
    booking(books, "arp").take(news(arp=5, tcp=1))
    assert books.sent_ == [(HOST, "tcp", 1, 60)]


def test_what_leaves_while_a_unit_is_stopped_adds_up_in_its_tally() -> None:
    books = Books(ended=True)
    late = booking(books)
    late.take(news(tcp=2))
    late.take(news(tcp=1))
    assert (books.tallies[HOST, "tcp"].packets, books.tallies[HOST, "tcp"].octets) == (3, 180)
    late.take(SweptOver())
    assert all(t.closed for t in books.tallies.values())
