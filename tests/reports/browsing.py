"""A report opened in a real Chromium, with everything the browser complained about. The fixtures are in conftest.py."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Opened:
    """A report in the browser, with everything the browser complained about."""

    def __init__(self, page: Page, document: Path) -> None:
        self.page = page
        self.said: list[str] = []
        page.on("console", lambda m: self.said.append(m.text))
        page.on("pageerror", lambda e: self.said.append(str(e)))
        page.on("dialog", lambda d: self.said.append(f"dialog {d.message}"))
        page.on("request", lambda r: None if r.url.startswith("file:") else self.said.append(r.url))
        page.goto(document.as_uri())

    def axe(self, how: str = "document") -> list[str]:
        """Rules of axe-core that the page violates, each with its first node."""
        carrier = resources.files("axe_playwright_python")
        self.page.evaluate(carrier.joinpath("axe.min.js").read_text("utf-8"))
        found: list[str] = self.page.evaluate(
            f"axe.run({how}).then(r => r.violations.map(v => v.id + ' ' + v.nodes[0].html.slice(0, 200)))"
        )
        return found

    def rows(self, box: str) -> list[str]:
        """First cells of the rows shown in the table of chapter *box*."""
        return self.page.locator(f"{box} [data-table] tbody tr:visible th").all_inner_texts()

    def overflow(self) -> int:
        width: int = self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))
