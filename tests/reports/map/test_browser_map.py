"""The map in a real Chromium: found, filtered, enlarged, read by keyboard, without script, narrow and on paper."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import pytest

from reports.html.render import render
from reports.html.texts import Lang, text
from tests.reports.browsing import Opened, pages
from tests.reports.map.networks import campus, firm, shown
from tests.reports.sample import judged
from tests.reports.sample_estate import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("chromium")]
LANGS: tuple[Lang, ...] = get_args(Lang)
Scheme = Literal["light", "dark"]
NARROW = {"width": 380, "height": 800}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The firm in both languages, one with hostile names, and a thousand boxes; each with the rest of a small report."""
    out = tmp_path_factory.mktemp("maps")
    base = judged(20, hostile=False)
    for lang in LANGS:
        (out / f"{lang}.html").write_text(
            render(shown(firm(), base=base), lang, "technician"), "utf-8"
        )
    n = firm()
    for k, id_ in enumerate(n.labels):
        n.labels[id_] = f"{HOSTILE[k % len(HOSTILE)]} {k}"
    (out / "hostile.html").write_text(render(shown(n, base=base), "en", "technician"), "utf-8")
    large = shown(campus(1000, endpoints=2), base=base)
    (out / "large.html").write_text(render(large, "en", "technician"), "utf-8")
    return out


def opened(page: Page, document: Path) -> Opened:
    """The report, scrolled to its map, which its script has taken up."""
    report = Opened(page, document)
    page.locator(".map").first.scroll_into_view_if_needed()
    page.locator(".map [data-zoom]").first.wait_for(state="visible")
    return report


def box(page: Page, name: str) -> str:
    """Selector of the box called *name*."""
    return f".net a.b:has(text.n:text-is('{name}'))"


def lit(page: Page) -> list[str]:
    """Names of the boxes that stand out."""
    return page.locator(".net .b.hit text.n").all_text_contents()


def test_finds_by_name_address_mac_and_serial(page: Page, folder: Path) -> None:
    report = opened(page, folder / "en.html")
    live = page.locator(".map [aria-live]")
    for words, where in (
        ("sw-etage2", ["sw-etage2"]),
        ("SG02", ["core-2"]),
        ("10.0.0.7", ["sw-etage2", "10.0.0.77"]),
        ("tel-201", ["sw-etage2"]),
        ("00:1B:21:00:00:70", ["pont-parking"]),
        ("MikroTik", ["MikroTik-labo"]),
    ):
        page.fill(".map input[type=search]", words)
        assert set(where) <= set(lit(page)), words
        assert len(lit(page)) <= 14
        assert live.inner_text() == f"boxes found: {len(lit(page))} of 19"
    page.fill(".map input[type=search]", "no such thing")
    assert lit(page) == []
    assert page.locator(".net .b.off").count() == 19
    page.fill(".map input[type=search]", "")
    assert page.locator(".net .off").count() == 0
    assert live.inner_text() == ""
    assert report.said == []


def test_filters_by_vlan_and_leaves_what_nobody_told(page: Page, folder: Path) -> None:
    opened(page, folder / "fr.html")
    page.select_option(".map select", "20")
    off = page.locator(".net .b.off text.n").all_text_contents()
    assert set(off) == {
        *(f"borne-{k}" for k in (1, 2, 3, 4)), "pont-parking", "hyperviseur", "esx-1",
        "vSwitch0", "sw-atelier", "commutateur non géré",
    }  # fmt: skip
    assert page.locator(f"{box(page, 'sw-etage1')} text.e.off").count() == 2
    assert "10.0.0.77" not in off, "nobody knows its VLANs"
    page.select_option(".map select", "")
    assert page.locator(".net .off").count() == 0


def test_a_card_opens_beside_the_map_and_leads_on(page: Page, folder: Path) -> None:
    report = opened(page, folder / "en.html")
    card = page.locator(".map aside")
    assert card.is_hidden()
    page.locator(box(page, "sw-etage1")).click()
    assert card.is_visible()
    assert card.locator("tbody tr").count() == 41
    first = card.locator("tbody tr").first.inner_text()
    assert "borne-1" in first
    card.get_by_role("link", name="core-1").first.click()
    assert "core-1" in card.locator("h4").inner_text()
    page.keyboard.press("Escape")
    assert card.is_hidden()
    focused = page.evaluate("document.activeElement.querySelector('text.n').textContent")
    assert focused == "core-1"
    page.keyboard.press("Enter")
    assert card.is_visible(), "by keyboard too"
    card.locator("button").click()
    assert card.is_hidden()
    assert report.said == []


def test_grows_shrinks_and_scrolls(page: Page, folder: Path) -> None:
    opened(page, folder / "large.html")
    net, area = page.locator("svg.net"), page.locator(".area")
    wide = "e => e.getBoundingClientRect().width"
    before = net.evaluate(wide)
    page.locator("[data-zoom='1.25']").click()
    assert net.evaluate(wide) == pytest.approx(before * 1.25, rel=0.01)
    area.focus()
    page.keyboard.press("-")
    assert net.evaluate(wide) == pytest.approx(before, rel=0.01)
    page.locator("[data-zoom='0']").click()
    seen = area.evaluate("e => [e.scrollWidth - e.clientWidth, e.scrollHeight - e.clientHeight]")
    assert seen == [0, 0], "the whole map"
    page.locator("[data-zoom='1.25']").click(click_count=6)
    left = area.evaluate("e => e.scrollLeft")
    at = area.bounding_box()
    assert at is not None
    page.mouse.move(at["x"] + 300, at["y"] + 200)
    page.mouse.down()
    page.mouse.move(at["x"] + 200, at["y"] + 150, steps=4)
    page.mouse.up()
    assert area.evaluate("e => e.scrollLeft") == pytest.approx(left + 100, abs=2)
    assert page.locator(".map aside").is_hidden(), "a drag opens nothing"


