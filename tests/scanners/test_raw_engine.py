"""The raw engine's schedule against a network in no time: caps by send time, retries from measured loss, liars, a full card."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.model.raw_caps import RawCaps
from scanners.raw_helper.engine import OPEN_LIMIT
from scanners.raw_helper.pace import Steady, Window
from scanners.raw_helper.policy import RTO_FLOOR_S, Loss, RoundTrip, enough_for
from tests.scanners.raw_sim import Box, Net

PORTS = (22, 80, 443, *range(1000, 1057))
LIFTED = RawCaps(host=None, total=5000, broadcast=5000)


def some(count: int, seed: int = 1) -> dict[str, Box]:
    draw = random.Random(seed)
    return {
        f"10.0.0.{n + 2}": Box(
            frozenset(draw.sample(PORTS, draw.randint(0, 6))), draw.choice(["rst", "drop"])
        )
        for n in range(count)
    }


def truth(boxes: dict[str, Box]) -> set[tuple[str, int]]:
    return {(h, p) for h, b in boxes.items() for p in b.open if p in PORTS}


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    loss=st.sampled_from([0.0, 0.01, 0.1]),
    host=st.sampled_from([4, 5, 20]),
    total=st.sampled_from([50.0, 400.0, 1000.0, 5000.0]),
    full=st.sampled_from([0.0, 0.1]),
    mute=st.booleans(),
)
def test_no_cap_is_ever_broken_and_what_is_told_is_what_left(
    seed: int, loss: float, host: int, total: float, full: float, mute: bool
) -> None:
    net = Net(some(6, seed), loss=loss, seed=seed, full=full, mute=mute)
    caps = RawCaps(host=host, total=total, broadcast=100)
    net.sweep({f"10.0.0.{n}": None for n in range(2, 12)}, PORTS, caps)
    for ip in net.wire if mute or not loss else ():
        assert net.peak(ip) <= host, ip
    if not loss:
        assert net.opened() == truth(net.boxes)
    syns = sorted(at for rows in net.wire.values() for at, kind in rows if kind == "syn")
    burst = int(total // 10) if total >= 500 else 1
    window = 0.1 if total >= 500 else 1 / total
    for begin, end in zip(syns, syns[burst:], strict=False):
        assert end - begin >= window - 2e-4
    for ip, rows in net.wire.items():
        kinds = [kind for _, kind in rows]
        arp, udp, _, tcp = net.sent[ip]
        assert tcp >= kinds.count("syn")
        if not loss:
            assert tcp == kinds.count("syn") + kinds.count("rst")
            assert (arp, udp) == (kinds.count("arp"), kinds.count("udp"))


def test_each_open_port_is_ended_by_a_reset_of_ours_before_its_host_is_done() -> None:
    boxes = {"10.0.0.2": Box(frozenset(PORTS)), "10.0.0.3": Box(frozenset({22}))}
    net = Net(boxes)
    net.sweep(dict.fromkeys(boxes), PORTS, RawCaps(host=2))
    assert sorted(net.ended) == sorted(truth(boxes))
    assert net.sent["10.0.0.2"] == [1, 0, 0, 2 * len(PORTS)]
    assert net.peak("10.0.0.2") == 2


def test_without_loss_a_silent_host_is_asked_once_but_for_the_ports_that_matter() -> None:
    boxes = {f"10.0.0.{n}": Box(frozenset({80})) for n in range(2, 12)}
    boxes["10.0.0.12"] = Box(closed="drop")
    net = Net(boxes)
    net.sweep(dict.fromkeys(boxes), PORTS, LIFTED)
    asked = sum(kind == "syn" for _, kind in net.wire["10.0.0.12"])
    assert asked == len(PORTS) + 3
    # Who refuses is not asked twice.
    assert sum(kind == "syn" for _, kind in net.wire["10.0.0.5"]) == len(PORTS)


def test_loss_is_measured_and_nothing_is_missed() -> None:
    boxes = some(60, 7)
    missed = 0
    for seed in range(10):
        net = Net(boxes, loss=0.01, seed=seed)
        engine, _ = net.sweep({f"10.0.0.{n}": None for n in range(2, 70)}, PORTS, LIFTED)
        missed += len(truth(boxes) - net.opened())
        assert not net.opened() - truth(boxes)
        rate = engine.groups.link.loss.rate
        assert rate is not None and 0.005 < rate < 0.05
    assert missed == 0


def test_loss_that_shows_late_still_helps_the_host_that_was_done_first() -> None:
    boxes = {f"10.0.0.{n}": Box(frozenset({1050})) for n in range(3, 30)}
    boxes["10.0.0.2"] = Box(frozenset({1040}), "drop")
    net = Net(boxes, swallowed={("10.0.0.2", 1040), ("10.0.0.28", 1010), ("10.0.0.29", 1010)})
    net.sweep(
        dict.fromkeys(sorted(boxes, key=lambda h: int(h[7:]))), PORTS, RawCaps(None, 5000, 20)
    )
    assert net.opened() == truth(boxes)


def test_a_sweep_is_over_as_soon_as_its_last_question_counts_as_unanswered() -> None:
    """Hosts that are done and wait for news of loss at others do not outstay these."""
    boxes = {f"10.0.0.{n}": Box(frozenset({80}), "drop" if n % 3 else "rst") for n in range(2, 40)}
    net = Net(boxes)
    _, took = net.sweep({f"10.0.0.{n}": None for n in range(2, 99)}, PORTS, RawCaps(5, 5000, 500))
    last = max(at for rows in net.wire.values() for at, _ in rows)
    assert last < took <= last + RTO_FLOOR_S + 0.01


def test_windows_of_hosts_are_forgotten_once_these_are_done_and_idle() -> None:
    net = Net(some(6))
    engine, took = net.sweep({f"10.0.0.{n}": None for n in range(2, 99)}, PORTS, RawCaps(host=5))
    assert len(engine._windows) == 97
    engine.forget(took)
    assert len(engine._windows) < 10, "those long done"
    engine.forget(took + 0.2)
    assert not len(engine._windows)


def test_a_network_without_answers_ends() -> None:
    net = Net({})
    _, took = net.sweep({f"10.0.0.{n}": None for n in range(2, 200)}, PORTS)
    assert took < 3
    assert net.events == []


def test_beyond_a_gateway_new_connections_have_a_cap_and_nobody_is_asked_by_arp() -> None:
    boxes = {f"10.0.1.{n}": Box(frozenset({22}), rtt=0.02) for n in range(2, 12)}
    net = Net(boxes)
    net.sweep(dict.fromkeys(boxes, "02:00:00:00:00:fe"), PORTS, RawCaps(gateway=50), routed=True)
    assert net.opened() == {(h, 22) for h in boxes}
    times = sorted(at for rows in net.wire.values() for at, kind in rows if kind == "syn")
    assert {kind for rows in net.wire.values() for _, kind in rows} == {"syn", "rst"}
    assert all(b - a >= 0.02 - 1e-6 for a, b in itertools.pairwise(times))


def test_a_tarpit_is_left_alone_after_a_while_and_that_is_said() -> None:
    net = Net({"10.0.0.2": Box(every=True)})
    ports = tuple(range(1, 65536))
    net.sweep({"10.0.0.2": None}, ports, RawCaps(host=None, total=20_000), first=0)
    (last,) = [e for e in net.events if e[0] == "host"]
    counts, capped = last[2], last[3]
    assert capped is True
    assert isinstance(counts, list)
    assert OPEN_LIMIT <= counts[0] < OPEN_LIMIT + 200
    assert counts[4] > 60_000, "the rest was not asked, and is told as such"


def test_a_card_that_takes_nothing_is_no_silence() -> None:
    net = Net({"10.0.0.2": Box(frozenset({22}))}, full=1.0)
    engine, took = net.sweep({"10.0.0.2": "02:00:00:00:00:05"}, PORTS)
    assert took < 5
    (job,) = engine.finished
    assert job.error == "full"
    (last,) = [e for e in net.events if e[0] == "host"]
    assert last[2] == [0, 0, 0, 0, len(PORTS)], "not asked, every one of them"


def test_a_second_mac_of_an_address_is_told() -> None:
    net = Net({"10.0.0.2": Box(macs=3)})
    net.sweep({"10.0.0.2": None, "10.0.0.3": None}, ())
    assert [e[0] for e in net.events] == ["mac"] * 3


def test_a_job_that_is_stopped_sends_nothing_more() -> None:
    net = Net(some(3))
    engine, _ = net.sweep(dict.fromkeys(net.boxes), PORTS, stop_at=0.2)
    engine.stop_all("enough")
    assert not engine.busy()
    assert engine.due(1.0)[0] is None
    assert engine.due(100.0)[0] is None
    assert engine.finished[0].error == "enough"


@given(
    limit=st.integers(1, 9),
    steps=st.lists(st.tuples(st.floats(0, 0.2), st.floats(0, 0.03)), max_size=60),
)
def test_a_window_holds_however_late_its_user_is(
    limit: int, steps: list[tuple[float, float]]
) -> None:
    window, now, sent = Window(limit, 0.1), 0.0, []
    for pause, late in steps:
        now = max(now + pause, window.ready()) + late
        sent.append(now)
        window.take(now)
    for first, last in zip(sent, sent[limit:], strict=False):
        assert last - first >= 0.1 - 1e-9


def test_a_cap_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no packets"):
        Window(0, 1.0)


@given(
    pps=st.sampled_from([10.0, 500.0, 5000.0]),
    late=st.lists(st.floats(0, 0.03), min_size=30, max_size=400),
)
def test_a_steady_pace_is_never_exceeded_and_a_new_one_remembers(
    pps: float, late: list[float]
) -> None:
    pace, now, sent = Steady(pps), 0.0, list[float]()
    for number, pause in enumerate(late):
        if number == len(late) // 2:
            pace = Steady(pps, pace)
        now = max(now, pace.ready()) + (pause if number % 16 == 0 else 0.0)
        sent.append(now)
        pace.take(now)
    for most, window in (
        ((int(pps // 10), 0.1), (int(pps * 0.013), 0.01)) if pps >= 500 else ((1, 1 / pps),)
    ):
        for first, last in zip(sent, sent[most:], strict=False):
            assert last - first >= window - 1e-9


def test_time_outs_follow_round_trips_within_their_bounds() -> None:
    trip = RoundTrip()
    assert trip.rto == 0.25
    for _ in range(20):
        trip.seen(0.003)
    assert trip.rto == 0.12
    for _ in range(50):
        trip.seen(0.3)
    assert 0.3 < trip.rto < 0.6
    for _ in range(50):
        trip.seen(30.0)
    assert trip.rto == 1.0


def test_tries_follow_loss() -> None:
    few = Loss(first=20)
    assert few.rate is None
    assert few.tries(matters=False, talkative=False) == 2
    none = Loss(first=1000)
    assert none.tries(matters=False, talkative=False) == 1
    assert (
        none.tries(matters=True, talkative=False) == none.tries(matters=False, talkative=True) == 2
    )
    some_lost = Loss(first=980, later=20)
    assert some_lost.tries(matters=False, talkative=False) == 3
    assert enough_for(0.2) == 4
