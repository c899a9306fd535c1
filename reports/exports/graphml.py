"""The map of the network as GraphML, for yEd and Gephi."""

from __future__ import annotations

from pathlib import Path

from agent.model.judged import Judged
from reports.html.texts import Lang
from reports.map.graphml import graphml

NAME = "graphml"


def write(judged: Judged, lang: Lang, folder: Path) -> Path:
    """Writes network.graphml into *folder*. Raises `OSError`."""
    path = folder / "network.graphml"
    graphml(judged, lang).write(path, "utf-8", xml_declaration=True)
    return path
