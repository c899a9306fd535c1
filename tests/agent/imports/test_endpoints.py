"""Endpoint documents brought into an engagement: what is refused and why, once is once, and whose machine it is in the inventory."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.commands.judging import judged
from agent.imports.endpoint_file import NotEndpoint, looks_like_endpoint, parse_endpoint
from agent.imports.endpoints import Brought, bring_endpoints
from agent.model.judged import Judged
from tests.agent.engagement.sample import engagement
from tests.agent.imports.endpoint_sample import FORMER, OURS, document, screenconnect, write


def brought(tmp_path: Path, *plain: dict[str, Any], site: str | None = None) -> Brought:
    made = engagement(tmp_path / "eng")
    files = [write(tmp_path / "docs", d, f"{n}.json") for n, d in enumerate(plain)]
    return asyncio.run(bring_endpoints(made, files, site, "tester"))


def result(tmp_path: Path) -> Judged:
    return judged(engagement(tmp_path / "eng"))


def test_each_machine_with_its_agents_and_their_owners(tmp_path: Path) -> None:
    one = document(
        1, more={"services": [screenconnect(OURS, "r.msp.example"), screenconnect(FORMER)]}
    )
    said = brought(tmp_path, one, document(2), site="usine")
    assert (said.added, said.again, said.refused) == ({"usine": 2}, 0, [])
    told = result(tmp_path)
    pc = next(a for a in told.assets if a.attrs["name"].value == "PC-0001")
    assert pc.device_class.value == "workstation" and pc.attrs["serial"].value == "7XK00001"
    assert pc.attrs["os"].value == "Windows 11 Pro 23H2" and pc.attrs["memory"].value == "16 GiB"
    owners = {s.instance["instance"]: (s.asset, s.owner.owner) for s in told.software}
    assert owners == {OURS: (pc.id, "ours"), FORMER: (pc.id, "former")}
    (finding,) = [f for f in told.findings if f.rule == "remote-access-agent"]
    assert finding.severity == "critical" and finding.assets == (pc.id,)
    kinds = {o.id: o.body.kind for _, o in told.observations}
    assert {kinds[e] for e in finding.evidence} == {"endpoint.table"}


def test_once_is_once_also_under_another_name(tmp_path: Path) -> None:
    brought(tmp_path, document(1), site="usine")
    again = brought(tmp_path, document(2), document(1), document(1), site="usine")
    assert (again.added, again.again) == ({"usine": 1}, 2)
    assert len(result(tmp_path).assets) == 2


def test_the_site_is_the_one_it_has_an_address_in(tmp_path: Path) -> None:
    cards = [{"name": "e", "mac": "d4:be:d9:00:00:01", "addresses": ["192.168.8.9", "10.200.0.1"]}]
    said = brought(tmp_path, document(1, machine={"cards": cards}), document(2))
    # 192.168.7.0/24 is the office of both sites.
    assert said.added == {"usine": 1} and "which site" in said.refused[0][1]
    host = next(o for _, o in result(tmp_path).observations if o.body.kind == "endpoint.host")
    assert "10.200.0.1" not in json.dumps(host.plain()) and "192.168.8.9" in json.dumps(
        host.plain()
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"version": 2}, "version '2'"),
        ({"format": "other"}, "no endpoint document"),
        ({"engagement": "0" * 32}, "another client"),
        ({"collected": 4_000_000_000_000_000}, "in the future"),
        ({"collected": 1}, "before 2024"),
        ({"tables": [{"table": "nonsense", "rows": []}]}, "no such table"),
        ({"tables": [{"table": "logs", "rows": [["a"]]}]}, "not the columns"),
        ({"tables": [{"table": "logs", "rows": [["a", 1.5]]}]}, "a cell is text"),
        ({"tables": [{"table": "logs", "rows": [["a", True]]}]}, "a cell is text"),
        ({"tables": [{"table": "logs", "rows": [["a", "x" * 2000]]}]}, "characters"),
        ({"tables": [{"table": "logs", "rows": [["a", "b"]] * 20_001}]}, "20000 are allowed"),
        ({"checked": []}, "nobody says were looked at"),
        ({"checked": [{"source": "logs", "outcome": "failed"}]}, "without a reason"),
        ({"machine": {"name": "x", "password": "y"}}, "Extra inputs"),
    ],
)
def test_what_is_refused_and_why(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    said = brought(tmp_path, {**document(1), **change}, document(2), site="usine")
    assert said.added == {"usine": 1}, "the others go in"
    ((name, why),) = said.refused
    assert name == "0.json" and words in why
    assert len(result(tmp_path).assets) == 1


def test_files_that_are_none(tmp_path: Path) -> None:
    made = engagement(tmp_path / "eng")
    folder = tmp_path / "docs"
    whole = write(folder, document(1)).read_bytes()
    for name, data in (
        ("cut", whole[:-50]),
        ("latin", b'{"format": "\xe9"}'),
        ("deep", b"[" * 200_000),
        ("list", b"[]"),
        ("empty", b""),
    ):
        (folder / f"{name}.json").write_bytes(data)
    with (folder / "huge.json").open("wb") as huge:
        huge.truncate(1 << 30)
    said = asyncio.run(bring_endpoints(made, sorted(folder.iterdir()), "usine", "tester"))
    assert said.added == {"usine": 1}
    assert {n for n, _ in said.refused} == {
        f"{n}.json" for n in ("cut", "latin", "deep", "list", "empty", "huge")
    }
    assert dict(said.refused)["huge.json"].startswith("larger than")
    assert not list((tmp_path / "eng" / "runs").glob("*.new"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_endpoint(data)
    except NotEndpoint as problem:
        assert str(problem)
    looks_like_endpoint(data)


_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
_ANY = st.recursive(
    _LEAF,
    lambda c: st.lists(c, max_size=3) | st.dictionaries(st.text(max_size=5), c, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(document(1))), _ANY)
def test_any_field_may_hold_anything(field: str, value: Any) -> None:
    plain = {**document(1), field: value}
    try:
        parse_endpoint(json.dumps(plain).encode())
    except NotEndpoint as problem:
        assert str(problem)


def test_a_newer_look_replaces_what_it_read_and_keeps_what_it_did_not(tmp_path: Path) -> None:
    before = document(1, more={"services": [screenconnect(FORMER)]})
    brought(tmp_path, before, site="usine")
    after = document(1)
    after["collected"] += 1_000_000
    brought(tmp_path, after, site="usine")
    assert not result(tmp_path).software, "it is gone"
    blind = document(1, checked=[{"source": "logs", "outcome": "done"}])
    blind["collected"] = before["collected"] + 500
    blind["tables"] = [{"table": "logs", "rows": []}]
    other = tmp_path / "other"
    other.mkdir()
    brought(other, before, site="usine")
    brought(other, blind, site="usine")
    (item,) = result(other).software
    assert item.owner.owner == "former" and len(result(other).assets) == 1


def test_a_source_that_was_not_read_answers_nothing(tmp_path: Path) -> None:
    plain = document(1)
    plain["checked"][0] |= {"outcome": "partial", "reason": "3 rows left out"}
    plain["checked"].append(
        {"source": "packages", "view": "user x", "outcome": "skipped", "reason": "hive"}
    )
    brought(tmp_path, plain, site="usine")
    (status,) = [s for _, s in result(tmp_path).statuses]
    kinds = {a.kind for a in status.asks}
    assert "endpoint.processes" in kinds
    assert not {"endpoint.services", "endpoint.software"} & kinds
