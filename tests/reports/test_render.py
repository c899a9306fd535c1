"""The report as text: nothing of a device acts, nothing is told that its edition hides, unknown is never shown as fine."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest

from agent.model.judged import Judged
from reports.html.editions import Edition
from reports.html.render import render, write_report
from reports.html.texts import Lang, text
from tests.reports.sample import judged
from tests.reports.sample_estate import HOSTILE, SECRET_NAMES

LANGS: tuple[Lang, ...] = get_args(Lang)
EDITIONS: tuple[Edition, ...] = get_args(Edition)


class Page(HTMLParser):
    """Tags, ids and links of a document."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))

    @property
    def ids(self) -> list[str]:
        return [a["id"] for _, a in self.tags if "id" in a]


@pytest.fixture(scope="module")
def sample() -> Judged:
    return judged()


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("lang", LANGS)
def test_nothing_in_the_page_can_act(sample: Judged, lang: Lang, edition: Edition) -> None:
    document = render(sample, lang, edition)
    page = Page(document)
    names = [t for t, _ in page.tags]
    assert names.count("script") == names.count("style") == 1
    assert [t for t, _ in Page(document.partition("</head>")[0]).tags].count("title") == 1
    assert not {"img", "iframe", "object", "embed", "form", "link", "base"} & set(names)
    for tag, attrs in page.tags:
        assert not [a for a in attrs if a.startswith("on") or a in ("src", "style")], (tag, attrs)
        if "href" in attrs:
            assert attrs["href"].startswith(("#", "https://")), attrs
    for bad in HOSTILE[:3]:
        assert bad not in document
    assert "\u202e" not in document
    assert "\x00" not in document
    assert "W" * 1000 not in document


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_policy_names_the_one_script_and_style(sample: Judged, edition: Edition) -> None:
    document = render(sample, "fr", edition)
    policy = html.unescape(re.search(r'Security-Policy" content="([^"]+)"', document)[1])  # type: ignore[index]
    assert policy.startswith("default-src 'none';")
    for tag in ("script", "style"):
        inner = re.search(rf"<{tag}>(.*?)</{tag}>", document, re.DOTALL)
        assert inner is not None
        digest = hashlib.sha256(inner[1].encode()).digest()
        assert f"{tag}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("lang", LANGS)
def test_every_link_leads_somewhere_and_every_id_is_one(
    sample: Judged, lang: Lang, edition: Edition
) -> None:
    page = Page(render(sample, lang, edition))
    assert len(page.ids) == len(set(page.ids))
    links = {a["href"][1:] for t, a in page.tags if t == "a" and a["href"].startswith("#")}
    assert links - set(page.ids) == set()
    levels = [int(t[1]) for t, _ in page.tags if re.fullmatch("h[1-6]", t)]
    assert levels[0] == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))


def test_the_outside_edition_names_nobody_and_no_place(sample: Judged) -> None:
    plain = judged(hostile=False)
    for lang in LANGS:
        for result in (sample, plain):
            document = render(result, lang, "outside")
            assert [n for n in SECRET_NAMES if n in document] == []
            assert not re.search(r"\b(?:192\.168|10\.20|172\.16)\.", document)
            assert not re.search(r"\b(?:[0-9a-f]{2}:){5}", document)
            assert not [
                x for x in result.labels.values() if x.startswith("voip-") and x in document
            ]


def test_the_client_edition_tells_no_way_in(sample: Judged) -> None:
    for lang in LANGS:
        document = render(sample, lang, "client")
        assert "192.168." not in document
        assert 'href="#e-' not in document
        assert 'id="evidence"' not in document
        assert "OpenSSH" not in document
        assert "tech-laptop" not in document
        assert "voip-phone-032" in document or "voip-phone-035" in document, "its own devices"


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("edition", EDITIONS)
def test_edition_and_recipient_stand_on_top_and_on_every_printed_page(
    sample: Judged, lang: Lang, edition: Edition
) -> None:
    document = render(sample, lang, edition)
    head = document[document.index("<header") : document.index("</header>")]
    assert text(lang, f"recipient_{edition}") in html.unescape(head)
    margin = re.search(r"@bottom-left\{content:\"(.*?)\"", document)
    assert margin is not None
    shown = re.sub(r"\\([0-9a-f]+) ", lambda m: chr(int(m[1], 16)), margin[1])
    assert text(lang, f"recipient_{edition}") in shown
    assert text(lang, f"edition_{edition}") in shown
    assert "Laboratoire Martin SAS" in shown


