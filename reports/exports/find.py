"""Finds the export formats: every module of this package that has `NAME` and `write`. A new format is a new file, nothing else."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import reports.exports
from agent.model.judged import Judged
from reports.html.texts import Lang

Exporter = Callable[[Judged, Lang, Path], Path]


def exporters() -> dict[str, Exporter]:
    """Name of the format -> function that writes it into a folder and returns the file. Raises `TypeError` where two share a name."""
    found: dict[str, Exporter] = {}
    for info in pkgutil.iter_modules(reports.exports.__path__):
        module = import_module(f"reports.exports.{info.name}")
        name: str | None = getattr(module, "NAME", None)
        write: Exporter | None = getattr(module, "write", None)
        if name is not None and write is not None:
            if name in found:
                raise TypeError(f"two export formats are called {name!r}")
            found[name] = write
    return dict(sorted(found.items()))
