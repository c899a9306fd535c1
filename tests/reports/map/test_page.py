"""The map's chapter as text: what it says where it knows nothing, what each edition may tell, hostile names inert."""

from __future__ import annotations

import html
import re
from typing import get_args
from xml.etree.ElementTree import Element

import pytest
from defusedxml import ElementTree

from agent.model.judged import Judged
from agent.model.ref import addr
from agent.model.status import Ask, ProbeStatus
from agent.model.topology import Gap, Guessed, LinkKind, LinkSource, Topology
from reports.html.render import render
from reports.html.texts import Lang, strings, text
from reports.map.cables import HEADS
from reports.map.draw import clip, width
from tests.reports.map.networks import campus, firm, shown
from tests.reports.sample import judged
from tests.reports.sample_estate import HOSTILE

LANGS: tuple[Lang, ...] = get_args(Lang)


@pytest.fixture(scope="module")
def base() -> Judged:
    return judged(20, hostile=False)


def chapter(document: str) -> str:
    return document[document.index('<section id="map"') : document.index('<section id="checklist"')]


def pictures(document: str, kind: str) -> list[Element]:
    """Every drawing of *kind*, read by a strict reader of XML."""
    found = re.findall(rf'<svg class="{kind}".*?</svg>(?=</div>|<figcaption)', document, re.DOTALL)
    return [ElementTree.fromstring(x) for x in found]


@pytest.mark.parametrize("lang", LANGS)
def test_gaps_are_named_in_words(base: Judged, lang: Lang) -> None:
    said = html.unescape(chapter(render(shown(firm(), base=base), lang, "technician")))
    gaps = re.search(r'<ul class="gaps">(.*?)</ul>', said, re.DOTALL)
    assert gaps is not None
    assert gaps[1].count("<li>") == 4
    for name in ("10.0.0.77", "sw-atelier", "sw-dist-entrepot"):
        assert f"{name}</bdi>" in gaps[1]
    assert re.sub(r"<.*?>", "", gaps[1]).count(text(lang, "gap_unplaced", n=7)) == 1


@pytest.mark.parametrize("lang", LANGS)
def test_every_word_of_the_model_has_a_text(lang: Lang) -> None:
    told = strings(lang)
    for prefix, words in (
        ("link", get_args(LinkKind)),
        ("source", get_args(LinkSource)),
        ("guess", get_args(Guessed)),
        ("gap", get_args(Gap.model_fields["kind"].annotation)),
        ("cable", HEADS),
    ):
        assert words
        assert [w for w in words if f"{prefix}_{w}" not in told] == []
        if prefix == "gap":
            assert [w for w in words if f"gap_{w}_of" not in told] == []


@pytest.mark.parametrize("lang", LANGS)
def test_no_gap_is_said_too(base: Judged, lang: Lang) -> None:
    said = html.unescape(chapter(render(shown(campus(3), base=base), lang, "technician")))
    assert text(lang, "map_gaps_none") in said


def status(answered: bool) -> tuple[str, ProbeStatus]:
    where = addr("siege", "192.168.1.9")
    ask = Ask(
        kind="snmp.system",
        subject=where,
        strength="strong",
        outcome="answered" if answered else "silent",
    )
    return "run-siege", ProbeStatus.of("snmp", where.value, 0, "done", (ask,), 0, 1)


@pytest.mark.parametrize("lang", LANGS)
def test_without_a_map_the_page_says_why_and_what_to_do(base: Judged, lang: Lang) -> None:
    none = base.model_copy(update={"topologies": (Topology(),)})
    for statuses, key, values in (
        ((), "map_none_not_asked", {}),
        ((status(False),), "map_none_silent", {"n": 1}),
        ((status(True), status(False)), "map_none_answered", {"n": 2, "answered": 1}),
    ):
        told = none.model_copy(update={"statuses": statuses})
        said = html.unescape(chapter(render(told, lang, "technician")))
        assert text(lang, "map_none") in said
        assert text(lang, key, **values) in said
        assert "SNMP" in said.split(text(lang, "step_to_close"))[1]
        assert "<svg" not in said


@pytest.mark.parametrize("lang", LANGS)
def test_a_site_without_a_map_is_named_beside_one_with_a_map(base: Judged, lang: Lang) -> None:
    one = html.unescape(chapter(render(shown(firm(), base=base), lang, "technician")))
    said = re.sub("<.*?>", "", one)
    assert text(lang, "map_none_of", site="depot") in said
    assert text(lang, "map_none_of", site="siege") not in said
    both = shown(firm(), campus(3, site="depot"), base=base)
    said = re.sub("<.*?>", "", html.unescape(chapter(render(both, lang, "technician"))))
    assert text(lang, "map_none_of", site="depot") not in said


