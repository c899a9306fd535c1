"""`handover purge`: what names the person is gone from runs, answers and attempts; finding nothing is no success."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from agent.engagement.answers import load_answers, update_answers
from agent.engagement.attempts import AlreadyRefused, AttemptLog
from agent.model.answers import AcceptedRisk, AddedAsset, Answers, ItemAnswer
from agent.store.verify import verify
from tests.agent.commands.conftest import one_run
from tests.agent.commands.inside import Inside
from tests.agent.engagement.sample import CLIENT, folder


@pytest.mark.parametrize("text", [" ", "", "ab", "  a  "])
def test_a_name_that_is_none_is_refused(filled: Path, inside: Inside, text: str) -> None:
    before = one_run(filled).read_bytes()
    code, _, err = inside("purge", filled, "--person", text, "--yes")
    assert code == 2 and "at least 3" in err
    assert one_run(filled).read_bytes() == before


@pytest.mark.parametrize("until", ["", "keep_until = 2999-12-31\n"])
def test_nothing_has_expired_before_its_day(filled: Path, inside: Inside, until: str) -> None:
    folder(filled, CLIENT.replace("keep_until = 2026-12-31\n", until))
    before = one_run(filled).read_bytes()
    code, _, err = inside("purge", filled, "--expired", "--yes")
    assert code == 2 and "nothing has expired" in err
    assert one_run(filled).read_bytes() == before


def test_what_has_expired_is_erased(filled: Path, inside: Inside) -> None:
    folder(filled, CLIENT.replace("keep_until = 2026-12-31", "keep_until = 2026-06-30"))
    code, _, err = inside("purge", filled, "--expired", "--yes")
    assert code == 0, err
    assert b"192.168.7.9" not in one_run(filled).read_bytes()
    assert verify(one_run(filled)).self_consistent


@pytest.mark.parametrize(
    "written",
    [
        "ACME\\jdoe",
        "acme\\JDOE",
        "Zoé Müller",
        unicodedata.normalize("NFD", "Zoé Müller"),
        "ZOÉ MÜLLER",
    ],
)
def test_a_person_is_found_however_written(filled: Path, inside: Inside, written: str) -> None:
    code, out, err = inside("purge", filled, "--person", written, "--yes")
    assert code == 0, (out, err)
    data = one_run(filled).read_bytes()
    gone, kept = ("SN-1", "SN-2") if "jdoe" in written.lower() else ("SN-2", "SN-1")
    assert gone.encode() not in data and kept.encode() in data
    assert verify(one_run(filled)).self_consistent


def test_nobody_found_is_said(filled: Path, inside: Inside) -> None:
    code, _, err = inside("purge", filled, "--person", "Nemo Nobody", "--yes")
    assert code == 3 and "Nothing was found" in err


def test_a_damaged_run_does_not_keep_the_others(filled: Path, inside: Inside) -> None:
    run = one_run(filled)
    (filled / "runs" / "0.run").write_bytes(b"SQLite format 3\0 torn")
    code, _, err = inside("purge", filled, "--person", "jdoe", "--yes")
    assert code == 3 and "0.run: NOT ERASED" in err
    assert b"jdoe" not in run.read_bytes()


def answers() -> Answers:
    return Answers(
        items={
            "basic.staff": ItemAnswer(answer="Anne Durand\nZoé Müller, chef\nPaul", by="lea", at=1),
            "basic.contact": ItemAnswer(answer="Zoé Müller", by="lea", at=2, owner="Zoé Müller"),
            "basic.service": ItemAnswer(answer="gold", by="Zoé Müller", at=3),
        },
        accepted=(AcceptedRisk(finding="f", by="Zoé Müller", at=4, why="asked by Zoé Müller"),),
        assets=(
            AddedAsset(
                id="a", name="badge", device_class="badge", site="usine", by="lea", at=5,
                fields={"holder": "Zoé Müller", "serial": "B7"},
            ),
            AddedAsset(
                id="b", name="Clé de Zoé Müller", device_class="key", site="usine", by="lea", at=6
            ),
        ),
        owners={"account:x:zoé müller": "client", "account:x:paul": "ours"},
    )  # fmt: skip


def test_answers_lose_the_person_and_keep_the_rest(eng: Path, inside: Inside) -> None:
    update_answers(eng, lambda _: answers())
    code, out, err = inside("purge", eng, "--person", "zoé müller", "--yes")
    assert code == 0, (out, err)
    text = (eng / "answers.toml").read_text("utf-8")
    assert "müller" not in text.casefold()
    left = load_answers(eng)
    assert left.items["basic.staff"].answer == "Anne Durand\nPaul"
    assert set(left.items) == {"basic.staff", "basic.service"}
    assert left.items["basic.service"].answer == "gold"
    assert [(a.id, a.fields) for a in left.assets] == [("a", {"serial": "B7"})]
    assert left.owners == {"account:x:paul": "ours"}
    assert left.accepted[0].finding == "f"


def test_attempts_lose_the_person_and_still_bar(eng: Path, inside: Inside) -> None:
    log = AttemptLog(eng)
    with log.try_once("ad", "pc-of-jdoe") as attempt:
        attempt.refused("ACME\\jdoe is locked")
    code, out, err = inside("purge", eng, "--person", "jdoe", "--yes")
    assert code == 0, (out, err)
    data = (eng / "attempts").read_bytes()
    assert b"jdoe" not in data
    assert [json.loads(line)["event"] for line in data.splitlines()] == ["try", "refused"]
    with pytest.raises(AlreadyRefused), log.try_once("ad", "elsewhere"):
        raise AssertionError("it was refused before")
