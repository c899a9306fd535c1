"""Every key of a catalogue that a result can name has its text, in both languages."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from agent.catalogs.checklist import STEPS, load_checklist
from agent.catalogs.doors import load_doors
from agent.catalogs.risks import load_risks
from agent.catalogs.unknowns import load_unknowns
from agent.model.asset import DEVICE_CLASSES, Presence
from agent.model.attribution import Owner
from agent.model.checklist import ItemState
from agent.model.finding import SEVERITIES
from agent.model.judged import SUBJECTS, DoorState
from agent.model.observation import Standing
from agent.model.software import Form
from agent.model.status import UnitOutcome
from reports.html.texts import Lang, strings
from reports.prose import Prose
from tests.reports.sample_estate import PARAMS


@pytest.fixture(params=["en", "fr"])
def lang(request: pytest.FixtureRequest) -> Lang:
    return "fr" if request.param == "fr" else "en"


def test_rules(lang: Lang) -> None:
    for rule in load_risks().rules:
        told = Prose(lang).rule(rule.id, PARAMS)
        for said in (told.title, told.risk, told.remediation):
            assert said != rule.id
            assert not re.search(r"%\(|\[\w+\]", said), said
        assert all(r.url.startswith("https://") for r in told.references)


def test_items_and_steps(lang: Lang) -> None:
    for item in load_checklist().items:
        told = Prose(lang).item(item.id)
        assert told.title != item.id
        assert told.help
        assert told.section_title
    assert all(not Prose(lang).step(n).isdigit() for n in STEPS)


def test_unknowns(lang: Lang) -> None:
    for cause in load_unknowns().causes:
        told = Prose(lang).unknown(cause.id, cause.step, PARAMS)
        assert "[" not in told.cause + told.step
        assert told.step != cause.step
        assert Prose(lang).cause(cause.id) != cause.id, "a short name in strings.toml"
        assert f"who_{told.who}" in strings(lang)


def test_doors_and_parties(lang: Lang) -> None:
    assert all(Prose(lang).door(d.id) != d.id for d in load_doors().doors)
    assert all(Prose(lang).party(p.id) for p in load_doors().parties)
    assert Prose(lang).party("InfoSud Services") is None


def test_codes_of_the_model(lang: Lang) -> None:
    wanted = {
        "class": DEVICE_CLASSES,
        "presence": get_args(Presence),
        "state": get_args(ItemState),
        "severity": SEVERITIES,
        "known": ("not_asked", "unreadable", "absent"),
        "subject": SUBJECTS,
        "door": get_args(DoorState),
        "standing": get_args(Standing),
        "form": get_args(Form),
        "owner": get_args(Owner),
        "outcome": (*get_args(UnitOutcome), "complete", "interrupted", "killed"),
    }
    missing = [
        f"{p}_{c}" for p, codes in wanted.items() for c in codes if f"{p}_{c}" not in strings(lang)
    ]
    assert missing == []


def test_a_key_without_text_is_shown_and_stops_nothing(lang: Lang) -> None:
    prose = Prose(lang)
    assert prose.rule("no-such-rule", {}).title == "no-such-rule"
    assert prose.rule("telnet-open", {}).risk.count("[ports]") == 1
    assert prose.item("9.none").title == "9.none"
    assert prose.unknown("none", "nothing", {}).step == "nothing"
    assert prose.door("none") == "none"
    assert prose.cause("none") == "none"


def test_the_reason_of_an_unknown_is_in_the_readers_language() -> None:
    params: dict[str, str | int] = {
        "probe": "heard",
        "site": "a",
        "count": 1,
        "reason": "the deadline of 60 s passed",
    }
    english = Prose("en").unknown("unit_failed", "look_again", params).cause
    french = Prose("fr").unknown("unit_failed", "look_again", params).cause
    assert "the deadline of 60 s passed" in english
    assert "le délai de 60 s est dépassé" in french
    assert "deadline" not in french
