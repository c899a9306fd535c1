"""An engagement with one imported run, and the command called in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.engagement.engagement import load_engagement
from tests.agent.commands.inside import Inside
from tests.agent.engagement.sample import folder

SHEET = "Name;IP;Serial;Owner\nNAS;192.168.7.9;SN-1;ACME\\jdoe\nCAM;192.168.8.3;SN-2;Zoé Müller\n"


@pytest.fixture
def inside(capsys: pytest.CaptureFixture[str]) -> Inside:
    return Inside(capsys)


@pytest.fixture
def eng(tmp_path: Path) -> Path:
    made = folder(tmp_path / "eng")
    # Loading makes the engagement's key: a test that compares the folder starts after it.
    load_engagement(made)
    return made


@pytest.fixture
def filled(eng: Path, tmp_path: Path, inside: Inside) -> Path:
    sheet = tmp_path / "first.csv"
    sheet.write_text(SHEET, "utf-8")
    code, _, err = inside("import", eng, sheet, "--site", "usine")
    assert code == 0, err
    return eng


def one_run(folder: Path) -> Path:
    (path,) = (folder / "runs").glob("*.run")
    return path
