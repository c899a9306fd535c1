"""`--with-nmap` against real nmap: named hosts only, never what prints or wants care, and a killed nmap costs its own shard."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.contract import NmapAnswer
from agent.model.bodies import Body, TcpPort
from agent.model.bodies_told import OsTold, ServiceTold
from agent.model.run import UnitPlan
from agent.net.json_child import ChildError
from agent.net.nmap_port import NmapPort, NmapWish
from scanners.nmap import SHARD, Nmap, os_told, service_told
from tests.agent.net.peers import HOST, NET, SCOPE, Books, context, listening

OTHER = f"{NET}.2"


async def greets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example ESMTP Postfix\r\n")
    await reader.read(100)


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(300)


def planned(wish: NmapWish, *seen: tuple[str, int], slow: bool = False) -> list[UnitPlan]:
    sights: list[tuple[str, Body]] = [(host, TcpPort(port=port)) for host, port in seen]
    ctx = dataclasses.replace(context(sights, slow=slow), nmap=NmapPort(SCOPE, wish))
    return list(Nmap().plan(ctx))


def test_only_what_was_named_is_planned() -> None:
    seen = [(HOST, 22), (HOST, 443), (HOST, 9100), (HOST, 502), (OTHER, 80)]
    units = planned(NmapWish.parse((HOST,)), *seen)
    assert [(u.targets, u.params["ports"]) for u in units] == [((HOST,), "22 443")]
    units = planned(NmapWish.parse((f"{HOST}:443,8443",)), *seen)
    assert [u.params["ports"] for u in units] == ["443"]
    assert {u.targets for u in planned(NmapWish.parse(("all",)), *seen)} == {(HOST,), (OTHER,)}
    assert not planned(NmapWish.parse(("all",)), *seen, slow=True)
    many = [(HOST, port) for port in range(1000, 1000 + SHARD + 1)]
    assert [len(u.params["ports"].split()) for u in planned(NmapWish.parse(("all",)), *many)] == [
        SHARD,
        1,
    ]


@pytest.mark.parametrize("word", ["host", "1.2.3.4:", "1.2.3.4:x", "1.2.3.4:0", "1.2.3.4:70000"])
def test_a_wish_that_is_none(word: str) -> None:
    if word == "1.2.3.4:":
        assert NmapWish.parse((word,)).hosts == {"1.2.3.4": ()}
        return
    with pytest.raises(ValueError, match=r"neither|no port"):
        NmapWish.parse((word,))


def test_ipv6_is_named_in_brackets() -> None:
    assert NmapWish.parse(("[::1]:22,80", "::1")).hosts == {"::1": (22, 80)}


@pytest.mark.needs("nmap")
def test_real_nmap_names_a_service() -> None:
    async def go() -> tuple[Books, int]:
        async with listening(greets) as port:
            sights: list[tuple[str, Body]] = [(HOST, TcpPort(port=port))]
            wish = NmapWish.parse((HOST,))
            ctx = dataclasses.replace(context(sights), nmap=NmapPort(SCOPE, wish))
            books = Books()
            for unit in Nmap().plan(ctx):
                await Nmap().run(unit, ctx, books)
            return books, port

    books, port = asyncio.run(go())
    ((ref, body),) = books.bodies
    assert isinstance(body, ServiceTold)
    assert ref.value == f"{HOST}/tcp/{port}"
    assert (body.name, body.product) == ("smtp", "Postfix smtpd")
    assert body.tool.startswith("nmap 7")
    assert [(kind, outcome) for kind, _, outcome in books.asks] == [("nmap.service", "answered")]
    assert books.packets[HOST, "other"] > 0


@pytest.mark.needs("nmap", "pgrep")
@pytest.mark.parametrize("victim", ["nmap", "helper"])
def test_what_is_killed_is_an_error_and_leaves_no_process(victim: str) -> None:
    async def go() -> str:
        async with listening(mute) as port:
            look = asyncio.create_task(
                NmapPort(SCOPE, NmapWish()).look(HOST, (port,), system=False, timeout_s=60)
            )
            helper = await _appears(lambda: _children(os.getpid(), "nmap_helper"))
            nmap = await _appears(lambda: _children(helper, "oX - "))
            os.kill(nmap if victim == "nmap" else helper, signal.SIGKILL)
            try:
                await asyncio.wait_for(look, 60)
            except ChildError as error:
                assert not Path(f"/proc/{helper}").exists()
                await _appears(lambda: [1] if _gone(nmap) else [])
                return str(error)
            raise AssertionError("no error")

    assert asyncio.run(go())


@pytest.mark.needs("nmap", "pgrep")
def test_a_unit_that_is_cancelled_takes_nmap_along() -> None:
    async def go() -> None:
        async with listening(mute) as port:
            look = asyncio.create_task(
                NmapPort(SCOPE, NmapWish()).look(HOST, (port,), system=False, timeout_s=60)
            )
            helper = await _appears(lambda: _children(os.getpid(), "nmap_helper"))
            nmap = await _appears(lambda: _children(helper, "oX - "))
            look.cancel()
            with pytest.raises(asyncio.CancelledError):
                await look
            await _appears(lambda: [1] if _gone(nmap) else [])

    asyncio.run(go())


@pytest.mark.needs("nmap")
def test_out_of_scope_is_refused_by_the_helper_too() -> None:
    async def go() -> NmapAnswer:
        return await NmapPort(SCOPE, NmapWish()).look(
            "127.0.0.1", (22,), system=False, timeout_s=10
        )

    with pytest.raises(ChildError, match="denied"):
        asyncio.run(go())


def test_a_name_from_the_port_table_is_no_word() -> None:
    row = {"port": 22, "state": "open", "service": "ssh", "conf": "3"}
    assert service_told(row, "nmap") is None
    assert service_told({**row, "conf": "10"}, "nmap") is not None
    assert service_told({**row, "conf": "10", "state": "closed"}, "nmap") is None
    assert service_told({**row, "conf": "10", "service": "unknown"}, "nmap") is None
    assert service_told({"port": "x", "conf": None}, "nmap") is None


def test_a_system_without_a_name_is_none() -> None:
    assert os_told({"accuracy": "97"}, "nmap") is None
    assert os_told({"name": "Linux", "accuracy": "97"}, "nmap 7") == OsTold(
        tool="nmap 7", name="Linux", accuracy=970
    )


def _children(pid: int, name: str) -> list[int]:
    words = ["pgrep", "-P", str(pid), "-f", name]
    found = subprocess.run(words, capture_output=True, text=True, check=False, timeout=10)
    return [int(line) for line in found.stdout.split()]


async def _appears(look: Callable[[], list[int]]) -> int:
    for _ in range(600):
        if found := look():
            return found[0]
        await asyncio.sleep(0.05)
    raise AssertionError("it did not come about")


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True
