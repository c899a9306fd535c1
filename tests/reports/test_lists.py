"""The lists of consoles in the report: what each kind covers, lines without a device, and names that do nothing."""

from __future__ import annotations

import re

import pytest

from agent.model.console import CONSOLE_KINDS, Console, ConsoleCoverage, ConsoleEntry
from agent.model.judged import Judged
from reports.html.render import render
from reports.html.texts import Lang
from tests.reports.sample import judged
from tests.reports.test_remote import WORDS, chapter


@pytest.fixture(scope="module")
def sample() -> Judged:
    plain = judged(devices=12)
    proof = (plain.observations[0][1].id,)
    a, b, c, d = (x.id for x in plain.assets[:4])
    entries = (
        ConsoleEntry(name=WORDS, serial="SN-LOST", told="hier", evidence=proof),
        ConsoleEntry(name="TWIN", seen="2026-11-20", by="name", assets=(a, b), evidence=proof),
        ConsoleEntry(name="ONE", seen="2026-11-20", by="serial", assets=(c,), evidence=proof),
    )
    lists = tuple(
        Console(
            id=f"{kind}/ours/1",
            kind=kind,
            product=WORDS,
            owner="ours",
            whose="Us",
            site="",
            customer="",
            at=plain.at,
            entries=entries,
        )
        for kind in CONSOLE_KINDS
    )
    covered = ConsoleCoverage(
        kind="rmm",
        lists=(lists[0].id,),
        needs=(a, b, c, d),
        missing=(d,),
        quiet=(c,),
        unsure=(a, b),
    )
    return plain.model_copy(update={"consoles": lists, "console_coverage": (covered,)})


def rows(document: str, caption: str) -> list[list[str]]:
    """The cells of the table called *caption*, without marks."""
    found = re.search(rf"<caption>{re.escape(caption)}</caption>.*?</table>", document, re.DOTALL)
    assert found is not None
    return [
        [
            re.sub(r"<[^>]+>", "", cell).strip()
            for cell in re.findall(r"<t[hd](?: [^>]*)?>(.*?)</t[hd]>", row)
        ]
        for row in re.findall(r"<tr>(.*?)</tr>", found[0], re.DOTALL)[1:]
    ]


def test_what_each_kind_covers(sample: Judged) -> None:
    told = chapter(render(sample, "en", "technician"))
    ((kind, need, have, missing, quiet, unsure),) = rows(told, "Covered by the consoles that stay")
    assert (kind, need, have) == ("RMM", "4", "1")
    assert [t.split()[0] for t in (missing, quiet, unsure)] == ["1", "1", "2"]
    assert sample.labels[sample.assets[3].id] in missing
    each = rows(told, "The newest list of each console")
    assert [r[0] for r in each] == ["RMM", "antivirus", "backup", "device management (MDM)"]
    assert [r[4:] for r in each] == [["3", "1", "1", "1"]] * 4


@pytest.mark.parametrize(("lang", "lost"), [("en", "seen by nobody"), ("fr", "vu par personne")])
def test_lines_without_a_device(sample: Judged, lang: Lang, lost: str) -> None:
    told = chapter(render(sample, lang, "technician"))
    caption = {
        "en": "Lines that mean no device for sure",
        "fr": "Lignes sans appareil certain",
    }
    loose = rows(told, caption[lang])
    assert len(loose) == 8 and not any("ONE" in r[0] for r in loose)
    assert loose[0][2:4] == ["SN-LOST", "hier"] and lost in loose[0][4]
    assert "<script>alert" not in told and "&lt;script&gt;alert" in told


def test_no_list_no_words(sample: Judged) -> None:
    bare = sample.model_copy(update={"consoles": (), "console_coverage": ()})
    assert "Lists of management consoles" not in render(bare, "en", "technician")
