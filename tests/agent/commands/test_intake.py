"""`handover intake` and `handover add`: answers are kept one by one, by name, whatever happens next."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalogs.checklist import load_checklist
from agent.engagement.answers import load_answers
from tests.agent.commands.terminal import handover, typed
from tests.agent.engagement.sample import folder

FINDING = "0123456789abcdef" * 2
ACTION = next(i.id for i in load_checklist().items if i.mode == "action")
EVIDENCE = next(i.id for i in load_checklist().items if i.mode == "evidence")


def test_everything_by_flags(tmp_path: Path) -> None:
    folder(tmp_path)
    ref = "asset::" + "a" * 32
    calls = [
        (
            "--set",
            "1.company.name=Durand = Fils",
            "--set",
            "1.company.sector=Santé",
            "--by",
            "Anne",
        ),
        ("--cannot-be-had", "1.company.billing", "--by", "Anne", "--why", "lost"),
        ("--not-applicable", "1.company.obligations", "--by", "Anne"),
        ("--done", ACTION, "--by", "Paul"),
        ("--done", EVIDENCE, "--line", ref, "--by", "Paul"),
        ("--accept-risk", FINDING, "--why", "replaced in May", "--by", "Anne"),
    ]
    for args in calls:
        code, out, err = handover("intake", tmp_path, *args)
        assert (code, err) == (0, ""), args
        assert out.startswith("Saved: ")
    answers = load_answers(tmp_path)
    items = {k: (v.answer, v.state, v.by) for k, v in answers.items.items()}
    assert items["1.company.name"] == ("Durand = Fils", "answered", "Anne")
    assert items["1.company.sector"][0] == "health"
    assert items["1.company.billing"] == ("lost", "cannot_be_had", "Anne")
    assert items["1.company.obligations"][1] == "not_applicable"
    assert items[ACTION] == (None, "done", "Paul")
    assert answers.items[EVIDENCE].lines == {ref: "done"}
    assert [(r.finding, r.by) for r in answers.accepted] == [(FINDING, "Anne")]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--set", "1.company.name=A"), "say who answers or decides"),
        (("--set", "1.company.name", "--by", "A"), "--set takes ITEM=VALUE"),
        (("--set", "1.company.nam=A", "--by", "A"), "no item '1.company.nam'"),
        (("--set", "1.company.sector=farm", "--by", "A"), "takes one of office"),
        (("--cannot-be-had", "x", "--by", "A"), "no item 'x'"),
        (("--done", EVIDENCE, "--by", "A"), "--line REF"),
        (("--line", "x"), "--line goes with --done"),
        (("--accept-risk", "x", "--why", "y", "--by", "A"), "32 digits"),
        (("--accept-risk", FINDING, "--by", "A"), "--why TEXT"),
        ((), "No terminal"),
    ],
)
def test_what_is_refused_changes_nothing(tmp_path: Path, args: tuple[str, ...], words: str) -> None:
    folder(tmp_path)
    good = ("--set", "1.company.billing=x") if args and args[0] != "--line" else ()
    code, _, err = handover("intake", tmp_path, *good, *args)
    assert code == 2 and words in err, err
    assert not (tmp_path / "answers.toml").exists()


def test_the_form_in_the_clients_language_goes_on_where_it_was_left(tmp_path: Path) -> None:
    folder(tmp_path)
    code, shown = typed(
        ["intake", tmp_path, "--step", "1"],
        [
            ("Qui répond", "Anne\n"),
            ("Raison sociale", "\n"),  # what client.toml says
            ("SIREN", ".\n"),  # later
            ("Secteur", "ferme\n"),  # refused, asked again
            ("takes one of", "health\n"),
            ("facturation", "!\n"),
            ("ne doit jamais", "caisse | ERP | 4 h\n"),
            ("> ", "téléphonie | PBX\n"),
            ("> ", "\n"),
            ("Obligations", "q\n"),
        ],
    )
    assert code == 0, shown
    assert "Atelier Durand SARL" in shown and "nécessaire avant le contrat" in shown
    items = load_answers(tmp_path).items
    assert items["1.company.name"].answer == "Atelier Durand SARL"
    assert items["1.company.sector"].answer == "health"
    assert items["1.company.billing"].state == "cannot_be_had"
    assert items["1.company.critical"].answer == "caisse | ERP | 4 h\ntéléphonie | PBX"
    assert set(items) == {f"1.company.{k}" for k in ("name", "sector", "billing", "critical")}
    assert {i.by for i in items.values()} == {"Anne"}
    code, shown = typed(
        ["intake", tmp_path, "--lang", "en", "--by", "Paul"], [("VAT number", "FR 1\n")], kill=True
    )
    assert code == -9 and "Legal name" not in shown


def test_a_killed_form_keeps_every_answer_given(tmp_path: Path) -> None:
    folder(tmp_path)
    code, _ = typed(
        ["intake", tmp_path, "--by", "Anne"],
        [("Raison sociale", "\n"), ("SIREN", "FR 1\n"), ("Secteur", "")],
        kill=True,
    )
    assert code == -9
    assert [i.answer for i in load_answers(tmp_path).items.values()] == [
        "Atelier Durand SARL",
        "FR 1",
    ]


def test_add(tmp_path: Path) -> None:
    folder(tmp_path)
    args = ("add", tmp_path, "--name", "Traceur", "--class", "iot", "--by", "Anne")
    code, _, err = handover(*args)
    assert code == 2 and "several sites" in err
    code, out, _ = handover(
        *args, "--site", "usine", "--field", "serial=12", "--field", "car=AB-123"
    )
    assert code == 0 and "Added: Traceur" in out
    first = load_answers(tmp_path).assets[0]
    assert first.fields == {"serial": "12", "car": "AB-123"} and first.by == "Anne"
    assert handover(*args, "--site", "usine", "--field", "serial=13")[0] == 0
    assert handover(*args, "--site", "depot")[0] == 0
    again, other = load_answers(tmp_path).assets
    assert (again.id, again.fields) == (first.id, {"serial": "13"})
    assert other.site == "depot" and other.id != first.id
    for bad, words in (
        (("--site", "usine", "--field", "serial"), "KEY=VALUE"),
        (("--site", "nowhere"), "there is no site"),
        (("--site", "usine", "--class", "dragon"), "--class is one of"),
    ):
        code, _, err = handover(*args, *bad)
        assert code == 2 and words in err
