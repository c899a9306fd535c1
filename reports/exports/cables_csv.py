"""Links and devices on their ports as CSV, for a documentation of the cabling."""

from __future__ import annotations

from pathlib import Path

from agent.model.judged import Judged
from reports.html.texts import Lang
from reports.to_csv import write_cables

NAME = "cables-csv"


def write(judged: Judged, lang: Lang, folder: Path) -> Path:
    """Writes cables.csv into *folder*. Raises `OSError`."""
    path = folder / "cables.csv"
    write_cables(judged, lang, path)
    return path
