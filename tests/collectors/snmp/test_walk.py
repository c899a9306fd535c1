"""The walk against agents of every temper: what it brings is exact where it ends complete, and nothing else is called complete."""

from __future__ import annotations

import bisect
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.snmp.ber import END_OF_MIB, INTEGER, Oid, oid_content
from collectors.snmp.message import Raw, Response, VarBind, Version, decoded
from collectors.snmp.walk import MOST_BINDINGS, MOST_REPETITIONS, ROOM, Question, Walk

ROOT: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
COLUMNS = tuple((*ROOT, n) for n in (2, 3, 6))


def table(rows: int, columns: tuple[Oid, ...] = COLUMNS) -> dict[Oid, int]:
    return {(*c, i): c[-1] * 1000 + i for c in columns for i in range(1, rows + 1)}


def told(version: Version, rows: list[VarBind]) -> Response:
    return Response(version, b"c", 1, 0, 0, [_raw(row) for row in rows])


def _raw(row: VarBind) -> Raw:
    number = row.value if isinstance(row.value, int) else 0
    content = b"" if row.value is None else number.to_bytes(4, "big")
    return oid_content(row.oid), row.tag, content


class Agent:
    """RFC 3416 GETNEXT and GETBULK over a dictionary; `most` bindings fit its answer, more is cut (v2c) or too big."""

    def __init__(self, mib: dict[Oid, int], version: Version = 1, most: int = 1000) -> None:
        self.oids, self.mib = sorted(mib), mib
        self.version: Version = version
        self.most = most
        self.asked = 0

    def after(self, oid: Oid) -> VarBind:
        at = bisect.bisect_right(self.oids, oid)
        if at == len(self.oids):
            return VarBind(oid, END_OF_MIB, None)
        return VarBind(self.oids[at], INTEGER, self.mib[self.oids[at]])

    def answer(self, question: Question) -> Response:
        self.asked += 1
        if self.version == 0:
            rows = [self.after(o) for o in question.oids]
            for number, row in enumerate(rows, start=1):
                if row.tag == END_OF_MIB:
                    return self.error(2, number)
            return told(0, rows)
        out: list[VarBind] = []
        cursors = list(question.oids)
        for _ in range(max(1, question.repetitions)):
            rows = [self.after(o) for o in cursors]
            cursors = [r.oid for r in rows]
            out += rows
        return told(1, out[: self.most])

    def error(self, status: int, index: int) -> Response:
        return Response(self.version, b"c", 1, status, index, [])


def drive(walk: Walk, agent: Agent, limit: int = 10_000) -> Walk:
    for _ in range(limit):
        question = walk.question()
        if question is None:
            return walk
        assert len(question.oids) * max(1, question.repetitions) <= MOST_BINDINGS
        walk.answer(agent.answer(question))
    raise AssertionError("the walk does not end")


def values(walk: Walk) -> dict[Oid, object]:
    return {row.oid: row.value for c in walk.columns for row in map(decoded, c.rows)}


@pytest.mark.parametrize("version", [0, 1])
@given(rows=st.integers(0, 70), more=st.booleans(), most=st.integers(1, 80))
@settings(deadline=None, max_examples=60)
def test_a_whole_table_is_brought_exactly(
    version: Version, rows: int, more: bool, most: int
) -> None:
    mib = table(rows)
    around = {(*ROOT, 1, 1): 1, (*ROOT, 4, 1): 4, **({(*ROOT, 9, 1): 9} if more else {})}
    walk = drive(Walk.of(version, COLUMNS, 1000), Agent({**mib, **around}, version, most))
    assert values(walk) == mib
    assert {c.end for c in walk.columns} == {"complete"}


def test_bulk_needs_few_questions() -> None:
    agent = Agent(table(200))
    drive(Walk.of(1, COLUMNS, 1000), agent)
    assert agent.asked <= 12


