"""`handover run`: what it refuses before it reads an engagement."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agent.commands.terminal import handover


@pytest.mark.parametrize("seconds", ["nan", "-1", "0", "inf", "soon"])
def test_a_deadline_is_a_time_one_can_wait_for(tmp_path: Path, seconds: str) -> None:
    code, _, err = handover("run", tmp_path, "--deadline", seconds)
    assert code == 2 and "'--deadline'" in err, err
