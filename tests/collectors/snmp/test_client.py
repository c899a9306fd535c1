"""The client against the lab's agents over real datagrams: whom it believes, and what it does when an answer does not come."""

from __future__ import annotations

import pytest

from agent.context import RunContext
from collectors.snmp.ber import Oid
from collectors.snmp.client import Budget, CommunitySession, Got, Miss, get, knock, walk
from collectors.snmp.message import Version
from collectors.snmp.walk import Column
from fixtures.lab.snmp.agent import Agent, Manners
from tests.agent.net.peers import Books
from tests.collectors.snmp.agents import HOST, SYSTEM, agent, asking, interfaces

SYS = tuple((1, 3, 6, 1, 2, 1, 1, n, 0) for n in range(1, 13))
PORTS: Oid = (1, 3, 6, 1, 2, 1, 2, 2, 1)
COLUMNS = tuple((*PORTS, n) for n in (2, 3, 6))


def walked(one: Agent, version: Version = 1, cap: int = 1000) -> tuple[list[Column], Books]:
    async def act(ctx: RunContext, books: Books) -> list[Column]:
        session = CommunitySession(ctx, books, HOST, version, b"lab-read")
        return await walk(session, COLUMNS, cap)

    return asking({HOST: one}, act)


def got(one: Agent, version: Version = 1) -> Got:
    async def act(ctx: RunContext, books: Books) -> Got:
        return await get(CommunitySession(ctx, books, HOST, version, b"lab-read"), SYS)

    return asking({HOST: one}, act)[0]


def knocked(one: Agent | None, community: bytes = b"lab-read") -> tuple[object, Books]:
    async def act(ctx: RunContext, books: Books) -> CommunitySession | Miss:
        return await knock(ctx, books, HOST, community, Budget())

    return asking({HOST: one} if one else {}, act)


@pytest.mark.parametrize("version", [0, 1])
def test_get_tells_what_is_there_from_what_is_not(version: Version) -> None:
    out = got(agent(), version)
    assert {o[-2] for o in out.found} == {1, 2, 3, 5}
    assert {o[-2] for o in out.absent} == {4, 6, 7, 8, 9, 10, 11, 12}
    assert not out.missed
    assert out.found[SYS[0]].value == b"Switch of the lab"


def test_get_of_an_agent_with_small_answers_is_halved() -> None:
    assert len(got(agent(largest=120)).found) == 4


def test_what_stays_too_big_is_not_called_absent() -> None:
    out = got(agent(largest=45))
    assert out.missed[SYS[0]] == "too_big"
    assert SYS[0] not in out.absent


@pytest.mark.parametrize("version", [0, 1])
def test_a_walk_brings_every_row(version: Version) -> None:
    columns, books = walked(agent(interfaces(70)), version)
    assert [(c.end, len(c.rows)) for c in columns] == [("complete", 70)] * 3
    packets = books.packets[HOST, "udp"]
    assert packets <= (6 if version else 72)


def test_ends_have_their_names() -> None:
    port = (*PORTS, 2, 30)
    for one, end in (
        (agent(interfaces(70), fault="loop", fault_at=port), "order"),
        (agent(interfaces(300), fault="gen_err", fault_at=port), "error"),
        (agent(interfaces(70), fault="dead"), "silent"),
    ):
        columns, _ = walked(one)
        assert columns[0].end == end
    assert [c.end for c in walked(agent(interfaces(70)), cap=20)[0]] == ["cap"] * 3


def test_who_answers_from_elsewhere_is_not_heard() -> None:
    assert knocked(agent(fault="elsewhere"))[0] == "silent"


def test_a_wrong_community_is_silence_and_costs_two_packets() -> None:
    one = agent()
    said, books = knocked(one, b"other")
    assert said == "silent"
    assert one.refused == 2 == books.packets[HOST, "udp"]


def test_nobody_there_is_closed() -> None:
    assert knocked(None)[0] == "closed"


@pytest.mark.parametrize(("versions", "spoken"), [((0,), 0), ((1,), 1), ((0, 1), 1)])
def test_the_best_version_is_spoken(versions: tuple[int, ...], spoken: int) -> None:
    said, _ = knocked(agent(versions=versions))
    assert isinstance(said, CommunitySession)
    assert said.version == spoken
    assert "lab-read" not in repr(said)


class Liar(Agent):
    """Answers with one field of the head changed."""

    what = b""
    with_ = b""

    def answer(self, data: bytes) -> bytes | None:
        said = super().answer(data)
        return said and said.replace(self.what, self.with_, 1)


@pytest.mark.parametrize(
    ("what", "with_"),
    [(b"lab-read", b"lab-reed"), (b"\x02\x01\x01\x04", b"\x02\x01\x00\x04"), (b"\xa2", b"\xa0")],
)
def test_an_answer_that_is_not_to_the_question_is_none(what: bytes, with_: bytes) -> None:
    one = Liar(agent().mib, (b"lab-read",), Manners(versions=(1,)))
    one.what, one.with_ = what, with_
    assert knocked(one)[0] == "broken"


def test_the_budget_ends_a_walk_by_cap() -> None:
    async def act(ctx: RunContext, books: Books) -> list[Column]:
        session = CommunitySession(ctx, books, HOST, 1, b"lab-read", Budget(3))
        return await walk(session, COLUMNS, 1000)

    columns, books = asking({HOST: agent(SYSTEM + interfaces(400))}, act)
    assert {c.end for c in columns} == {"cap"}
    assert books.packets[HOST, "udp"] <= 3
