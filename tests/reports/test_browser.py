"""The report in a real Chromium: opened from disk, searched, sorted, printed, read by axe-core, attacked by its own content."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import pytest

from reports.html.editions import Edition
from reports.html.render import render
from reports.html.texts import Lang, text
from tests.reports.browsing import Opened, pages
from tests.reports.sample import judged

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.xdist_group("chromium")]
LANGS: tuple[Lang, ...] = get_args(Lang)
EDITIONS: tuple[Edition, ...] = get_args(Edition)
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample in every language and edition, and a large one."""
    out = tmp_path_factory.mktemp("reports")
    sample = judged()
    for lang in LANGS:
        for edition in EDITIONS:
            (out / f"{lang}-{edition}.html").write_text(render(sample, lang, edition), "utf-8")
        # axe-core takes minutes over the full sample; twenty devices have every kind of element.
        small = render(judged(20), lang, "technician")
        (out / f"{lang}-small.html").write_text(small, "utf-8")
    (out / "large.html").write_text(render(judged(1000), "en", "technician"), "utf-8")
    return out


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("lang", LANGS)
def test_opens_without_a_word_and_nothing_runs(
    page: Page, folder: Path, lang: Lang, edition: Edition
) -> None:
    report = Opened(page, folder / f"{lang}-{edition}.html")
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    assert report.said == []
    assert page.title().startswith(text(lang, "title"))
    assert (
        page.locator("[onerror], [onload], img, main script:not([type='text/html'])").count() == 0
    )
    page.set_viewport_size({"width": 390, "height": 800})
    assert report.overflow() == 0
    page.set_viewport_size({"width": 360, "height": 800})
    assert report.overflow() == 0
    page.set_viewport_size({"width": 900, "height": 800})
    assert report.overflow() == 0


@pytest.mark.parametrize(
    ("lang", "scheme", "width"),
    [("en", "light", 1400), ("en", "dark", 390), ("fr", "light", 390), ("fr", "dark", 1400)],
)
def test_axe(browser: Browser, folder: Path, lang: Lang, scheme: Scheme, width: int) -> None:
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 1000}, bypass_csp=True
    )
    report = Opened(context.new_page(), folder / f"{lang}-small.html")
    report.page.locator("details").evaluate_all(
        "all => all.forEach((d, i) => d.open = !/finding|device|step/.test(d.className) || i % 4 === 0)"
    )
    found = report.axe("document")
    report.page.evaluate("document.documentElement.removeAttribute('lang')")
    worse = [f.split()[0] for f in report.axe("{runOnly: ['html-has-lang']}")]
    context.close()
    assert found == []
    assert worse == ["html-has-lang"], "axe must find what was just broken"


@pytest.mark.parametrize("edition", ["client", "outside"])
def test_axe_on_the_other_editions(browser: Browser, folder: Path, edition: str) -> None:
    context = browser.new_context(bypass_csp=True)
    found = Opened(context.new_page(), folder / f"fr-{edition}.html").axe()
    context.close()
    assert found == []


def test_the_policy_stops_what_gets_in(page: Page, folder: Path, tmp_path: Path) -> None:
    document = (folder / "en-technician.html").read_text("utf-8")
    broken = tmp_path / "broken.html"
    attack = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    broken.write_text(document.replace("</main>", f"{attack}</main>"), "utf-8")
    report = Opened(page, broken)
    page.wait_for_timeout(200)
    assert page.title() != "owned"
    assert any("Content Security Policy" in s for s in report.said), "the test sees violations"


def test_search_filter_and_sort_by_keyboard(page: Page, folder: Path) -> None:
    report = Opened(page, folder / "en-technician.html")
    live = page.locator("#devices [aria-live]")
    assert live.inner_text() == "80 of 80"
    page.focus("#q-devices")
    page.keyboard.type("camera")
    shown = report.rows("#devices")
    assert 0 < len(shown) < 80
    assert live.inner_text() == f"{len(shown)} of 80"
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("00:1B:21:00:00:05")
    assert len(report.rows("#devices")) == 1, "found by a MAC that the row does not show"
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    assert len(report.rows("#devices")) == 80

    page.keyboard.press("Tab")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.id") == "by-site"
    depot = len(report.rows("#devices"))
    assert 0 < depot < 80
    page.keyboard.press("Tab")
    page.keyboard.type("printer")
    printers = report.rows("#devices")
    assert 0 < len(printers) < depot
    page.select_option("#by-site", "")
    page.select_option("#by-class", "")

    page.focus("#devices > [data-table] thead th:nth-child(4) button")
    page.keyboard.press("Enter")
    head = page.locator("#devices > [data-table] thead th:nth-child(4)")
    assert head.get_attribute("aria-sort") == "ascending"
    cells = "#devices > [data-table] tbody td.mono:nth-child(4)"
    up = page.locator(cells).all_inner_texts()
    assert up[:4] == ["192.168.1.1", "192.168.1.1", "192.168.1.2", "192.168.1.2"], "9 before 10"
    page.keyboard.press("Space")
    assert head.get_attribute("aria-sort") == "descending"
    assert page.locator(cells).all_inner_texts()[0] == up[-1]
    assert page.locator("#devices th[aria-sort]").count() == 1