def test_a_cap_is_told() -> None:
    walk = drive(Walk.of(1, COLUMNS, 50), Agent(table(51)))
    assert [c.end for c in walk.columns] == ["cap"] * 3
    assert all(len(c.rows) == 50 for c in walk.columns)
    walk = drive(Walk.of(1, COLUMNS, 50), Agent(table(50)))
    assert [c.end for c in walk.columns] == ["complete"] * 3


class Circle(Agent):
    """Goes back to the start after some rows, as agents with a broken table do."""

    def after(self, oid: Oid) -> VarBind:
        row = super().after(oid)
        return VarBind((*COLUMNS[0], 1), INTEGER, 1) if row.oid[-1] == 20 else row


class Backwards(Agent):
    """Leaves the column for an object before it."""

    def after(self, oid: Oid) -> VarBind:
        row = super().after(oid)
        return VarBind((1, 3, 6, 1, 2, 1, 1, 1, 0), INTEGER, 1) if row.oid[-1] == 20 else row


class Stuck(Agent):
    def after(self, oid: Oid) -> VarBind:
        return VarBind(oid if len(oid) > len(COLUMNS[0]) else (*oid, 1), INTEGER, 1)


@pytest.mark.parametrize("kind", [Circle, Backwards, Stuck])
@pytest.mark.parametrize("version", [0, 1])
def test_an_agent_that_runs_in_a_circle_ends_the_walk(kind: type[Agent], version: Version) -> None:
    walk = drive(Walk.of(version, COLUMNS, 10_000), kind(table(40), version), limit=100)
    assert {c.end for c in walk.columns} == {"order"}


class TooBig(Agent):
    def answer(self, question: Question) -> Response:
        if len(question.oids) * max(1, question.repetitions) > self.most:
            self.asked += 1
            return self.error(1, 0)
        return super().answer(question)


@pytest.mark.parametrize("version", [0, 1])
def test_too_big_asks_for_less(version: Version) -> None:
    walk = drive(Walk.of(version, COLUMNS, 1000), TooBig(table(30), version, most=2))
    assert values(walk) == table(30) and {c.end for c in walk.columns} == {"complete"}
    walk = drive(Walk.of(version, COLUMNS, 1000), TooBig(table(30), version, most=0), limit=50)
    assert {c.end for c in walk.columns} == {"too_big"}


class Errs(Agent):
    def __init__(self, status: int, version: Version) -> None:
        super().__init__(table(30), version)
        self.status = status

    def answer(self, question: Question) -> Response:
        for number, oid in enumerate(question.oids, start=1):
            if oid[: len(COLUMNS[1])] == COLUMNS[1] and len(oid) > len(COLUMNS[1]):
                return self.error(self.status, number)
        return super().answer(question)


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize(
    ("status", "end"), [(5, "error"), (16, "refused"), (6, "refused"), (99, "error")]
)
def test_an_error_in_one_column_is_told(status: int, end: str, version: Version) -> None:
    walk = drive(Walk.of(version, COLUMNS, 1000), Errs(status, version), limit=200)
    assert walk.columns[1].end == end
    if status == 5:
        assert {walk.columns[0].end, walk.columns[2].end} == {"complete"}
    else:
        assert "complete" not in {c.end for c in walk.columns}


@pytest.mark.parametrize("what", ["silence", "garbage"])
@pytest.mark.parametrize("version", [0, 1])
def test_silence_asks_for_less_and_then_ends(what: str, version: Version) -> None:
    walk = Walk.of(version, COLUMNS, 1000)
    agent = Agent(table(100), version)
    first = walk.question()
    assert first is not None
    walk.answer(agent.answer(first))
    sizes: list[int] = []
    while (question := walk.question()) is not None:
        sizes.append(len(question.oids) * max(1, question.repetitions))
        assert len(sizes) < 20
        walk.silence() if what == "silence" else walk.garbage()
    assert sizes == sorted(sizes, reverse=True) and sizes[-1] == 1
    assert {c.end for c in walk.columns} == {"silent" if what == "silence" else "broken"}
    assert all(c.rows for c in walk.columns)


