"""What the judgement gets of an engagement: providers, facts, the flat client.toml; and a new client.toml as `init` writes it."""

from __future__ import annotations

import tomllib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalogs.checklist import load_checklist
from agent.catalogs.notice import load_notices
from agent.engagement.client_file import ClientFile
from agent.engagement.problems import Refusal
from agent.engagement.providers import providers, slug
from agent.engagement.template import _EN, _FR, NewClient, NewSite, render, write_new
from tests.agent.engagement.sample import CLIENT, MSP, engagement


def test_providers_with_what_was_learned_before(tmp_path: Path) -> None:
    ours, former, approved = providers(engagement(tmp_path))
    assert (ours.id, ours.role, ours.name) == ("ours", "ours", "Notre MSP")
    assert (former.id, former.role) == ("former-infonord", "former")
    assert former.tools == ("N-able N-central", "ScreenConnect", "Atera")
    assert former.ids == {
        "screenconnect": ("ab12cd34ef56ab78", "ffffffffffffffff"),
        "atera": ("boss@infonord.example",),
    }
    # The last microsecond of 31 May 2026, UTC.
    assert former.valid == (None, 1780271999_999999)
    assert (approved.id, approved.role, approved.owns) == ("approved-erp-partner", "approved", ())


def test_providers_keep_apart_what_sounds_alike(tmp_path: Path) -> None:
    client = CLIENT + '\n[[former]]\nname = "Info-Nord!"\n[[former]]\nname = "???"\n'
    found = providers(engagement(tmp_path, client, MSP.replace('name = "Notre MSP"', "")))
    assert [p.id for p in found] == [
        "former-infonord",
        "former-info-nord",
        "former-x",
        "approved-erp-partner",
    ]
    assert slug("Réseau & Cie") == "reseau-cie"


def test_facts_and_the_flat_file(tmp_path: Path) -> None:
    e = engagement(tmp_path)
    facts = e.facts()
    assert (facts.client, facts.us, facts.operator) == (
        "Atelier Durand SARL",
        "Notre MSP",
        "Alex Petit",
    )
    assert (facts.mandate_from, facts.mandate_to) == ("2026-01-10", "2026-06-30")
    assert ("192.168.9.0/24", "guest network") in facts.sites[0].never
    flat = e.client_flat()
    assert flat["client.contact"] == "Anne Durand; DG; +33 5 36 49 02 01; a@durand.example"
    assert flat["site.usine.hours"] == "Mon-Fri 08:00-18:00"
    assert flat["site.hours"] == "usine: Mon-Fri 08:00-18:00"
    assert flat["former"].startswith("InfoNord; Info Nord; infonord.example")
    assert not [k for k in flat if "account" in k or "HANDOVER" in flat[k]]


def test_every_prefill_of_the_checklist_leads_somewhere(tmp_path: Path) -> None:
    client = CLIENT.replace('staff = "staff.csv"', 'staff = "staff.csv"\nclaims = "claims.xlsx"')
    flat = engagement(tmp_path, client).client_flat()
    missing = [i.prefill for i in load_checklist().items if i.prefill and i.prefill not in flat]
    assert missing == []


def test_a_new_client_toml_with_everything(tmp_path: Path) -> None:
    new = NewClient(
        name="A",
        language="fr",
        domains=("a.example",),
        signed_by="B",
        signed_on=date(2026, 1, 2),
        valid_from=date(2026, 1, 3),
        valid_to=date(2026, 2, 3),
        document="m.pdf",
        allows=("sweep",),
        agreement=False,
        staff_informed=True,
        keep_until=date(2026, 9, 9),
        former=("C", "D"),
        care={"lift": "no"},
        sites=[
            NewSite(
                "hq",
                [("192.168.1.0/24", "office")],
                [("192.168.1.9", "x")],
                gateway_mac="00:00:5e:00:53:01",
            ),
            NewSite("two"),
        ],
    )
    client = ClientFile.model_validate(tomllib.loads(render(new)))
    assert client.mandate.valid is not None and client.mandate.valid.to == date(2026, 2, 3)
    assert client.mandate.data_processing_agreement is False
    assert [f.name for f in client.former] == ["C", "D"]
    assert [s.id for s in client.site] == ["hq", "two"]
    assert client.care.lift == "no"


@settings(deadline=None, max_examples=60)
@given(
    st.text(max_size=30).filter(str.isprintable)
    | st.text(st.characters(codec="utf-8"), min_size=1, max_size=30),
    st.sampled_from(["en", "fr"]),
)
def test_whatever_was_told_is_valid_toml(name: str, language: str) -> None:
    new = NewClient(name=name, language=language, former=(name,), signed_by=name)
    data = tomllib.loads(render(new))
    if name:
        assert data["client"]["name"] == data["former"][0]["name"] == name


@pytest.mark.parametrize("language", ["en", "fr"])
def test_what_was_left_out_is_right_once_uncommented(language: str) -> None:
    kept: list[str] = []
    for line in render(NewClient(name="A", language=language)).splitlines():
        bare = line.removeprefix("# ")
        toml = bare.startswith(("[", "]", " ")) or " = " in bare.split("#")[0]
        kept.append(
            bare
            if toml and " : " not in bare and not bare.startswith("former_knows = false:")
            else ""
        )
    kept = [line for line in kept if not line.startswith(("mode: ", "Seen in"))]
    client = ClientFile.model_validate(tomllib.loads("\n".join(kept)))
    assert client.mandate.allows == ("sweep",)
    assert client.site[0].unreached and client.account[0].for_ == "directory"


def test_the_comments_are_in_both_languages() -> None:
    assert _EN.keys() == _FR.keys()
    same = [k for k in _EN if _EN[k] == _FR[k] and k != "allows"]
    assert same == []


def test_an_existing_file_is_never_touched(tmp_path: Path) -> None:
    path = tmp_path / "client.toml"
    path.write_text("mine")
    with pytest.raises(Refusal) as caught:
        write_new(path, NewClient(name="A"))
    assert caught.value.code == 2 and path.read_text() == "mine"


def test_notices_are_told_in_both_languages() -> None:
    notices = load_notices()
    assert len({n.id for n in notices}) == len(notices) >= 10
    for n in notices:
        for text in (n.what, n.who):
            assert text.en != text.fr


def test_every_probe_that_sends_is_noticed_by_somebody() -> None:
    from agent.registry import PROBES

    told = {p for n in load_notices() for p in n.probes}
    assert {p.name for p in PROBES} <= told
