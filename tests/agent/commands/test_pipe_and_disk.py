"""A reader that goes away, and places that cannot be written: a word at most, never an internal error."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.commands.inside import Inside


@pytest.mark.parametrize(
    "words", [["show", "ENG", "checklist"], ["schema", "judged"], ["--help"]], ids=lambda w: w[0]
)
def test_a_closed_pipe_is_quiet(filled: Path, words: list[str]) -> None:
    """Its reading end is closed before the first byte, as `head` does after enough of them."""
    with subprocess.Popen(
        [sys.executable, "-m", "agent", *(str(filled) if w == "ENG" else w for w in words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()
        err = child.stderr.read()
        assert (child.wait(60), err) == (141, "")


@pytest.mark.parametrize("command", [["report"], ["export", "--to", "xlsx"]], ids=lambda w: w[0])
def test_out_that_is_a_file(
    filled: Path, inside: Inside, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "file").write_text("x")
    code, _, err = inside(*command, filled, "--out", tmp_path / "file")
    assert code == 2 and "file" in err
    code, _, err = inside(*command, filled, "--out", tmp_path / "file" / "sub")
    assert code == 3 and str(tmp_path / "file") in err and "Not a directory" in err


@pytest.mark.parametrize(
    "command", [["report"], ["export", "--to", "nmap-xml"]], ids=lambda w: w[0]
)
def test_a_full_disk(filled: Path, tmp_path: Path, command: list[str]) -> None:
    """RLIMIT_FSIZE refuses the write as a full disk or a quota does, without root; its error names no file."""
    done = subprocess.run(
        [sys.executable, "-m", "agent", *command, str(filled), "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)),
    )
    assert done.returncode == 3, done.stderr
    assert "out" in done.stderr and "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr and "File" not in done.stderr.replace("File too", "")


@pytest.mark.root
def test_no_right_to_write(filled: Path, inside: Inside) -> None:
    # Not even root may make a folder there.
    code, _, err = inside("report", filled, "--out", Path("/proc/nowhere"))
    assert code == 3 and "/proc/nowhere" in err
