"""The run engine: every planned unit ends with one status, whatever its probe does; nothing is sent that was not reserved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import pytest

from agent.context import RunContext
from agent.contract import Context, Emit, Needs, OutOfScope, Probe, Refused, Transport, UnitEnded
from agent.emitter import ContractError
from agent.model.bodies import TcpPort
from agent.model.ledger import LedgerEntry
from agent.model.observation import Observation
from agent.model.ref import addr
from agent.model.run import SessionEnd, UnitPlan, Vantage
from agent.model.scope import ScopeRule
from agent.model.status import ProbeStatus, Strength
from agent.outcome import INTERRUPTED
from agent.run import WHOLE, Engine, layers
from agent.stopping import run_bounded

HOST = "10.0.0.1"
SCOPE = ScopeRule(allowed=("10.0.0.0/29",), never=("10.0.0.5",), actions=("sweep",))


@dataclass
class Memory:
    """A store that keeps the order in which it was told things."""

    session: int = 0
    log: list[tuple[str, object]] = field(default_factory=list)
    done: frozenset[tuple[str, str]] = frozenset()

    async def plan(self, units: Sequence[UnitPlan]) -> None:
        self.log += [("plan", u) for u in units]

    async def reserve(self, entries: Sequence[LedgerEntry]) -> None:
        self.log += [("reserve", e) for e in entries]

    async def add(self, observation: Observation, raw: Sequence[bytes] = ()) -> None:
        self.log.append(("add", observation))

    async def settle(self, status: ProbeStatus, ledger: Sequence[LedgerEntry]) -> None:
        self.log.append(("status", status))
        self.log += [("settle", e) for e in ledger]

    async def end(self, end: SessionEnd) -> None:
        self.log.append(("end", end))

    def finished(self) -> frozenset[tuple[str, str]]:
        return self.done

    def ends(self) -> Mapping[tuple[str, str], ProbeStatus | None]:
        planned = {(u.probe, u.unit): None for _, u in self.log if isinstance(u, UnitPlan)}
        return {**planned, **self.statuses()}

    def seen(self, kind: str) -> list[Observation]:
        return [o for k, o in self.log if k == "add" and isinstance(o, Observation)]

    def statuses(self) -> dict[tuple[str, str], ProbeStatus]:
        return {(s.probe, s.unit): s for _, s in self.log if isinstance(s, ProbeStatus)}

    def entries(self, kind: str) -> list[LedgerEntry]:
        return [e for k, e in self.log if k == kind and isinstance(e, LedgerEntry)]


Body = Callable[[Emit], Awaitable[None]]


@dataclass(frozen=True)
class Play:
    """A probe that does what the test says."""

    act: Body
    name: str = "play"
    rev: int = 1
    needs: Needs = Needs(deadline_s=5)
    emits: frozenset[str] = frozenset({"tcp.port"})
    asks: Mapping[str, Strength] = field(default_factory=lambda: {"tcp.ports": "weak"})
    units: tuple[str, ...] = ("u1",)
    targets: tuple[str, ...] = (HOST,)

    def plan(self, ctx: Context) -> Iterable[UnitPlan]:
        return [UnitPlan(probe=self.name, unit=u, targets=self.targets) for u in self.units]

    def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
        return {(HOST, "tcp"): (2, 120)}

    async def run(self, unit: UnitPlan, ctx: Context, emit: Emit) -> None:
        await self.act(emit)


class NoAccounts:
    def handles(self, purpose: str, site: str) -> tuple[str, ...]:
        return ()


def context(store: Memory) -> RunContext:
    nothing: object = None
    return RunContext(
        site="siege",
        scope=SCOPE,
        vantage=Vantage(site="siege", host="x"),
        quiet=False,
        dial=nothing,  # type: ignore[arg-type]  # no probe here dials
        pace=nothing,  # type: ignore[arg-type]
        raw=None,
        raw_why="not root",
        accounts=NoAccounts(),
        seen_kind=store.seen,
    )


def go(*probes: Probe, store: Memory | None = None, **more: object) -> tuple[Memory, SessionEnd]:
    kept = store or Memory()
    engine = Engine(probes, context(kept), kept, b"key", **more)  # type: ignore[arg-type]
    return kept, asyncio.run(engine.run())


async def found(emit: Emit) -> None:
    emit.sent(HOST, "tcp", 1, 60)
    await emit(addr("siege", HOST), TcpPort(port=22), channel="tcp")
    emit.ask("tcp.ports", addr("siege", HOST), "answered")


def test_reservation_comes_before_and_one_status_after() -> None:
    store, end = go(Play(found))
    kinds = [k for k, _ in store.log]
    assert kinds.index("reserve") < kinds.index("add") < kinds.index("status")
    status = store.statuses()[("play", "u1")]
    assert (status.outcome, status.asked, status.answered) == ("done", 1, 1)
    assert store.statuses()[("play", WHOLE)].outcome == "done"
    assert end.outcome == "complete"
    assert [e.packets for e in store.entries("reserve")] == [2]
    assert [(e.packets, e.bytes) for e in store.entries("settle")] == [(1, 60)]


def test_a_probe_that_dies_costs_only_its_unit_and_keeps_what_it_gave() -> None:
    async def dies(emit: Emit) -> None:
        await found(emit)
        raise ValueError("boom")

    store, end = go(Play(dies), Play(found, name="other"))
    status = store.statuses()[("play", "u1")]
    assert (status.outcome, status.reason) == ("partial", "ValueError: boom")
    assert store.statuses()[("other", "u1")].outcome == "done"
    assert end.outcome == "partial"


def test_a_probe_that_hangs_is_ended_and_can_emit_no_more() -> None:
    late: list[BaseException] = []

    async def hangs(emit: Emit) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            try:
                emit.ask("tcp.ports", None, "answered")
            except UnitEnded as error:
                late.append(error)

    store, _ = go(Play(hangs, needs=Needs(deadline_s=0.05)))
    status = store.statuses()[("play", "u1")]
    assert status.outcome == "failed" and "deadline" in status.reason
    assert len(late) == 1


def test_a_refused_account_is_refused_not_empty() -> None:
    async def refused(emit: Emit) -> None:
        raise Refused("invalid credentials (52e)")

    store, end = go(Play(refused))
    assert store.statuses()[("play", "u1")].outcome == "refused"
    assert end.outcome == "partial"


def test_nothing_leaves_that_was_not_reserved() -> None:
    async def greedy(emit: Emit) -> None:
        emit.sent(HOST, "tcp", 2, 120)
        emit.sent(HOST, "tcp", 1, 1)

    async def elsewhere(emit: Emit) -> None:
        emit.sent("10.0.0.2", "tcp", 1, 1)

    for act in (greedy, elsewhere):
        store, _ = go(Play(act))
        status = store.statuses()[("play", "u1")]
        assert status.outcome == "failed" and "scope guard" in status.reason
        assert sum(e.packets for e in store.entries("settle")) <= 2


def test_a_plan_outside_the_scope_is_not_run() -> None:
    for target in ("10.0.0.5", "8.8.8.8", "dc1.acme.local"):
        store, end = go(Play(found, targets=(target,)))
        assert store.statuses()[("play", WHOLE)].outcome == "failed"
        assert not store.entries("reserve") and end.outcome == "partial"


def test_what_a_probe_did_not_declare_is_a_defect() -> None:
    async def undeclared(emit: Emit) -> None:
        emit.ask("ldap.users", None, "answered")

    store, _ = go(Play(undeclared))
    assert ContractError.__name__ in store.statuses()[("play", "u1")].reason
    store, _ = go(Play(found, emits=frozenset()))
    assert ContractError.__name__ in store.statuses()[("play", "u1")].reason


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        (Needs(raw=True), "not root"),
        (Needs(account="directory"), "no account"),
        (Needs(action="directory"), "mandate"),
        (Needs(program="no-such-program-7"), "no-such-program-7"),
        (Needs(platforms=("plan9",)), "plan9"),
    ],
)
def test_a_probe_that_cannot_run_here_is_skipped_with_the_reason(needs: Needs, why: str) -> None:
    store, _ = go(Play(found, needs=needs))
    status = store.statuses()[("play", WHOLE)]
    assert status.outcome == "skipped" and why in status.reason
    assert ("play", "u1") not in store.statuses()


def test_silence_everywhere_is_not_a_complete_run() -> None:
    async def silent(emit: Emit) -> None:
        emit.ask("tcp.ports", addr("siege", HOST), "silent")

    _, end = go(Play(silent))
    assert end.outcome == "partial" and "not one of 1" in end.reason


def test_a_cap_or_an_error_is_never_done() -> None:
    async def capped(emit: Emit) -> None:
        await found(emit)
        emit.cap("bytes")

    async def errs(emit: Emit) -> None:
        emit.ask("tcp.ports", None, "error")
        emit.ask("tcp.ports", None, "answered")

    assert go(Play(capped))[0].statuses()[("play", "u1")].outcome == "partial"
    assert go(Play(errs))[0].statuses()[("play", "u1")].outcome == "partial"


def test_layers_follow_after_and_refuse_a_circle() -> None:
    a = Play(found, name="a", needs=Needs(after=("b", "absent")))
    b = Play(found, name="b")
    assert [[p.name for p in layer] for layer in layers([a, b])] == [["b"], ["a"]]
    with pytest.raises(ValueError, match="wait for each other"):
        layers([a, Play(found, name="b", needs=Needs(after=("a",)))])


def test_a_plan_sees_only_what_the_probes_before_it_found() -> None:
    """On resume the store holds more than at the first time: the plan must not tell the difference."""
    saw: list[list[str]] = []

    class Looks(Play):
        def plan(self, ctx: Context) -> Iterable[UnitPlan]:
            saw.append([o.probe for o in ctx.seen("tcp.port")])
            return super().plan(ctx)

    first = Play(found, name="first")
    second = Looks(found, name="second", needs=Needs(after=("first",)))
    store, _ = go(first, second)
    go(first, second, store=store)
    assert saw == [["first"], ["first", "first"]]


def test_a_finished_unit_is_not_run_again() -> None:
    ran: list[int] = []

    async def count(emit: Emit) -> None:
        ran.append(1)

    store = Memory(done=frozenset({("play", "u1")}))
    go(Play(count, units=("u1", "u2")), store=store)
    assert len(ran) == 1


def test_stopping_is_clean_and_every_planned_unit_says_so() -> None:
    store = Memory()
    engine: list[Engine] = []

    async def stops(emit: Emit) -> None:
        await found(emit)
        engine[0].stop("stopped by SIGINT")
        await asyncio.sleep(60)

    first = Play(stops, units=tuple(f"u{i}" for i in range(9)))
    later = Play(found, name="later", needs=Needs(after=("play",)))
    engine.append(Engine([first, later], context(store), store, b"key", workers=2))
    end = asyncio.run(engine[0].run())
    assert end.outcome == "interrupted" and end.reason == "stopped by SIGINT"
    planned = {(u.probe, u.unit) for _, u in store.log if isinstance(u, UnitPlan)}
    assert planned == set(store.statuses())
    cut = [s for s in store.statuses().values() if INTERRUPTED in s.params]
    assert len(cut) == 10 and not [s for s in cut if s.outcome == "done"]
    assert store.statuses()[("play", "u0")].outcome == "partial"


def test_a_disk_that_fails_ends_the_run_and_is_not_taken_for_a_probe_fault() -> None:
    class Full(Memory):
        async def settle(self, status: ProbeStatus, ledger: Sequence[LedgerEntry]) -> None:
            raise OSError("disk full")

    with pytest.raises(ExceptionGroup) as caught:
        go(Play(found), store=Full())
    assert caught.group_contains(OSError, match="disk full")


def test_the_unit_of_an_emit_is_the_scope_guard_too() -> None:
    async def dials(emit: Emit) -> None:
        raise OutOfScope("198.51.100.9 is denied")

    store, _ = go(Play(dials))
    assert "198.51.100.9" in store.statuses()[("play", "u1")].reason


def test_a_cost_that_fails_costs_only_its_unit() -> None:
    class Dear(Play):
        def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
            if unit.unit == "u1":
                raise KeyError("ports")
            return {(HOST, "tcp"): (-1, 1)} if unit.unit == "u2" else super().cost(unit)

    store, end = go(Dear(found, units=("u1", "u2", "u3")))
    ends = {unit: (s.outcome, s.reason) for (_, unit), s in store.statuses().items()}
    assert ends["u1"] == ("failed", "KeyError: 'ports'")
    assert ends["u2"][0] == "failed" and "ValidationError" in ends["u2"][1]
    assert ends["u3"][0] == "done"
    assert [e.unit for e in store.entries("reserve")] == ["u3"]
    assert end.outcome == "partial"


async def knocks(emit: Emit, sent: int = 2) -> None:
    tally = emit.tally(HOST, "tcp")
    tally.may(1, 60)
    try:
        await asyncio.sleep(60)
    finally:
        tally.left(sent, 60 * sent)
        tally.close()


def test_a_unit_cut_off_settles_what_left_and_no_more() -> None:
    class Wide(Play):
        def cost(self, unit: UnitPlan) -> Mapping[tuple[str, Transport], tuple[int, int]]:
            return {(HOST, "tcp"): (1400, 120_000)}

    store, _ = go(Wide(knocks, needs=Needs(deadline_s=0.05)))
    assert [(e.packets, e.bytes) for e in store.entries("settle")] == [(2, 120)]


def test_what_left_above_the_reservation_is_in_the_ledger_and_said() -> None:
    async def over(emit: Emit) -> None:
        emit.ask("tcp.ports", None, "answered")
        tally = emit.tally(HOST, "tcp")
        tally.left(7, 420)
        tally.close()

    for act, needs in ((over, Needs()), (partial(knocks, sent=7), Needs(deadline_s=0.05))):
        store, _ = go(Play(act, needs=needs))
        status = store.statuses()[("play", "u1")]
        assert [e.packets for e in store.entries("settle")] == [7]
        assert status.outcome != "done" and "reserved" in status.caps_hit[0]


async def never_ends(emit: Emit) -> None:
    emit.sent(HOST, "tcp", 1, 60)
    while True:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(60)


@pytest.mark.parametrize("hurried", [False, True])
def test_a_probe_that_will_not_end_is_left_behind_with_its_whole_reservation(hurried: bool) -> None:
    store, left = Memory(), list[bool]()

    async def main() -> SessionEnd:
        engine = Engine(
            [Play(never_ends, needs=Needs(deadline_s=5 if hurried else 0.05))],
            context(store),
            store,
            b"key",
            grace_s=3600 if hurried else 0.05,
        )
        if hurried:
            asyncio.get_running_loop().call_later(0.05, engine.stop, "stopped by SIGINT")
            asyncio.get_running_loop().call_later(0.1, engine.hurry)
        end = await engine.run()
        left.extend(not t.done() for t in engine.abandoned)
        return end

    end, going_on = run_bounded(main(), grace_s=0.05)
    status = store.statuses()[("play", "u1")]
    assert left == [True] and going_on
    assert [e.packets for e in store.entries("settle")] == [2]
    assert "did not end within" in status.reason
    assert ("SIGINT" if hurried else "deadline") in status.reason
    assert end.outcome == ("interrupted" if hurried else "partial")


def test_a_probe_that_cancels_itself_has_failed() -> None:
    async def quits(emit: Emit) -> None:
        raise asyncio.CancelledError

    store, end = go(Play(quits, units=("u1", "u2")), workers=1)
    assert {s.outcome for s in store.statuses().values()} == {"failed", "done"}
    assert end.outcome == "partial"


def test_waiting_for_ones_turn_costs_no_time() -> None:
    async def queues(emit: Emit) -> None:
        with emit.queued():
            await asyncio.sleep(0.4)
        await found(emit)

    async def talks(emit: Emit) -> None:
        # Another connection of the unit is open: this is its own time.
        tally = emit.tally(HOST, "tcp")
        with emit.queued():
            await asyncio.sleep(5)
        tally.close()

    needs = Needs(deadline_s=0.2)
    assert go(Play(queues, needs=needs))[0].statuses()[("play", "u1")].outcome == "done"
    assert "deadline" in go(Play(talks, needs=needs))[0].statuses()[("play", "u1")].reason


def test_no_reason_is_stored_unscrubbed() -> None:
    async def dies(emit: Emit) -> None:
        raise ValueError("login with hunter2 failed")

    async def refused(emit: Emit) -> None:
        raise Refused("hunter2")

    async def capped(emit: Emit) -> None:
        emit.cap("hunter2")

    class NoPlan(Play):
        def plan(self, ctx: Context) -> Iterable[UnitPlan]:
            raise ValueError("hunter2")

    for probe in (Play(dies), Play(refused), Play(capped), NoPlan(found)):
        store, _ = go(probe, scrub=lambda text: text.replace("hunter2", "<secret>"))
        told = " ".join(s.model_dump_json() for s in store.statuses().values())
        assert "<secret>" in told and "hunter2" not in told


def test_a_device_that_runs_into_a_limit_does_not_make_the_run_partial() -> None:
    async def capped(emit: Emit) -> None:
        await found(emit)
        emit.cap("bytes")

    async def capped_and_wrong(emit: Emit) -> None:
        await capped(emit)
        emit.ask("tcp.ports", None, "error")

    async def capped_and_dead(emit: Emit) -> None:
        await capped(emit)
        raise ValueError("boom")

    async def capped_and_late(emit: Emit) -> None:
        await capped(emit)
        await asyncio.sleep(60)

    _, end = go(Play(capped))
    assert end.outcome == "complete" and "1 units met a limit" in end.reason
    for act in (capped_and_wrong, capped_and_dead, capped_and_late):
        assert go(Play(act, needs=Needs(deadline_s=0.05)))[1].outcome == "partial"


def test_a_resumed_run_is_judged_by_every_unit_of_all_its_sessions() -> None:
    async def dies(emit: Emit) -> None:
        raise ValueError("boom")

    store, end = go(Play(found, units=("u1",)), Play(dies, name="other"))
    assert end.outcome == "partial"
    # The next session plans less, or is stopped earlier: what is left of the first one stays undone.
    assert go(Play(found, units=("u1",)), store=store)[1].outcome == "partial"
    assert go(Play(found, name="other"), store=store)[1].outcome == "complete"
    asyncio.run(store.plan([UnitPlan(probe="play", unit="never begun")]))
    assert go(Play(found, units=("u1",)), store=store)[1].outcome == "partial"


def test_what_is_asked_before_each_layer_can_stop_the_run() -> None:
    words = iter(["", "the laptop changed its network"])
    later = Play(found, name="later", needs=Needs(after=("play",)))
    store, end = go(Play(found), later, before_layer=lambda: next(words))
    assert (end.outcome, end.reason) == ("interrupted", "the laptop changed its network")
    assert store.statuses()[("play", "u1")].outcome == "done"
    assert ("later", "u1") not in store.statuses()
    assert store.statuses()[("later", WHOLE)].reason == "the laptop changed its network"


def test_a_probe_alongside_goes_on_beside_all_layers_and_ends_after_them() -> None:
    order: list[str] = []
    last_call = asyncio.Event()

    async def listens(emit: Emit) -> None:
        await found(emit)
        order.append("listens")
        with emit.queued():
            await last_call.wait()
        emit.ask("tcp.ports", None, "answered")
        order.append("heard all")

    def asks(word: str) -> Body:
        async def act(emit: Emit) -> None:
            # What was heard is stored while the others still work.
            assert store.seen("tcp.port")
            order.append(word)

        return act

    store = Memory()
    probes = [
        Play(asks("first"), name="first"),
        Play(asks("second"), name="second", needs=Needs(after=("first",))),
        Play(listens, name="ears", needs=Needs(alongside=True, deadline_s=0.5)),
    ]
    _, end = go(*probes, store=store, last_call=last_call.set, workers=1)
    assert order == ["listens", "first", "second", "heard all"]
    assert end.outcome == "complete"
    assert store.statuses()[("ears", "u1")].outcome == "done"
    assert store.statuses()[("ears", WHOLE)].outcome == "done"


def test_what_was_heard_alongside_is_kept_when_the_run_is_stopped() -> None:
    store = Memory()
    engine: list[Engine] = []

    async def listens(emit: Emit) -> None:
        await found(emit)
        await asyncio.sleep(60)

    async def stops(emit: Emit) -> None:
        engine[0].stop("stopped by SIGINT")

    ears = Play(listens, name="ears", needs=Needs(alongside=True))
    engine.append(Engine([Play(stops), ears], context(store), store, b"key"))
    end = asyncio.run(engine[0].run())
    assert end.outcome == "interrupted" and store.seen("tcp.port")
    status = store.statuses()[("ears", "u1")]
    assert status.outcome == "partial" and INTERRUPTED in status.params


def test_units_that_mostly_wait_hold_no_place_of_others() -> None:
    """All units of the wide probe are under way at once; those of the other probe keep to the engine's number."""
    together = asyncio.Barrier(9)
    now: list[int] = [0, 0]

    async def waits(emit: Emit) -> None:
        await together.wait()
        await found(emit)

    async def works(emit: Emit) -> None:
        now[0] += 1
        now[1] = max(now)
        await asyncio.sleep(0)
        now[0] -= 1
        await found(emit)

    units = tuple(f"u{i}" for i in range(9))
    wide = Play(waits, name="wide", needs=Needs(deadline_s=5, abreast=9), units=units)
    store, _ = go(wide, Play(works, units=units), workers=2)
    ended = [s for key, s in store.statuses().items() if key[1] != WHOLE]
    assert {s.outcome for s in ended} == {"done"} and len(ended) == 18
    assert now[1] == 2
