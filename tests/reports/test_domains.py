"""The chapter on the directory: who rules it and how, what could not be read in words, and names that do nothing."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from agent.inventory.directory.overview import DECIDES
from agent.model.attribution import Attribution
from agent.model.directory import (
    DirectoryAccount,
    DirectoryDomain,
    DirectoryPath,
    DirectoryPolicy,
    PathStep,
    StepKind,
)
from agent.model.judged import Judged
from reports.html.render import render
from reports.html.texts import Lang
from tests.reports.sample import judged
from tests.reports.test_remote import WORDS
from tests.reports.test_texts import table

NOBODY = Attribution(owner="unknown", provider=None, conf=0)


@pytest.fixture(scope="module")
def sample() -> Judged:
    plain = judged(devices=4)
    proof = (plain.observations[0][1].id,)

    def account(name: str, **more: object) -> DirectoryAccount:
        fields = {
            "name": name,
            "sid": "S-1-5-21-1",
            "kind": "user",
            "enabled": True,
            "owner": NOBODY,
        }
        told = {**fields, "last_logon": 0, "password_set": None, "evidence": proof, **more}
        return DirectoryAccount.model_validate(told)

    domain = DirectoryDomain(
        name="corp.example",
        users=4,
        computers=2,
        unread=DECIDES,
        rights_unread=True,
        admins=(
            account("anne", way=("Admins du domaine", WORDS), enabled=None),
            account("jean", way=("Admins du domaine",), hidden=True, enabled=False),
        ),
        dial_in=(),
        dial_in_open=3,
        dial_in_unread=1,
        services=(account("sql", spns=("MSSQLSvc/erp:1433",)),),
        policy=DirectoryPolicy(
            min_length=7,
            history=None,
            max_age_s=42 * 86_400,
            lockout=0,
            lockout_s=1800,
            machine_quota=10,
            evidence=proof,
        ),
        packages=((WORDS, "a.msi"),),
        paths=(
            DirectoryPath(
                sid="S-1-5-11",
                name="Authenticated Users",
                kind="foreign",
                accounts=None,
                steps=(
                    PathStep(kind="all", to=WORDS),
                    PathStep(kind="applies", to="DC1$"),
                ),
                owner=NOBODY,
                evidence=proof,
            ),
        ),
        paths_unread=7,
        evidence=proof,
    )
    return plain.model_copy(update={"directory": (domain,)})


def chapter(document: str) -> str:
    found = re.search(r'<section id="directory".*?</section>', document, re.DOTALL)
    return found[0] if found else ""


@pytest.mark.parametrize(
    ("lang", "unread", "off", "hidden", "dark"),
    [
        ("en", "could not be read", "switched off", "hidden: by its", "Of 1 it could not be read"),
        ("fr", "illisible", "désactivé", "caché", "Pour 1, l'autorisation n'a pas pu être lue"),
    ],
)
def test_what_is_told_and_what_is_not(
    sample: Judged, lang: Lang, unread: str, off: str, hidden: str, dark: str
) -> None:
    told = chapter(render(sample, lang, "technician")).replace("&#39;", "'")
    plain = re.sub(r"<[^>]+>", "", told)
    assert dark in plain and off in plain and hidden in plain and unread in plain
    assert "→ Admins du domaine" in plain, "from the account upwards"
    assert "<script>alert" not in told and "&lt;script&gt;alert" in told
    assert re.search(r"\b42\b", plain) and re.search(r"\b30\b", plain)
    assert "AdminSDHolder" in plain
    assert all(table()[f"table_{t}"][lang] in plain for t in DECIDES)


def test_no_domain_no_chapter(sample: Judged) -> None:
    bare = render(sample.model_copy(update={"directory": ()}), "en", "technician")
    assert chapter(bare) == "" and 'href="#directory"' not in bare


def test_the_edition_for_outside_names_nobody(sample: Judged) -> None:
    assert chapter(render(sample, "en", "outside")) == ""


def test_a_long_table_can_be_searched_and_a_short_one_needs_no_tools(sample: Judged) -> None:
    (one,) = sample.directory
    many = tuple(
        one.admins[1].model_copy(update={"name": f"u{n}", "sid": f"S-1-5-21-{n}"})
        for n in range(11)
    )
    assert "data-table" not in chapter(render(sample, "en", "technician"))
    longer = sample.model_copy(update={"directory": (one.model_copy(update={"admins": many}),)})
    told = chapter(render(longer, "en", "technician"))
    assert told.count("data-table") == 1 and told.count('type="search"') == 1


@pytest.mark.parametrize(
    ("lang", "words", "unread"),
    [
        ("en", "applies to", "whose rights were not told: 7."),
        ("fr", "s'applique à", "n'ont pas été lus\u00a0: 7."),
    ],
)
def test_ways_are_told_step_by_step(sample: Judged, lang: Lang, words: str, unread: str) -> None:
    told = chapter(render(sample, lang, "technician")).replace("&#39;", "'").replace("’", "'")
    assert words in told and unread in told
    assert told.index("Authenticated Users") < told.index(words) < told.index("DC1$")
    # How it is done is no matter for the client's edition.
    client = chapter(render(sample, lang, "client"))
    assert "DC1$" not in client and unread.replace("'", "&#39;") in client.replace("’", "&#39;")


def test_every_kind_of_step_has_its_words() -> None:
    assert {f"step_{k}" for k in get_args(StepKind)} <= set(table())
