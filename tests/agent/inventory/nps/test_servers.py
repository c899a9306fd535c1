"""From the imported file to what the report says: groups by name, devices of clients, the newest file, nobody without a directory."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from agent.commands.judging import judged
from agent.imports.bring import ImportProblem, bring
from agent.inventory.build import build
from agent.judgement.judge import judge
from agent.material import Material
from agent.model.judged import Judged
from agent.model.nps import NpsServer
from tests.agent.engagement.sample import engagement
from tests.agent.inventory.directory.tables import HEAD, SID, group, members, table, told, user
from tests.nps_sample import (
    ALWAYS,
    SECRET,
    TARGET_SECRET,
    TEMPLATE_SECRET,
    client,
    document,
    policy,
    request,
)
from tests.nps_sample import group as servers

VPN = f'USERNTGROUPS("{SID}-1200")'
FILE = document(
    policy("VPN", 1, VPN, 'MATCH("NAS-Port-Type=^5$")', ignores=True),
    policy("Staff", 2, VPN),
    policy("Rest", 9, ALWAYS, grants=False),
    clients=(client("FW", "192.0.2.1"), client("Old", "192.0.2.99", signed=False)),
    groups=(servers("Them", "203.0.113.20"),),
)


def imported(tmp_path: Path, data: bytes = FILE, name: str = "nps01.xml") -> Judged:
    file = tmp_path / name
    file.write_bytes(data)
    made = engagement(tmp_path / "eng")
    said = asyncio.run(bring(made, file, "usine", "tester"))
    assert "not kept" in said
    return judged(made)


def one(result: Judged) -> NpsServer:
    (found,) = result.nps
    return found


def with_directory(tmp_path: Path, data: bytes = FILE) -> Material:
    """What was imported, in the engagement of a domain."""
    here = told(
        HEAD,
        table(
            "users",
            [
                user(1100, "anne"),
                user(1101, "jean"),
                user(1102, "parti", uac=514),
                user(1103, "tech", mail="tech@oldmsp.example"),
            ],
        ),
        table("computers", []),
        table("groups", [group(1200, "Accès distant")]),
        table("members", members((1200, 1100), (1200, 1102), (1200, 1103))),
    )
    result = imported(tmp_path, data)
    rows = tuple((run, o) for run, o in result.observations if o.probe == "nps")
    return replace(here, observations=(*here.observations, *rows))


def test_without_a_directory_nobody_is_said_to_be_refused(tmp_path: Path) -> None:
    server = one(imported(tmp_path))
    assert (server.domains, server.entries, server.refused) == ((), (), 0)
    assert [p.name for p in server.policies] == ["VPN", "Staff", "Rest"]
    assert server.policies[0].groups == (f"{SID}-1200",)
    assert server.policies[0].others == ('MATCH("NAS-Port-Type=^5$")',)
    assert server.policies[2].others == (), "at any time is no condition"


def test_accounts_groups_and_owners(tmp_path: Path) -> None:
    material = with_directory(tmp_path)
    inventory = build(material)
    (server,) = inventory.nps
    assert server.policies[1].groups == ("labo.test\\Accès distant",)
    told_ = {e.name: (e.verdict, e.policies) for e in server.entries}
    assert told_ == {"anne": ("yes", ("VPN", "Staff")), "tech": ("yes", ("VPN", "Staff"))}
    assert server.refused == 1 and server.domains == ("labo.test",)
    grants = {
        a.name: [g.verdict for g in a.grants if g.target.ns == "nps"] for a in inventory.accounts
    }
    assert grants["anne"] == ["yes"] and grants["jean"] == []
    result = judge(material, inventory)
    (his,) = [f for f in result.findings if f.rule == "dialin-former"]
    assert his.owner is not None and his.owner.provider == "former-oldmsp"
    (cell,) = [
        d for d in result.doors if d.door == "dial_in" and d.party.provider == "former-oldmsp"
    ]
    assert cell.state == "observed"


def test_where_another_server_decides_nobody_is_let_in_or_refused(tmp_path: Path) -> None:
    out = request("Out", 1, ALWAYS, provider=2, target="Them")
    data = document(
        policy("Staff", 2, VPN), requests=(out,), groups=(servers("Them", "203.0.113.20"),)
    )
    (server,) = build(with_directory(tmp_path, data)).nps
    assert (server.local, server.entries, server.refused) == (False, (), 0)


def test_where_that_is_not_known_everybody_is_unknown(tmp_path: Path) -> None:
    odd = request("Odd", 1, ALWAYS, provider=8)
    (server,) = build(
        with_directory(tmp_path, document(policy("Staff", 2, VPN), requests=(odd,)))
    ).nps
    assert server.local is None and server.refused == 0
    assert {e.verdict for e in server.entries} == {"unknown"} and len(server.entries) == 3


def test_the_newest_file_of_a_server_counts(tmp_path: Path) -> None:
    imported(tmp_path)
    server = one(imported(tmp_path, document(policy("Only", 1, VPN))))
    assert [p.name for p in server.policies] == ["Only"]
    both = imported(tmp_path, document(policy("B", 1)), "nps02.xml")
    assert {s.server for s in both.nps} == {"nps01", "nps02"}


def test_clients_nobody_knows_and_unsigned_ones_are_found(tmp_path: Path) -> None:
    result = imported(tmp_path)
    rules = {f.rule for f in result.findings}
    assert {"radius-unsigned", "radius-same-secret"} <= rules
    assert "radius-client-unknown" not in rules, "nobody knows of any device yet"


def test_no_secret_in_any_output(tmp_path: Path) -> None:
    result = imported(tmp_path)
    texts = [json.dumps(result.model_dump(mode="json"))]
    for run in engagement(tmp_path / "eng").runs.glob("*"):
        texts.append(run.read_bytes().decode("latin-1"))
    assert any("RADIUS" in t or "nps.policy" in t for t in texts)
    for text in texts:
        assert not any(s in text for s in (SECRET, TEMPLATE_SECRET, TARGET_SECRET))


@pytest.mark.parametrize("data", [FILE[:400], b'<?xml version="1.0"?><Root></Root>'])
def test_a_damaged_file_adds_nothing(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "nps01.xml"
    file.write_bytes(data)
    made = engagement(tmp_path / "eng")
    with pytest.raises(ImportProblem, match="export of NPS"):
        asyncio.run(bring(made, file, "usine", "tester"))
    assert not list(made.runs.glob("*.run")) if made.runs.exists() else True


def test_a_file_that_names_no_server_is_not_taken(tmp_path: Path) -> None:
    """Every server has an ias.xml: the second would replace the first unseen."""
    file = tmp_path / "IAS.xml"
    file.write_bytes(FILE)
    made = engagement(tmp_path / "eng")
    with pytest.raises(ImportProblem, match="which server"):
        asyncio.run(bring(made, file, "usine", "tester"))
