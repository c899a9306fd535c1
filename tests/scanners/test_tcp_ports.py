"""The port scan on real sockets: what is open, closed and silent, whom it asks, and that it stays within what it reserved."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass

import pytest

from agent.catalogs.port_sets import port_set
from agent.context import RunContext
from agent.contract import (
    Context,
    Emit,
    Knock,
    RawError,
    SweepJob,
    Swept,
    SweptOver,
    SweptPort,
    SweptSent,
)
from agent.model.bodies import ArpEntry, Body, HostAnswer, TcpPort
from agent.model.run import UnitPlan
from agent.model.scope import OT_PORTS, ScopeRule
from agent.run import Engine
from scanners import tcp_ports
from scanners.tcp_ports import TcpPorts, again, arp_frames, outcome
from tests.agent.net.peers import HOST, NET, OFFSET, Books, context, listening, run_unit, says
from tests.scanners.link_child import Memory

ONE = ScopeRule(allowed=(HOST,), actions=("sweep",))


def unit(**params: str) -> UnitPlan:
    return UnitPlan(probe="tcp_ports", unit=HOST, targets=(HOST,), params=params)


def test_open_ports_are_found_in_a_crowd_of_closed_ones() -> None:
    async def main() -> Books:
        async with (
            listening(says(b"SSH-2.0-x\r\n"), port=22 + OFFSET),
            listening(says(b""), port=9100 + OFFSET),
            listening(says(b""), port=502 + OFFSET),
        ):
            return await run_unit(TcpPorts(), context(scope=ONE))

    books = asyncio.run(main())
    assert sorted(b.port for _, b in books.bodies if isinstance(b, TcpPort)) == [22, 9100]
    assert [(k, a) for k, _, a in books.asks] == [("tcp.ports", "answered")]
    # Refused ports are not asked twice; a machine that is busy elsewhere may make a few answers late.
    assert books.packets[HOST, "tcp"] < 1.5 * len(port_set())


def test_closed_only_is_a_weak_no_and_on_a_real_network_shows_that_somebody_is_there() -> None:
    lab = asyncio.run(run_unit(TcpPorts(), context(scope=ONE)))
    real = asyncio.run(run_unit(TcpPorts(), _without_lab_mode()))
    assert [a for _, _, a in lab.asks] == [a for _, _, a in real.asks] == ["negative"]
    assert lab.bodies == []
    assert [b for _, b in real.bodies] == [HostAnswer(method="tcp-reset")]


def _without_lab_mode() -> RunContext:
    return context(scope=ONE, mode="unprivileged")


class Answers:
    """A dialer that answers by a table; what it was asked is kept."""

    def __init__(self, table: dict[int, Knock | OSError], other: Knock) -> None:
        self.table = table
        self.other: Knock = other
        self.asked: list[int] = []

    async def knock(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> Knock:
        self.asked.append(port)
        told = self.table.get(port)
        if isinstance(told, OSError):
            raise told
        return told or self.other


def run_with(table: dict[int, Knock | OSError], other: Knock, live: str) -> tuple[Books, list[int]]:
    dial = Answers(table, other)
    ctx = context(scope=ONE)
    object.__setattr__(ctx, "dial", dial)
    books = Books()
    asyncio.run(TcpPorts().run(unit(live=live), ctx, books))
    return books, dial.asked


def test_silence_is_asked_again_and_stays_silence() -> None:
    books, asked = run_with({}, "silent", "yes")
    assert sorted(asked) == sorted(port_set() * 2)
    assert [a for _, _, a in books.asks] == ["silent"]
    assert books.bodies == []


class Lossy(Answers):
    """A port of *lost* is silent for so many tries before it says what it is."""

    def __init__(self, lost: dict[int, int], other: Knock) -> None:
        super().__init__(dict.fromkeys(lost, "open"), other)
        self.lost = lost

    async def knock(self, host: str, port: int, *, timeout_s: float, emit: Emit) -> Knock:
        told = await super().knock(host, port, timeout_s=timeout_s, emit=emit)
        return "silent" if self.asked.count(port) <= self.lost.get(port, 0) else told


def run_lossy(lost: dict[int, int], other: Knock) -> tuple[set[int], list[int]]:
    dial = Lossy(lost, other)
    ctx = context(scope=ONE)
    object.__setattr__(ctx, "dial", dial)
    books = Books()
    asyncio.run(TcpPorts().run(unit(live="yes"), ctx, books))
    return {b.port for _, b in books.bodies if isinstance(b, TcpPort)}, dial.asked


def test_where_packets_get_lost_silence_is_asked_up_to_four_times() -> None:
    # Few are silent of many that speak: rather lost than filtered.
    found, asked = run_lossy({22: 3, 80: 4}, "closed")
    assert found == {22}
    assert (asked.count(22), asked.count(80), asked.count(443)) == (4, 4, 1)
    # Most are silent, and one spoke late: packets do get lost here.
    found, asked = run_lossy({22: 1, 80: 2, 443: 0}, "silent")
    assert found == {22, 80, 443}
    assert asked.count(21) == 4


def test_a_filter_without_loss_is_asked_twice() -> None:
    found, asked = run_lossy({22: 0, 80: 0}, "silent")
    assert found == {22, 80}
    assert asked.count(21) == 2


def test_where_nobody_is_known_to_be_the_second_round_is_short() -> None:
    _, asked = run_with({}, "silent", "unknown")
    twice = {p for p in asked if asked.count(p) == 2}
    assert {22, 80, 443, 445} <= twice
    assert len(twice) < 20
    # One answer of any kind, and it is somebody.
    _, asked = run_with({443: "closed"}, "silent", "unknown")
    assert asked.count(21) == 2
    assert asked.count(443) == 1


def test_a_port_that_could_not_be_asked_about_spoils_the_answer() -> None:
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    books, asked = run_with({80: error, 22: "open"}, "closed", "yes")
    assert asked.count(80) == 2
    assert [a for _, _, a in books.asks] == ["error"]
    assert [b for _, b in books.bodies] == [TcpPort(port=22)]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"open", "closed", "silent"}, "answered"),
        ({"closed", "silent"}, "negative"),
        ({"silent"}, "silent"),
        ({"unreachable"}, "silent"),
        ({"open", "failed"}, "error"),
    ],
)
def test_one_answer_a_host(said: set[Knock], told: str) -> None:
    assert outcome(said) == told  # type: ignore[arg-type]


def _industrial(
    params: dict[str, str], table: dict[int, Knock | OSError]
) -> tuple[Books, list[int]]:
    dial = Answers(table, "silent")
    ctx = context(scope=ONE)
    object.__setattr__(ctx, "dial", dial)
    books = Books()
    asyncio.run(TcpPorts().run(unit(**params), ctx, books))
    return books, dial.asked


def test_industrial_ports_are_a_question_of_their_own_where_all_of_them_were_asked() -> None:
    books, asked = _industrial({"live": "yes", "ot": "yes"}, {502: "open"})
    assert {102, 502, 20000, 44818} <= set(asked)
    assert {kind: a for kind, _, a in books.asks} == {
        "tcp.ports": "answered",
        "ot.ports": "answered",
    }
    for params in ({"live": "yes"}, {"live": "yes", "ot": "yes", "ports": "22,502"}):
        books, _ = _industrial(params, {502: "open"})
        assert [kind for kind, _, _ in books.asks] == ["tcp.ports"]


def test_a_controller_behind_a_router_is_found_by_its_industrial_port_alone() -> None:
    books, asked = _industrial({"live": "unknown", "ot": "yes"}, {102: "open"})
    assert TcpPort(port=102) in [b for _, b in books.bodies]
    # Somebody is there: the rest is asked too.
    assert set(asked) == set(port_set(ot=True))


def test_industrial_ports_are_never_in_the_set() -> None:
    assert not OT_PORTS & set(port_set())
    assert 60 <= len(port_set()) <= 110


def planned(seen: list[tuple[str, Body]], link: tuple[str, ...]) -> dict[str, UnitPlan]:
    scope = ScopeRule(allowed=(f"{NET}.0/29", "192.0.2.0/30"), never=(f"{NET}.3",))
    return {u.unit: u for u in TcpPorts().plan(context(seen, scope=scope, on_link=link))}


def test_who_answers_no_arp_on_the_link_is_not_asked() -> None:
    mac = ArpEntry(mac="00:11:22:33:44:55")
    units = planned([(f"{NET}.2", mac)], (f"{NET}.0/24",))
    assert sorted(units) == [f"{NET}.2", "192.0.2.1", "192.0.2.2"]
    assert units[f"{NET}.2"].params == {"live": "yes", "arp": "yes", "hop": mac.mac}
    assert units["192.0.2.1"].params == {"live": "unknown"}


def test_without_any_arp_answer_everybody_is_asked_except_never() -> None:
    assert f"{NET}.3" not in planned([], (f"{NET}.0/24",))
    assert len(planned([], (f"{NET}.0/24",))) == 5 + 2
    assert len(planned([(f"{NET}.2", ArpEntry(mac="00:11:22:33:44:55"))], ())) == 5 + 2


def test_arp_is_counted_for_neighbours_only() -> None:
    assert arp_frames(unit(live="unknown")) == 0
    assert 0 < arp_frames(unit(live="yes", arp="yes")) < arp_frames(unit(live="unknown", arp="yes"))
    cost = TcpPorts().cost(unit(live="unknown"))
    assert list(cost) == [(HOST, "tcp")]


def test_a_host_with_care_is_asked_one_port_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = peak = 0

    async def knock(host: str, port: int, *, timeout_s: float, emit: Emit) -> Knock:
        nonlocal now, peak
        now += 1
        peak = max(peak, now)
        await asyncio.sleep(0)
        now -= 1
        return "closed"

    for slow, most in ((True, 1), (False, tcp_ports.PARALLEL)):
        ctx, peak = context(scope=ONE, slow=slow), 0
        dial = Answers({}, "closed")
        monkeypatch.setattr(dial, "knock", knock)
        object.__setattr__(ctx, "dial", dial)
        asyncio.run(TcpPorts().run(unit(live="yes"), ctx, Books()))
        assert peak == most


def test_again_keeps_to_what_was_silent() -> None:
    answers: dict[int, Knock] = dict.fromkeys(port_set(), "closed")
    answers[80] = "silent"
    assert again(dict(answers), unit(live="yes")) == [80]


def test_a_listener_with_a_full_queue_is_silent_not_closed() -> None:
    full = socket.socket()
    full.bind((HOST, 22 + OFFSET))
    full.listen(0)
    filler = socket.create_connection(full.getsockname(), 1)
    try:
        books = asyncio.run(run_unit(TcpPorts(), context(scope=ONE)))
    finally:
        filler.close()
        full.close()
    assert [a for _, _, a in books.asks] == ["negative"]
    assert books.bodies == []


def test_one_mac_for_a_whole_network_is_left_alone_after_a_while() -> None:
    """A liar that answers ARP for every address: what it claims is asked about 64 times, the rest is told as not asked."""
    mac = ArpEntry(mac="00:11:22:33:44:55")
    scope = ScopeRule(allowed=(f"{NET}.0/24",))
    seen: list[tuple[str, Body]] = [(f"{NET}.{n}", mac) for n in range(1, 255)]
    ctx = context(seen, scope=scope, on_link=(f"{NET}.0/24",))
    units = list(TcpPorts().plan(ctx))
    crowd = [u for u in units if "crowd" in u.params]
    assert len(units) - len(crowd) == tcp_ports.CROWD
    assert TcpPorts().cost(crowd[0])[crowd[0].targets[0], "tcp"] == (0, 0)
    books = Books()
    asyncio.run(TcpPorts().run(crowd[0], ctx, books))
    assert books.caps == ["addresses-of-one-mac"]
    assert [a for _, _, a in books.asks] == ["error"]
    assert not any(books.packets.values())


def test_fragile_vendors_are_planned_with_care_and_the_plan_says_so() -> None:
    units = planned([(f"{NET}.2", ArpEntry(mac="00:90:e8:00:00:01"))], (f"{NET}.0/24",))
    assert units[f"{NET}.2"].params["care"] == "serial-servers"


def test_ports_are_those_the_run_chose() -> None:
    assert tcp_ports.ports_of_set(unit()) == port_set()
    assert tcp_ports.ports_of_set(unit(ports="22,8000-8002")) == (22, 8000, 8001, 8002)
    assert {502, 102} <= set(tcp_ports.ports_of_set(unit(ot="yes")))


class Broken:
    """A raw helper that sends a little, finds one port and dies."""

    async def arp(
        self, interface: str, source_ip: str, targets: tuple[str, ...], rate: int
    ) -> Mapping[str, tuple[str, ...]]:
        raise NotImplementedError

    async def icmp(
        self, interface: str, source_ip: str, targets: Mapping[str, str], rate: int
    ) -> Mapping[str, tuple[int, int]]:
        raise NotImplementedError

    async def sweep(self, job: SweepJob, heard: Callable[[Swept], Awaitable[None]]) -> None:
        (host,) = job.targets
        await heard(SweptSent(host, 0, 1, 0, 7))
        await heard(SweptPort(host, 22))
        raise RawError("the raw helper ended")


def test_what_a_dying_helper_could_not_tell_counts_in_full() -> None:
    ctx = context(scope=ONE, mode="raw", raw=Broken())
    books, one = Books(), unit(live="yes", arp="yes", hop="00:11:22:33:44:55")
    with pytest.raises(RawError):
        asyncio.run(TcpPorts().run(one, ctx, books))
    assert books.packets == {key: packets for key, (packets, _) in TcpPorts().cost(one).items()}
    assert [b for _, b in books.bodies] == [TcpPort(port=22)]
    assert [a for _, _, a in books.asks] == ["error"]


class Stopped(Broken):
    """A raw helper that tells what it sent last only when it is told to stop; `knows`: and then that this was all."""

    def __init__(self, knows: bool) -> None:
        self.knows = knows
        self.begun = asyncio.Event()

    async def sweep(self, job: SweepJob, heard: Callable[[Swept], Awaitable[None]]) -> None:
        (host,) = job.targets
        await heard(SweptSent(host, 0, 0, 0, 7))
        self.begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            await heard(SweptSent(host, 0, 1, 0, 5))
            if self.knows:
                await heard(SweptOver())


@pytest.mark.parametrize("knows", [True, False])
def test_what_left_while_the_unit_was_stopped_is_in_the_ledger(knows: bool) -> None:
    raw, store = Stopped(knows), Memory()
    one = unit(live="yes", arp="yes", hop="00:11:22:33:44:55")

    @dataclass(frozen=True)
    class One(TcpPorts):
        def plan(self, ctx: Context) -> Iterable[UnitPlan]:
            return [one]

    async def main() -> None:
        engine = Engine([One()], context(scope=ONE, mode="raw", raw=raw), store, b"key")
        running = asyncio.create_task(engine.run())
        await raw.begun.wait()
        engine.stop("stopped by SIGINT")
        await running

    asyncio.run(main())
    left = {e.transport: e.packets for e in store.ledger if e.entry == "settle"}
    reserved = {key[1]: packets for key, (packets, _) in TcpPorts().cost(one).items()}
    assert (left["tcp"], left["udp"]) == ((12, 1) if knows else (reserved["tcp"], 1))
