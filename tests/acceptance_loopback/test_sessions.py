"""A run in several sessions: each says who, from where and on which client.toml; a narrowing holds; the clock and the scope end it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.engagement.engagement import load_engagement
from agent.engagement.msp_file import MspFile
from agent.engagement.problems import Refusal
from agent.load_material import load_material
from agent.model.run import RunHeader, SessionEnd, UnitPlan
from agent.model.status import ProbeStatus
from agent.perform import UNSEALED, Performing, RunRequest
from agent.store.reader import RunFile

REQUEST = RunRequest(site="siege", outside_window=True, port_offset=20000, operator="Alex")


class StopSoon:
    """Ends the session as the technician's Ctrl-C does, after the first unit of work."""

    performing: Performing | None = None

    def planned(self, probe: str, units: int) -> None:
        pass

    def ended(self, status: ProbeStatus) -> None:
        if self.performing and status.unit != "*":
            self.performing.stop("stopped by hand")


def session(
    folder: Path, *, stop: bool = False, say: Callable[[str], None] = print, **more: object
) -> tuple[Path, SessionEnd]:
    soon = StopSoon()
    request = replace(REQUEST, **more)  # type: ignore[arg-type]
    performing = Performing(load_engagement(folder), request, soon, say=say)
    soon.performing = performing if stop else None
    end = asyncio.run(performing.main())
    return performing.path, end


def first_host(folder: Path) -> str:
    net = load_engagement(folder).client.site[0].networks[0].net
    return net.replace(".0/27", ".1")


def test_a_resumed_run_keeps_its_narrowing_and_names_each_session(engagement: Path) -> None:
    host = first_host(engagement)
    _, end = session(engagement, only=("tcp_ports", host), stop=True)
    assert end.outcome == "interrupted"
    client = engagement / "client.toml"
    client.write_text(client.read_text("utf-8") + "\n# changed between the sessions\n", "utf-8")
    path, end = session(engagement, resume=True, operator="Sam")
    with RunFile(path) as file:
        assert file.header.only == ("tcp_ports", host)
        plan: tuple[UnitPlan, ...] = file.plan
        (start,) = file.starts
    assert {u.probe for u in plan} == {"tcp_ports"}
    assert {t for u in plan for t in u.targets} == {host}
    assert start.facts is not None and file.header.operator == "Alex"
    assert (start.facts.operator, start.facts.vantage.mode) == ("Sam", "lab-loopback")
    assert start.facts.client_toml_sha256 != file.header.client_toml_sha256
    (run,) = load_material(load_engagement(engagement)).runs
    assert [(r.session, r.facts and r.facts.operator) for r in run.resumed] == [(1, "Sam")]
    assert run.self_consistent


def test_a_resumed_run_asks_the_ports_it_began_with(engagement: Path) -> None:
    host = first_host(engagement)
    session(engagement, only=("arp", "tcp_ports", host), ports="21022,21080", stop=True)
    with pytest.raises(Refusal, match="the ports the run began with") as caught:
        session(engagement, resume=True, ports="wide")
    assert caught.value.code == 2
    path, _ = session(engagement, resume=True)
    with RunFile(path) as file:
        units = {u.params.get("ports") for u in file.plan if u.unit == host}
    assert units == {"21022,21080"}


def test_who_relies_on_encryption_is_told_that_there_is_none(engagement: Path) -> None:
    key = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
    told: list[str] = []
    plain = load_engagement(engagement)
    for msp in (MspFile(), MspFile.model_validate({"age": key})):
        request = replace(REQUEST, only=("tcp_ports", first_host(engagement)))
        performing = Performing(replace(plain, msp=msp), request, say=told.append)
        asyncio.run(performing.main())
    assert told == [UNSEALED]


def test_another_scope_is_another_run(engagement: Path) -> None:
    session(engagement, only=("tcp_ports",), stop=True)
    client = engagement / "client.toml"
    changed = client.read_text("utf-8").replace(".1.0/27", ".1.0/28")
    client.write_text(changed, "utf-8")
    with pytest.raises(Refusal, match="not the one this run began with") as caught:
        session(engagement, resume=True)
    assert caught.value.code == 2


def test_a_damaged_run_file_does_not_bar_the_others(engagement: Path) -> None:
    path, _ = session(engagement, only=("tcp_ports",), stop=True)
    (engagement / "runs" / "99990101T000000Z-depot-000000.run").write_bytes(b"no run at all" * 400)
    told: list[str] = []
    again, _ = session(engagement, resume=True, say=told.append)
    assert again == path
    assert len(told) == 1 and "depot-000000.run" in told[0]


def test_the_end_of_the_mandate_ends_the_session(engagement: Path) -> None:
    """In date when the gate asks; a minute later it is the next day."""
    valid = load_engagement(engagement).client.mandate.valid
    assert valid is not None and valid.to is not None
    last = datetime(valid.to.year, valid.to.month, valid.to.day, 12, tzinfo=UTC)
    times = iter([last])
    performing = Performing(
        load_engagement(engagement), REQUEST, clock=lambda: next(times, last + timedelta(days=1))
    )
    end = asyncio.run(performing.main())
    assert (end.outcome, end.reason) == ("interrupted", f"the mandate ended on {valid.to}")


def test_an_old_header_without_the_new_fields_is_read() -> None:
    new = {"only", "with_nmap", "ports"}
    assert all(not RunHeader.model_fields[name].is_required() for name in new)