def test_an_answer_without_a_binding_is_no_end() -> None:
    walk = Walk.of(1, COLUMNS, 1000)
    walk.question()
    walk.answer(Response(1, b"c", 1, 0, 0, []))
    assert {c.end for c in walk.columns} == {"error"}


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_agent_ends_the_walk(data: st.DataObject) -> None:
    """Random answers: always an end, and never more rows than the cap."""
    walk = Walk.of(1, COLUMNS, 20)
    oid = st.lists(st.integers(0, 5), min_size=1, max_size=3).map(lambda tail: (*ROOT, *tail))
    row = st.builds(VarBind, oid, st.sampled_from([INTEGER, END_OF_MIB, 0x80]), st.just(1))
    for _ in range(400):
        if walk.question() is None:
            break
        kind = data.draw(st.integers(0, 9))
        if kind == 0:
            walk.silence()
        elif kind == 1:
            status, index = data.draw(st.integers(1, 20)), data.draw(st.integers(0, 9))
            walk.answer(Response(1, b"c", 1, status, index, []))
        else:
            rows = data.draw(st.lists(row, max_size=8))
            walk.answer(told(1, rows))
    assert all(c.end is not None for c in walk.columns)
    assert all(len(c.rows) <= 20 for c in walk.columns)


@pytest.mark.parametrize(
    ("rows", "taken", "end"),
    [
        ((1, 3, 2, 4), 2, "order"),
        ((1, 2, 2, 4), 2, "order"),
        # Octets tell the order of names only where no sub-identifier has three of them.
        ((16384, 16385, 16383), 2, "order"),
        ((16382, 16383, 16384, 16385), 4, None),
    ],
)
def test_rows_of_one_answer_are_in_order(rows: tuple[int, ...], taken: int, end: str) -> None:
    walk = Walk.of(1, COLUMNS[:1], 1000)
    walk.question()
    walk.answer(told(1, [VarBind((*COLUMNS[0], i), INTEGER, i) for i in rows]))
    (column,) = walk.columns
    assert (len(column.rows), column.end) == (taken, end)


class Sized(Agent):
    """Every binding has `octets`; notes how many octets each answer had."""

    def __init__(self, octets: int, rows: int) -> None:
        super().__init__(table(rows))
        self.octets = octets
        self.sizes: list[int] = []

    def answer(self, question: Question) -> Response:
        got = super().answer(question)
        self.sizes.append(self.octets * len(got.raw))
        return replace(got, octets=self.sizes[-1])


@pytest.mark.parametrize("octets", [8, 18, 60, 300, 2000])
def test_answers_fill_a_datagram_and_no_more(octets: int) -> None:
    agent = Sized(octets, 400)
    walk = Walk.of(1, COLUMNS, 1000)
    while (question := walk.question()) is not None:
        assert question.repetitions <= MOST_REPETITIONS
        walk.answer(agent.answer(question))
    assert values(walk) == table(400) and {c.end for c in walk.columns} == {"complete"}
    # Known after the first answer; one row of all columns is the least.
    most, row = max(agent.sizes[1:]), 3 * octets
    assert most <= max(ROOM, row)
    assert most > min(ROOM - row, MOST_REPETITIONS * row - 1) or most == row


@pytest.mark.parametrize("octets", [18, 60])
def test_silence_asks_for_less_than_what_met_it(octets: int) -> None:
    agent = Sized(octets, 400)
    walk = Walk.of(1, COLUMNS, 1000)
    asked: list[int] = []
    for turn in range(6):
        question = walk.question()
        assert question is not None
        asked.append(question.repetitions)
        if turn in (2, 3):
            walk.silence()
        else:
            walk.answer(agent.answer(question))
    assert asked[3] < asked[2] and asked[4] < asked[3] and asked[5] <= asked[4]
