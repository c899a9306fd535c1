"""The lab's endpoint documents, imported: what its answer key says is found, with the owner it says, and nothing else."""

from __future__ import annotations

import asyncio
from datetime import date

import pytest

from agent.commands.judging import judged
from agent.engagement.engagement import load_engagement
from agent.imports.endpoints import bring_endpoints
from agent.model.judged import Judged
from fixtures.lab.description import load_client
from fixtures.lab.endpoints import expected, write_documents
from fixtures.lab.engagement import write_engagement
from tests.agent.imports.endpoint_sample import COLLECTED


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("lab")
    client = load_client()
    write_engagement(folder / "eng", client, None, date.today())
    for site in client.sites:
        files = write_documents(folder / site.id, site, str, COLLECTED, client.domain)
        engagement = load_engagement(folder / "eng")
        said = asyncio.run(bring_endpoints(engagement, files, site.id, "tester"))
        assert not said.refused and sum(said.added.values()) == len(files) > 0
    return judged(load_engagement(folder / "eng"))


def test_every_planted_agent_is_found_with_its_owner_and_no_other(told: Judged) -> None:
    found = {
        (told.labels[s.asset].upper(), s.product or "", s.owner.owner)
        for s in told.software
        if s.asset
    }
    assert found == expected("siege") | expected("depot")
    assert len(told.software) == len(found)


def test_what_brings_agents_back(told: Judged) -> None:
    back = {
        (told.labels[a], f.severity)
        for f in told.findings
        for a in f.assets
        if f.rule == "reinstall-path"
    }
    assert ("SRV-DC1", "critical") in back
    assert {h for h, _ in back} == {"SRV-DC1", "SRV-ERP", "PC-COMPTA2"}


def test_clean_is_said_only_of_what_was_read_to_its_end(told: Judged) -> None:
    clean = {told.labels[i.asset] for i in told.inspections if i.clean}
    assert clean == {"PC-COMPTA1", "PORTABLE-DG"}
    partly = {told.labels[i.asset] for i in told.inspections if not i.whole}
    assert partly == {"PC-LABO2", "PC-QUAI"}
    (labo,) = [i for i in told.inspections if told.labels[i.asset] == "PC-LABO2"]
    states = {a.area: a for a in labo.areas}
    assert states["software"].state == "partial" and "m.petit" in states["software"].reasons[0]
    assert states["services"].state == "done"


def test_the_former_provider_in_the_administrators(told: Judged) -> None:
    hosts = {
        told.labels[a] for f in told.findings for a in f.assets if f.rule == "local-admin-former"
    }
    assert hosts == {"SRV-DC1", "SRV-FIC", "SRV-ERP", "PC-COMPTA1", "PC-COMPTA2"}


def test_protection_and_what_ends_with_him(told: Judged) -> None:
    found = {
        (f.rule, told.labels[a])
        for f in told.findings
        for a in f.assets
        if f.rule.startswith(("two-anti", "backup-former", "defender-", "no-anti"))
    }
    assert found == {
        ("two-antivirus-engines", "PC-COMPTA1"),
        ("backup-former-tenant", "SRV-DC1"),
        ("defender-active-beside", "SRV-DC1"),
        ("no-antivirus", "SRV-FIC"),
    }
    doors = {(d.door, d.party.owner): d.state for d in told.page_one.doors}
    for door in ("rmm_agent", "remote_access_tool", "reinstaller", "backup_console"):
        assert doors[door, "former"] == "observed", door


def test_nothing_is_clear_and_the_rest_is_an_unknown(told: Judged) -> None:
    assert not [i for i in told.checklist if i.mode == "evidence" and i.state == "clear"]
    causes = {u.cause for u in told.unknowns}
    # Who is administrator of some machines says nothing of the directory.
    assert {"endpoint_partly", "subject_accounts", "subject_dns"} <= causes


def test_what_is_only_suspected_is_not_listed_as_observed(told: Judged) -> None:
    (his,) = [
        d
        for d in told.page_one.doors
        if (d.door, d.party.owner) == ("remote_access_tool", "former")
    ]
    # PC-QUAI has an instance of the product he is known to use, and nobody knows whose it is.
    assert his.state == "observed"
    assert {told.labels[a] for a in his.assets} == {"SRV-DC1"}