def test_gaps_are_told_where_there_is_no_map_at_all(base: Judged) -> None:
    only = Topology(gaps=(Gap(kind="unplaced", node=None, count=40),))
    none = base.model_copy(update={"topologies": (only,)})
    said = html.unescape(chapter(render(none, "en", "technician")))
    assert text("en", "gap_unplaced", n=40) in said


def test_each_edition_shows_what_it_may(base: Judged) -> None:
    result = shown(firm(), base=base)
    technician, client = (chapter(render(result, "fr", e)) for e in ("technician", "client"))
    for secret in ("10.0.0.6", "00:1b:21", "Gi1/0/24", "SG01", "#m1-", 'href="#d-'):
        assert (secret in technician) == (secret != "nothing"), secret
        assert secret not in client, secret
    assert "sw-etage1" in client
    assert "commutateur non géré" in client
    assert 'id="map"' not in render(result, "fr", "outside")


def test_the_picture_is_strict_xml_and_nothing_in_it_acts(base: Judged) -> None:
    n = firm()
    names = [*HOSTILE, "א" * 300, "\u202e" + "Z" * 300, "]]>", "&#x27;", "</svg><script>"]
    for k, id_ in enumerate(n.labels):
        n.labels[id_] = names[k % len(names)]
    for k, link in enumerate(n.links):
        end = link.a.model_copy(
            update={"port": names[k % len(names)], "label": names[-k % len(names)]}
        )
        n.links[k] = link.model_copy(update={"a": end})
    n.hidden[0] = n.hidden[0].model_copy(update={"name": names[2]})
    n.vlans[10] = names[0]
    document = chapter(render(shown(n, base=base), "en", "technician"))
    (picture,) = pictures(document, "net")
    tags = {x.tag for x in picture.iter()}
    assert tags <= {"svg", "g", "a", "path", "rect", "text", "title"}
    for x in picture.iter():
        assert not [k for k in x.attrib if k.startswith("on") or k in ("style", "src")]
        assert x.get("href", "#").startswith("#")
    assert "\u202e" not in document
    assert not [x for x in HOSTILE[:3] if x in document]
    assert "<script>" not in document
    shown_names = [x.text or "" for x in picture.iter("text")]
    assert max(map(len, shown_names)) < 60


def test_every_box_is_whole_on_one_of_the_sheets(base: Judged) -> None:
    n = campus(150, fan=12)
    document = chapter(render(shown(n, base=base), "en", "technician"))
    assert len(pictures(document, "net")) == 1
    sheets = pictures(document, "sheet")
    assert 2 < len(sheets) < 12
    whole: set[str] = set()
    for sheet in sheets:
        x, y, w, h = (float(v) for v in str(sheet.get("viewBox")).split())
        assert w <= 1560.1
        assert h <= 1000.1
        for box in sheet.iter("svg"):
            if box is sheet:
                continue
            left, top, wide, tall = (float(box.get(k, "")) for k in ("x", "y", "width", "height"))
            if x <= left and left + wide <= x + w and y <= top and top + tall <= y + h:
                whole |= {t.text or "" for t in box.iter("text") if t.get("class") == "n"}
    assert whole == set(n.labels.values())


def test_a_small_map_needs_no_sheets(base: Judged) -> None:
    assert pictures(chapter(render(shown(firm(), base=base), "en", "technician")), "sheet") == []


def test_the_legend_explains_what_is_drawn_and_nothing_else(base: Judged) -> None:
    full = html.unescape(chapter(render(shown(firm(), base=base), "en", "technician")))
    plain = html.unescape(chapter(render(shown(campus(9), base=base), "en", "technician")))
    kinds = [f"link_{k}" for k in ("lag", "stack", "wireless", "virtual", "inferred", "blocked")]
    for key in (*kinds, "map_legend_guess", "map_legend_dark"):
        legends = [
            re.findall(r'<ul class="legend".*?</ul>', d, re.DOTALL)[0] for d in (full, plain)
        ]
        assert text("en", key) in legends[0]
        assert text("en", key) not in legends[1]


def test_two_networks_have_two_maps_with_ids_of_their_own(base: Judged) -> None:
    a, b = campus(4), campus(5, site="depot")
    document = render(shown(a, b, base=base), "en", "technician")
    assert len(pictures(document, "net")) == 2
    ids = re.findall(r' id="([^"]+)"', document)
    assert len(ids) == len(set(ids))


def test_clip_keeps_to_its_room() -> None:
    for name in ("W" * 300, "i" * 300, "漢" * 300, "a\u0301" * 300, "\U0001f5a8" * 9):
        assert width(clip(name, 140, 12), 12) <= 140
        assert clip(name, 140, 12).endswith("…") or len(name) < 300
    assert clip("sw-1", 140, 12) == "sw-1"