@pytest.mark.parametrize("lang", LANGS)
def test_what_nobody_looked_at_is_said_so_and_never_zero(lang: Lang) -> None:
    document = html.unescape(render(judged(examined=False), lang, "technician"))
    first = document[document.index('id="page-one"') : document.index('id="findings"')]
    for key in (
        "no_rmm",
        "no_antivirus",
        "no_backup",
        "foreign_hands",
        "leavers",
        "administrators",
    ):
        assert text(lang, key) in first
    assert '<dd class="big">0<' not in first
    assert first.count(text(lang, "not_examined")) >= 6, "coverage"
    assert first.count(text(lang, "not_examined_long")) == 2, "what stops, backup"
    assert text(lang, "ways_dark", n=26) in first


def test_every_door_that_was_not_examined_is_named(sample: Judged) -> None:
    document = render(sample, "en", "technician")
    first = html.unescape(
        document[document.index('id="page-one"') : document.index('id="findings"')]
    )
    assert "Not examined: 19 doors" in first
    assert "VPN user or tunnel" in first
    assert re.search(r'chip observed">observed', first)
    assert re.search(r'chip not_seen">looked, not seen', first)


def test_a_value_shows_all_that_was_told_with_its_sources(sample: Judged) -> None:
    document = render(judged(hostile=False), "en", "technician")
    card = document[document.index('<details class="device"') :]
    assert "Intel Corporate" in card
    assert "also told" in card
    assert "in conflict" in card
    assert "certificate key: factory default of a series" in card
    assert "could not be read" in card


def test_ten_megabytes_stay_bounded(sample: Judged) -> None:
    ten = "B" * 10_000_000
    huge = sample.model_copy(
        update={
            "labels": dict.fromkeys(sample.labels, ten),
            "engagement": sample.engagement.model_copy(update={"client": ten, "operator": ten}),
        }
    )
    document = render(huge, "en", "technician")
    assert len(document) < 4_000_000
    assert "more characters" in document


def test_a_large_estate_keeps_its_parts_as_escaped_text() -> None:
    document = render(judged(600), "en", "technician")
    for bad in HOSTILE[:3]:
        assert bad not in document
    parts = re.findall(r'<script type="text/html">(.*?)</script>', document, re.DOTALL)
    assert len(parts) == 10, "six hundred cards, ledger, evidence, boxes and ports of the map"
    assert sum(p.count('<details class="device" id="d-') for p in parts) == 600


def test_files_and_their_names(tmp_path: Path, sample: Judged) -> None:
    names = {p.name for p in write_report(sample, "fr", "technician", tmp_path / "new")}
    assert names == {
        "report.html",
        "inventory.json",
        "findings.csv",
        "checklist.csv",
        "devices.csv",
        "cables.csv",
    }
    other = write_report(sample, "en", "technician", tmp_path)
    assert other[0].name == "report-en-technician.html"
    assert [p.name for p in write_report(sample, "fr", "client", tmp_path)] == [
        "report-fr-client.html"
    ]


@pytest.mark.parametrize(
    ("lang", "why", "asked"),
    [
        ("en", "a port of an industrial protocol is open", "client.toml asks for it"),
        ("fr", "un port d&#39;un protocole industriel est ouvert", "demandé dans client.toml"),
    ],
)
def test_the_ledger_tells_who_was_treated_with_care(
    sample: Judged, lang: Lang, why: str, asked: str
) -> None:
    reasons = ("industrial-port", "client.toml", "from-a-later-version")
    lines = tuple(
        line.model_copy(update={"care": care, "packets": 10**6})
        for line, care in zip(sample.ledger, reasons, strict=False)
    )
    document = render(sample.model_copy(update={"ledger": lines}), lang, "technician")
    section = document[document.index('id="ledger"') :]
    assert all(words in section for words in (why, asked, "from-a-later-version"))
