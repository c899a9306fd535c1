"""Reports read the judged result and the catalogues, and nothing else of ours."""

from __future__ import annotations

import ast
from pathlib import Path

import reports

ALLOWED = ("agent.model", "agent.catalogs", "reports")
OURS = ("agent", "scanners", "collectors", "fixtures", "tests", "reports")
LATE = ("jinja2", "xlsxwriter", "openpyxl")


def imports(path: Path) -> list[tuple[str, bool]]:
    """(module, at the top of the file) of every import."""
    tree = ast.parse(path.read_text("utf-8"))
    top = {id(n) for n in tree.body}
    out: list[tuple[str, bool]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            out += [(a.name, id(node) in top) for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            out.append((node.module or "", id(node) in top))
    return out


def test_reports_import_only_the_model_and_the_catalogues() -> None:
    files = sorted(Path(str(reports.__file__)).parent.rglob("*.py"))
    assert len(files) > 8
    for path in files:
        for module, top in imports(path):
            if module.split(".")[0] in OURS:
                assert module.startswith(ALLOWED), f"{path.name} imports {module}"
            assert not (top and module.split(".")[0] in LATE), f"{path.name}: {module} is slow"
