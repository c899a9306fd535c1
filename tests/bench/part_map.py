"""How fast a report with a map of 1,000 boxes opens in headless Chromium, beside the same report without it; and what the map weighs.

Opened: from the request to the second frame after the page has loaded; then from the jump to the map until it is drawn.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from reports.html.render import render
from tests.bench import Figure
from tests.reports.browsing import FLAGS
from tests.reports.map.networks import campus, shown
from tests.reports.sample import judged

RUNS = 7
_DRAWN = "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))"


def opened(browser: Browser, document: Path) -> tuple[float, float]:
    """Seconds until the report is there, and from there until its map is drawn."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    begun = time.monotonic()
    page.goto(document.as_uri())
    page.evaluate(_DRAWN)
    there = time.monotonic()
    page.evaluate("document.getElementById('map').scrollIntoView()")
    page.evaluate(_DRAWN)
    drawn = time.monotonic()
    context.close()
    return there - begun, drawn - there


def figures() -> Iterable[Figure]:
    base = judged(20, hostile=False)
    network = shown(campus(1000), base=base)
    begun = time.process_time()
    whole = render(network, "fr", "technician")
    made = time.process_time() - begun
    bare = render(network.model_copy(update={"topologies": ()}), "fr", "technician")
    weight = len(whole.encode()) - len(bare.encode())
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as p:
        files = {"map": whole, "bare": bare}
        for name, document in files.items():
            (Path(folder) / name).with_suffix(".html").write_text(document, "utf-8")
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        pairs = [
            [opened(browser, Path(folder) / f"{name}.html") for name in ("map", "bare")]
            for _ in range(RUNS)
        ]
        browser.close()
    ours = statistics.median(sum(a) for a, _ in pairs)
    theirs = statistics.median(sum(b) for _, b in pairs)
    beside = "the same report without its map"
    yield Figure("map", "open_1000", round(ours, 3), "s", "< 1", ours < 1, beside)
    yield Figure("map", "open_bare", round(theirs, 3), "s", "-", True, beside)
    yield Figure("map", "render_1000_cpu", round(made, 2), "s", "-", True, "-")
    yield Figure("map", "weight_1000", round(weight / 1e6, 2), "MB", "< 4", weight < 4e6, beside)