def test_a_thousand_boxes(page: Page, folder: Path) -> None:
    report = opened(page, folder / "large.html")
    assert page.locator(".net a.b").count() == 1000
    # The tables beneath are text until they are needed.
    assert page.locator("#map details").count() < 400
    page.fill(".map input[type=search]", "sw-0777")
    assert lit(page) == ["sw-0777"]
    page.locator(box(page, "sw-0777")).click()
    assert page.locator(".map aside tbody tr").count() == 3
    assert report.said == []


@pytest.mark.parametrize("lang", LANGS)
def test_narrow(page: Page, folder: Path, lang: Lang) -> None:
    page.set_viewport_size({"width": 380, "height": 800})
    report = opened(page, folder / f"{lang}.html")
    assert report.overflow() == 0
    page.locator(".net a.b").first.click()
    assert report.overflow() == 0
    assert page.locator(".map aside").is_visible()
    smallest = page.locator(".net text.n").first.evaluate("e => e.getBoundingClientRect().height")
    assert smallest > 9, "names can be read"


def test_no_text_leaves_its_box(page: Page, folder: Path) -> None:
    for name in ("hostile", "fr"):
        opened(page, folder / f"{name}.html")
        over = page.evaluate(
            "[...document.querySelectorAll('.net .b')].flatMap(b => { const r = b.querySelector('rect').getBoundingClientRect();"
            " return [...b.querySelectorAll('text')].filter(t => { const x = t.getBoundingClientRect();"
            " return x.right > r.right + 1 || x.left < r.left - 1; }).map(t => t.textContent); })"
        )
        assert over == []


def test_hostile_names_do_nothing(page: Page, folder: Path) -> None:
    report = opened(page, folder / "hostile.html")
    for n in range(5):
        page.locator(".net a.b").nth(n).click()
    page.fill(".map input[type=search]", "<script>")
    assert len(lit(page)) > 0
    assert "owned" not in page.title()
    assert report.said == []


def test_without_script_it_is_a_picture_with_links(browser: Browser, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "en.html").as_uri())
    net = page.locator("svg.net")
    assert net.evaluate("e => e.getBoundingClientRect().width") > 1000
    assert page.locator("#map .map .tools").is_hidden()
    target = page.locator(".net a.b").first.get_attribute("href") or ""
    page.locator(f"{target} summary").click()
    assert page.locator(f"{target} table").is_visible()
    assert page.locator("#places-1 tbody tr").last.is_visible()
    context.close()


@pytest.mark.parametrize(("lang", "scheme", "width"), [("en", "dark", 380), ("fr", "light", 1400)])
def test_axe(browser: Browser, folder: Path, lang: Lang, scheme: Scheme, width: int) -> None:
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 1000}, bypass_csp=True
    )
    report = opened(context.new_page(), folder / f"{lang}.html")
    report.page.locator(".net a.b").first.click()
    report.page.locator("#map details").first.evaluate("d => { d.open = true }")
    found = report.axe("'#map'")
    report.page.locator(".map input[type=search]").evaluate("e => e.labels[0].remove()")
    worse = report.axe("'#map'")
    context.close()
    assert found == []
    assert worse, "axe must find what was just broken"


@pytest.mark.needs("pdftotext")
def test_on_paper_the_map_lies_across_and_can_be_read(
    page: Page, folder: Path, tmp_path: Path
) -> None:
    opened(page, folder / "fr.html")
    page.fill(".map input[type=search]", "nothing of that")
    page.evaluate(
        "document.querySelectorAll('main > section:not(#map), header, footer').forEach(s => s.remove())"
    )
    printed = tmp_path / "map.pdf"
    printed.write_bytes(page.pdf(prefer_css_page_size=True))
    told = subprocess.run(["pdfinfo", printed], capture_output=True, text=True, check=True).stdout
    assert "841.92 x 594.96" in told, "A4 across"
    first = subprocess.run(
        ["pdftotext", "-l", "1", "-layout", printed, "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in firm().labels.values():
        if name.startswith(("sw-", "core-", "borne-", "fw-")):
            assert name in first
    assert text("fr", "map_gaps") in first
    assert text("fr", "map_search_help") not in first


def test_a_large_map_is_printed_in_parts_on_demand(page: Page, folder: Path) -> None:
    opened(page, folder / "large.html")
    page.evaluate("document.querySelectorAll('main > section:not(#map)').forEach(s => s.remove())")
    short = pages(page.pdf(prefer_css_page_size=True))
    page.check("#print-all")
    parts = page.locator(".sheets figure").count()
    assert parts > 12
    assert pages(page.pdf(prefer_css_page_size=True)) >= short + parts