def test_search_ignores_accents_and_says_when_nothing_is_there(page: Page, folder: Path) -> None:
    report = Opened(page, folder / "fr-technician.html")
    page.fill("#q-devices", "TELEPHONE ip")
    assert len(report.rows("#devices")) == 10
    page.fill("#q-devices", "no such thing")
    assert report.rows("#devices") == []
    assert page.locator("#devices [aria-live]").inner_text() == "0 sur 80"


def test_links_open_what_they_lead_to(page: Page, folder: Path) -> None:
    Opened(page, folder / "en-technician.html")
    card = page.locator("#devices tbody tr th a").nth(3)
    target = card.get_attribute("href") or ""
    card.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("id => document.querySelector(id).open", arg=target)
    evidence = page.locator(f"{target} a[href^='#e-']").first
    row = evidence.get_attribute("href") or ""
    page.fill("#q-evidence", "no such thing")
    evidence.click()
    page.locator(row).wait_for(state="visible")
    todo = page.locator("#page-one a[href^='#r-']").first
    rule = todo.get_attribute("href") or ""
    page.locator(rule).evaluate("d => { d.open = false }")
    todo.click()
    page.wait_for_function("id => document.querySelector(id).open", arg=rule)


def test_a_thousand_devices_page_by_page(page: Page, folder: Path) -> None:
    report = Opened(page, folder / "large.html")
    assert len(report.rows("#devices")) == 100
    first = report.rows("#devices")[0]
    where = page.locator("#devices .pager span")
    assert where.inner_text() == "1 / 10"
    # The long parts are text until they are reached.
    assert page.locator("details.device").count() == 0
    following = page.locator("#devices .pager button").nth(1)
    following.focus()
    for _ in range(9):
        page.keyboard.press("Enter")
    assert where.inner_text() == "10 / 10"
    assert following.is_disabled()
    assert page.evaluate("document.activeElement.textContent") == text("en", "previous")
    assert len(report.rows("#devices")) == 100
    page.keyboard.press("Enter")
    assert where.inner_text() == "9 / 10"
    page.fill("#q-devices", "workstation-35")
    assert len(report.rows("#devices")) < 20
    assert page.locator("#devices .pager").is_hidden()
    target = page.locator("#devices tbody tr:visible th a").first.get_attribute("href") or ""
    page.locator(f"#devices a[href='{target}']").click()
    page.locator(f"{target}[open]").wait_for()
    assert page.locator("details.device").count() < 300
    evidence = page.locator(f"{target} a[href^='#e-']").first.get_attribute("href") or ""
    page.locator(f"{target} a[href='{evidence}']").first.click()
    page.locator(evidence).wait_for(state="visible")
    assert len(report.rows("#evidence")) == 100
    assert first
    assert report.said == []


def test_without_script_everything_can_be_read(browser: Browser, folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / "en-technician.html").as_uri())
    assert page.locator("#devices tbody tr").nth(79).is_visible()
    assert page.locator("#evidence tbody tr").nth(200).is_visible()
    assert page.locator("#devices .tools").first.is_hidden()
    page.locator("details.device summary").nth(5).click()
    assert page.locator("details.device dl").nth(5).is_visible()
    page.goto((folder / "large.html").as_uri())
    assert page.locator("#devices tbody tr").nth(999).is_visible()
    assert page.locator("noscript p").first.inner_text() == text("en", "needs_script")
    context.close()


@pytest.mark.parametrize("lang", LANGS)
def test_prints(page: Page, folder: Path, lang: Lang) -> None:
    Opened(page, folder / f"{lang}-technician.html")
    short = page.pdf(prefer_css_page_size=True)
    assert short.startswith(b"%PDF")
    page.check("#print-all")
    full = page.pdf(prefer_css_page_size=True)
    assert pages(full) > pages(short) + 10, "cards, ledger and evidence on demand"


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("lang", LANGS)
def test_page_one_is_one_page(page: Page, tmp_path: Path, lang: Lang, edition: Edition) -> None:
    document = tmp_path / "plain.html"
    document.write_text(render(judged(hostile=False), lang, edition), "utf-8")
    Opened(page, document)
    page.evaluate(
        "document.querySelectorAll('main > section:not(#page-one), footer').forEach(s => s.remove())"
    )
    assert pages(page.pdf(prefer_css_page_size=True)) == 1
