"""The one door to UDP, against real sockets on loopback: scope, print ports, who may answer, late answers, refusals, the ledger."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from agent.contract import Datagram, OutOfScope, UdpAnswers
from agent.model.run import Vantage
from agent.model.scope import ScopeRule
from agent.net.udp import LiveDatagrams
from tests.agent.net.peers import HOST, NET, NEVER, OFFSET, SCOPE, Books, fast_pacer

OTHER = f"{NET}.2"
WHERE = Vantage(site="siege", host="x", mode="lab-loopback")
PORT = 15353


def door(where: Vantage = WHERE, scope: ScopeRule = SCOPE, **more: Any) -> LiveDatagrams:
    return LiveDatagrams(scope, fast_pacer(), where, port_offset=OFFSET, **more)


def bound(host: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind((host, port))
    return sock


class Peer(asyncio.DatagramProtocol):
    """Answers with what *say* makes of a request, by whichever sockets it likes."""

    def __init__(self, say: Callable[[Peer, bytes, tuple[str, int]], None]) -> None:
        self.say = say
        self.heard: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # The loop's own transport is of no such class (CPython 3.11).
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard.append(data)
        self.say(self, data, addr)


def echo(peer: Peer, data: bytes, addr: tuple[str, int]) -> None:
    peer.transport.sendto(b"re:" + data, addr)


def run(
    act: Callable[[LiveDatagrams, Peer, Books], Coroutine[Any, Any, Any]],
    say: Callable[[Peer, bytes, tuple[str, int]], None] = echo,
    d: LiveDatagrams | None = None,
) -> tuple[Any, Books, Peer]:
    books = Books()

    async def main() -> tuple[Any, Peer]:
        loop = asyncio.get_running_loop()
        transport, peer = await loop.create_datagram_endpoint(
            lambda: Peer(say), local_addr=(HOST, PORT + OFFSET)
        )
        live = d or door()
        try:
            return await act(live, peer, books), peer
        finally:
            await live.close()
            transport.close()

    result, peer = asyncio.run(main())
    return result, books, peer


async def _ask(d: LiveDatagrams, _peer: Peer, books: Books, **more: Any) -> UdpAnswers:
    options: dict[str, Any] = {"timeout_s": 0.3, **more}
    return await d.ask(HOST, PORT, b"q", lambda data: data == b"re:q", emit=books, **options)


def test_an_answer() -> None:
    answers, books, _ = run(_ask)
    assert answers.heard == (Datagram(HOST, PORT, b"re:q"),)
    assert answers.outcome == "answered"
    assert books.packets == {(HOST, "udp"): 1}


def test_each_try_waits_for_its_own_answer() -> None:
    """The second question is answered a little later: no third one leaves meanwhile."""

    def slow(peer: Peer, data: bytes, addr: tuple[str, int]) -> None:
        if len(peer.heard) == 2:
            asyncio.get_running_loop().call_later(0.1, echo, peer, data, addr)

    async def act(d: LiveDatagrams, peer: Peer, books: Books) -> UdpAnswers:
        return await _ask(d, peer, books, tries=5, timeout_s=1.0)

    answers, books, peer = run(act, slow)
    assert answers.outcome == "answered" and len(peer.heard) == 2
    assert books.packets == {(HOST, "udp"): 2}


@pytest.mark.parametrize(
    "host", [NEVER, "127.90.0.1", "localhost", "10.0.0.1", "::2"], ids=range(5)
)
def test_outside_the_scope_nothing_leaves(host: str) -> None:
    async def act(d: LiveDatagrams, _: Peer, books: Books) -> None:
        with pytest.raises(OutOfScope):
            await d.ask(host, PORT, b"q", bool, emit=books)

    _, books, _ = run(act)
    assert not books.packets


@pytest.mark.parametrize("port", [515, 6101, 9100, 9107, 9200, 502, 47808])
def test_no_datagram_to_what_prints_or_controls(port: int) -> None:
    async def act(d: LiveDatagrams, _: Peer, books: Books) -> None:
        with pytest.raises(OutOfScope):
            await d.ask(HOST, port, b"q", bool, emit=books)

    _, books, _ = run(act)
    assert not books.packets


def test_industrial_ports_where_the_engagement_opts_in() -> None:
    async def act(d: LiveDatagrams, _: Peer, books: Books) -> UdpAnswers:
        return await d.ask(HOST, 47808 - OFFSET, b"q", bool, emit=books, timeout_s=0.05, tries=1)

    # 47808 - 20000 is an ordinary port: what counts is the port that is named.
    answers, _, _ = run(act, d=door(ot=lambda host: host == HOST))
    assert not answers.heard

    async def opted(d: LiveDatagrams, _: Peer, books: Books) -> None:
        with pytest.raises(OutOfScope):
            await d.ask(OTHER, 47808, b"q", bool, emit=books)

    run(opted, d=door(ot=lambda host: host == HOST))


def test_an_answer_from_another_address_is_not_taken() -> None:
    def spoof(peer: Peer, data: bytes, addr: tuple[str, int]) -> None:
        with bound(OTHER, PORT + OFFSET) as other:
            other.sendto(b"re:" + data, addr)

    answers, books, peer = run(_ask, spoof)
    assert answers.heard == ()
    assert answers.outcome == "silent"
    # Silence is asked twice.
    assert len(peer.heard) == books.packets[HOST, "udp"] == 2


@pytest.mark.parametrize("any_port", [True, False])
def test_an_answer_from_another_port(any_port: bool) -> None:
    def elsewhere(peer: Peer, data: bytes, addr: tuple[str, int]) -> None:
        with bound(HOST, 0) as other:
            other.sendto(b"re:" + data, addr)

    async def act(d: LiveDatagrams, peer: Peer, books: Books) -> UdpAnswers:
        return await _ask(d, peer, books, any_port=any_port)

    answers, _, _ = run(act, elsewhere)
    assert answers.outcome == ("answered" if any_port else "silent")


def test_an_answer_to_another_question_is_not_taken() -> None:
    def wrong(peer: Peer, data: bytes, addr: tuple[str, int]) -> None:
        peer.transport.sendto(b"re:other", addr)

    assert run(_ask, wrong)[0].outcome == "silent"


def test_a_closed_port_is_told_by_the_host_itself() -> None:
    async def act(d: LiveDatagrams, _: Peer, books: Books) -> UdpAnswers:
        return await d.ask(OTHER, PORT, b"q", bool, emit=books, timeout_s=2)

    answers, books, _ = run(act)
    assert (answers.heard, answers.closed, answers.outcome) == ((), True, "negative")
    assert books.packets == {(OTHER, "udp"): 1}


def test_a_refusal_of_one_costs_no_other_its_answer() -> None:
    async def act(d: LiveDatagrams, peer: Peer, books: Books) -> list[str]:
        async def closed(port: int) -> str:
            got = await d.ask(OTHER, port, b"q", bool, emit=books, timeout_s=1, tries=1)
            return got.outcome

        async def open_(_: int) -> str:
            return (await _ask(d, peer, books, tries=1, timeout_s=1)).outcome

        return list(
            await asyncio.gather(*(f(p) for p in range(16000, 16020) for f in (closed, open_)))
        )

    outcomes, _, _ = run(act)
    assert outcomes[1::2] == ["answered"] * 20
    # The kernel limits how often it refuses (icmp_ratelimit): then it is silence, never "closed" for another.
    assert set(outcomes[0::2]) <= {"negative", "silent"}


def test_many_answers_are_bounded_and_said_so() -> None:
    def flood(peer: Peer, data: bytes, addr: tuple[str, int]) -> None:
        for _ in range(50):
            peer.transport.sendto(b"re:" + data, addr)

    async def act(d: LiveDatagrams, peer: Peer, books: Books) -> UdpAnswers:
        return await _ask(d, peer, books, limit=8, more_s=0.3)

    answers, books, _ = run(act, flood)
    assert len(answers.heard) == 8
    one, books_one, _ = run(_ask, flood)
    assert len(one.heard) == 1
    assert books_one.caps == []
    assert books.caps in ([], ["datagrams"])


def test_a_late_answer_meets_no_closed_port() -> None:
    """The kernel would answer it with an ICMP message that nobody counted: the peer would see a refusal."""
    refused: list[OSError] = []

    async def main() -> None:
        with bound(HOST, PORT + OFFSET) as sock:
            d = door()
            books = Books()
            asked = asyncio.create_task(
                d.ask(HOST, PORT, b"q", bool, emit=books, timeout_s=0.05, tries=1)
            )
            loop = asyncio.get_running_loop()
            _, addr = await loop.sock_recvfrom(sock, 100)
            assert (await asked).outcome == "silent"
            sock.connect(addr)
            for _ in range(2):
                try:
                    sock.send(b"late")
                    await asyncio.sleep(0.05)
                except ConnectionRefusedError as error:
                    refused.append(error)
            await d.close()

    asyncio.run(main())
    assert not refused


@pytest.mark.parametrize(
    ("allowed", "on_link", "why"),
    [
        (("192.0.2.0/24",), ("192.0.2.0/24",), ""),
        (("192.0.2.0/23",), ("192.0.2.0/24",), ""),
        (("192.0.2.0/25",), ("192.0.2.0/24",), "not all"),
        (("192.0.2.1", "192.0.2.3"), ("192.0.2.0/24",), "not all"),
        (("192.0.2.0/24",), (), "not all"),
    ],
)
def test_whom_a_multicast_question_may_reach(
    allowed: tuple[str, ...], on_link: tuple[str, ...], why: str
) -> None:
    where = Vantage(
        site="s", host="x", interface="e", address="192.0.2.1", on_link=on_link, mode="raw"
    )
    d = door(where, ScopeRule(allowed=allowed, actions=("sweep",)))
    assert why in d.may_shout() and bool(why) == bool(d.may_shout())
    if why:

        async def act(live: LiveDatagrams, _: Peer, books: Books) -> None:
            with pytest.raises(OutOfScope):
                await live.shout("224.0.0.251", 5353, b"q", bool, emit=books)

        assert not run(act, d=d)[1].packets


def test_a_group_is_a_group_and_the_lab_has_no_link() -> None:
    where = Vantage(site="s", host="x", address="192.0.2.1", on_link=("192.0.2.0/24",), mode="raw")
    wide = door(where, ScopeRule(allowed=("192.0.2.0/24",), actions=("sweep",)))
    for d, group, port in (
        (wide, "192.0.2.9", 5353),
        (wide, "192.0.2.255", 5353),
        (wide, "224.0.0.251", 47808),
        (wide, "224.0.0.251", 9100),
        (door(), "224.0.0.251", 5353),
    ):

        async def act(live: LiveDatagrams, _: Peer, books: Books) -> None:
            with pytest.raises(OutOfScope):
                await live.shout(group, port, b"q", bool, emit=books)  # noqa: B023

        assert not run(act, d=d)[1].packets
