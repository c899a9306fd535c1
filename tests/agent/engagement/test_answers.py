"""answers.toml: what is saved comes back, nobody's answer is lost, a failed write keeps the old file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.catalogs.checklist import load_checklist
from agent.engagement import intake
from agent.engagement.answers import load_answers, update_answers
from agent.engagement.problems import EngagementError, Refusal
from agent.model.answers import AcceptedRisk, AddedAsset, Answers, ItemAnswer, Pin

_text = st.text(st.characters(codec="utf-8"), max_size=30)
_us = st.integers(0, 1 << 52)
_items = st.builds(
    ItemAnswer,
    answer=st.none() | _text,
    by=_text,
    at=_us,
    due=st.none() | _us,
    owner=st.none() | _text,
    lines=st.dictionaries(_text, st.sampled_from(["done", "open"]), max_size=2),
)
_answers = st.builds(
    Answers,
    items=st.dictionaries(_text, _items, max_size=3),
    accepted=st.lists(
        st.builds(AcceptedRisk, finding=_text, by=_text, at=_us, why=_text), max_size=2
    ).map(tuple),
    assets=st.lists(
        st.builds(
            AddedAsset,
            id=_text,
            name=_text,
            device_class=_text,
            site=_text,
            by=_text,
            at=_us,
            fields=st.dictionaries(_text, _text, max_size=2),
        ),
        max_size=2,
    ).map(tuple),
    pins=st.dictionaries(
        _text,
        st.builds(Pin, gateway_mac=st.none() | _text, public_ip=st.none(), learned=_us, by=_text),
        max_size=2,
    ),
    owners=st.dictionaries(_text, _text, max_size=2),
)


@settings(deadline=None, max_examples=60)
@given(_answers)
def test_what_is_saved_comes_back(answers: Answers) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assert update_answers(folder, lambda _: answers) == answers
        assert load_answers(folder) == answers
        left = sorted(p.name for p in folder.iterdir())
        assert left == [".handover", "answers.toml"]


def test_no_file_is_no_answers(tmp_path: Path) -> None:
    assert load_answers(tmp_path) == Answers()


def test_a_broken_file_is_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / "answers.toml").write_text("[items]\nx = {", "utf-8")
    with pytest.raises(EngagementError, match=r"answers\.toml:2: not valid TOML"):
        update_answers(tmp_path, lambda a: a)
    assert (tmp_path / "answers.toml").read_text("utf-8") == "[items]\nx = {"


ADD = """
import sys, time
from pathlib import Path
from agent.engagement.answers import update_answers
for n in range(40):
    update_answers(Path(sys.argv[1]), lambda a: (time.sleep(0.001), a.model_copy(update={
        "owners": {**a.owners, f"{sys.argv[2]}-{n}": "ours"}}))[1])
"""


def test_processes_do_not_lose_each_others_answers(tmp_path: Path) -> None:
    running = [subprocess.Popen([sys.executable, "-c", ADD, str(tmp_path), name]) for name in "abc"]
    assert [p.wait(timeout=100) for p in running] == [0, 0, 0]
    assert set(load_answers(tmp_path).owners) == {f"{p}-{n}" for p in "abc" for n in range(40)}


FULL = """
import resource, signal, sys
from pathlib import Path
from agent.engagement.answers import update_answers
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
update_answers(Path(sys.argv[1]), lambda a: a.model_copy(update={"owners": {"x" * 400: "ours"}}))
"""


def test_a_full_disk_keeps_the_old_answers(tmp_path: Path) -> None:
    before = update_answers(tmp_path, lambda a: a.model_copy(update={"owners": {"a": "ours"}}))
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert "cannot be written: File too large; the earlier answers are kept" in done.stderr
    assert load_answers(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == [".handover", "answers.toml"]


def value_of(item: str, value: str) -> str | None:
    answers = intake.answered(Answers(), intake.item_of(item), value, "Anne", 7)
    assert answers.items[item].by == "Anne" and answers.items[item].at == 7
    return answers.items[item].answer


def test_answers_are_checked_by_their_kind() -> None:
    assert value_of("1.company.name", " Durand ") == "Durand"
    assert value_of("1.company.sector", "Santé") == "health"
    assert value_of("1.company.sector", "industry") == "industry"
    assert (
        value_of("1.company.critical", "billing | SAP | 4 h\n\nphones|PBX")
        == "billing | SAP | 4 h\nphones | PBX"
    )
    by_kind = {i.answer: i.id for i in load_checklist().items if i.mode == "intake"}
    good = {
        "date": "2026-01-02",
        "yesno": "Oui",
        "email": "a@b.example",
        "phone": "+33 1 02",
        "number": "12",
        "money": "1200,50 EUR",
    }
    bad = {
        "date": "2/1/26",
        "yesno": "perhaps",
        "email": "a at b",
        "phone": "call me",
        "number": "1.5",
        "money": "a lot",
    }
    for kind in set(good) & set(by_kind):
        item = by_kind[kind]  # type: ignore[index]
        assert value_of(item, good[kind])
        with pytest.raises(Refusal) as caught:
            value_of(item, bad[kind])
        assert caught.value.code == 2 and item in str(caught.value)


@pytest.mark.parametrize(
    ("item", "value", "words"),
    [
        ("1.company.sector", "farm", "takes one of office"),
        ("1.company.name", "  ", "an empty answer"),
        ("1.company.critical", "|".join("abcdefghij"), "columns"),
    ],
)
def test_answers_that_are_refused(item: str, value: str, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        value_of(item, value)


def test_decisions_name_the_person() -> None:
    item = intake.item_of("1.company.name")
    with pytest.raises(Refusal, match="say who answers or decides"):
        intake.decided(Answers(), item, "cannot_be_had", " ", 1)
    set_ = intake.decided(Answers(), item, "cannot_be_had", "Anne", 1, "lost")
    assert set_.items[item.id] == ItemAnswer(answer="lost", state="cannot_be_had", by="Anne", at=1)


def test_lines_and_due_dates_outlive_a_new_answer() -> None:
    evidence = next(i for i in load_checklist().items if i.mode == "evidence")
    action = next(i for i in load_checklist().items if i.mode == "action")
    ref = "asset::" + "a" * 32
    one = intake.done(Answers(), evidence, ref, "Anne", 1)
    two = intake.done(one, evidence, "asset::" + "b" * 32, "Paul", 2)
    assert two.items[evidence.id].lines == {ref: "done", "asset::" + "b" * 32: "done"}
    with pytest.raises(Refusal, match="ticks its lines one by one"):
        intake.done(Answers(), evidence, None, "Anne", 1)
    with pytest.raises(Refusal, match="takes a line by its reference"):
        intake.done(Answers(), evidence, "printer", "Anne", 1)
    planned = Answers(items={action.id: ItemAnswer(by="x", at=0, due=99, owner="Paul")})
    done = intake.done(planned, action, None, "Anne", 5).items[action.id]
    assert (done.state, done.due, done.owner, done.by) == ("done", 99, "Paul", "Anne")


def test_an_accepted_risk_replaces_the_one_before() -> None:
    key = "0" * 32
    one = intake.risk_accepted(Answers(), key, "Anne", "old printer", 1)
    two = intake.risk_accepted(one, key, "Paul", "replaced in May", 2)
    assert [(r.by, r.why) for r in two.accepted] == [("Paul", "replaced in May")]
    for finding, why in (("printer", "x"), (key, " ")):
        with pytest.raises(Refusal):
            intake.risk_accepted(Answers(), finding, "Anne", why, 1)
