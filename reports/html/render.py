"""Writes the report: one HTML file a language and edition, offline, under a strict content security policy, and the data beside it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache, partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from agent.model.judged import Judged
from reports.html.editions import Edition
from reports.html.texts import Lang, inert
from reports.html.view import View

if TYPE_CHECKING:
    from jinja2 import Environment


def render(judged: Judged, lang: Lang, edition: Edition) -> str:
    """The report as one HTML document. Nothing in it can run but the one script whose hash the policy names."""
    view = View(lang=lang, judged=judged, edition=edition)
    style = "\n".join((_asset("style.css"), _asset("map.css"), _page_margin(view)))
    script = "\n".join((_asset("script.js"), _asset("map.js")))
    page = _environment().get_template("report.html.j2")
    html = page.render(
        v=view,
        j=judged,
        p=judged.page_one,
        e=judged.engagement,
        style=style,
        script=script,
        policy=(
            f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
            "base-uri 'none'; form-action 'none'"
        ),
    )
    return html.encode("utf-8", "replace").decode("utf-8")


def write_report(judged: Judged, lang: Lang, edition: Edition, out: Path) -> list[Path]:
    """Writes the report and, for the technician, inventory.json and the CSV files; returns the paths, the HTML first.

    The technician's in the client's language is `report.html`, any other `report-<lang>-<edition>.html`. Raises `OSError`.
    """
    from reports.to_csv import write_cables, write_checklist, write_devices, write_findings
    from reports.to_json import write_inventory

    out.mkdir(parents=True, exist_ok=True)
    main = edition == "technician" and lang == judged.engagement.language
    page = out / ("report.html" if main else f"report-{lang}-{edition}.html")
    _whole(page, lambda path: path.write_text(render(judged, lang, edition), "utf-8"))
    if edition != "technician":
        return [page]
    inventory = out / "inventory.json"
    _whole(inventory, lambda path: write_inventory(judged, path))
    tables = {
        "findings.csv": write_findings,
        "checklist.csv": write_checklist,
        "devices.csv": write_devices,
    }
    if judged.topologies:
        # An empty file would say "no cables" where nobody could look.
        tables["cables.csv"] = write_cables
    for name, write in tables.items():
        _whole(out / name, partial(write, judged, lang))
    return [page, inventory, *(out / name for name in tables)]


def _whole(path: Path, write: Callable[[Path], object]) -> None:
    """A full disk must not leave half a report, which would look like one with fewer findings, in place of a whole one."""
    part = path.with_name(f".{path.name}.part")
    try:
        write(part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _page_margin(view: View) -> str:
    """Edition and recipient on every printed page, with its number (CSS Paged Media, margin boxes)."""
    edition = f"{view.t('edition_is')} {view.t(f'edition_{view.edition}')}"
    recipient = f"{view.t('recipient_is')} {view.t(f'recipient_{view.edition}')}"
    client = inert(view.judged.engagement.client, 60)[0]
    box = "font:7pt system-ui,sans-serif;color:#444"
    return (
        f"@page{{@bottom-left{{content:{_css(f'{client} · {edition} · {recipient}')};{box}}}"
        f'@bottom-right{{content:counter(page) " / " counter(pages);{box}}}}}'
    )


def _css(value: str) -> str:
    """*value* as a CSS string: everything but letters and digits escaped, so that nothing ends the string or the style."""
    return (
        '"' + "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):x} " for c in value) + '"'
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _asset(name: str) -> str:
    return resources.files("reports.html").joinpath(name).read_text("utf-8").strip()


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode('ascii')}"
