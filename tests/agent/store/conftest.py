"""A finished run of two sessions, with its head."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.store.sample import finished_run


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    path = tmp_path_factory.mktemp("original") / "a.run"
    head = finished_run(path, count=6, each=8, sessions=2)
    return path, head
