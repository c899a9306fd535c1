"""The repository keeps its own promises: folders, locks, what the wheel carries."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = {"agent", "scanners", "collectors", "reports", "fixtures", "tests"}
TOOLING = {".ci", "docs", "tools"}


def tracked() -> list[str]:
    """Files of the checkout that git does not ignore."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if (ROOT / line).exists()]


def test_top_level_folders_are_the_fixed_ones() -> None:
    folders = {Path(f).parts[0] for f in tracked() if len(Path(f).parts) > 1}
    assert folders - TOOLING == FOLDERS


def test_no_lock_names_a_host_or_an_index() -> None:
    locks = [ROOT / "requirements-dev.lock", ROOT / "tools" / "uv.lock"]
    for lock in locks:
        text = lock.read_text("utf-8")
        assert "--hash=sha256:" in text
        assert not re.findall(r"://|--(?:index|extra-index|find-links|trusted)", text)


def test_every_locked_package_is_hashed() -> None:
    text = (ROOT / "requirements-dev.lock").read_text("utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", text)
    named = [e for e in entries if re.match(r"[a-z0-9._-]+==", e)]
    assert len(named) > 30
    assert all("--hash=sha256:" in e for e in named)


def test_no_file_names_a_path_of_one_machine() -> None:
    pattern = re.compile(r"\.\./shared|/(?:work|root)/[a-z]")
    found = []
    for name in tracked():
        path = ROOT / name
        if path.suffix in {".py", ".toml", ".md", ".j2", ".sh", ""} and path != Path(__file__):
            text = path.read_text("utf-8", "replace")
            found += [f"{name}: {m.group()}" for m in pattern.finditer(text)]
    assert not found


def test_the_wheel_holds_data_files_and_the_lab(tmp_path: Path) -> None:
    uv = ROOT / ".uv" / "bin" / "uv"
    build = [str(uv), "build", "-q", "--offline", "--wheel", "-o", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, timeout=120)
    names = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    assert "fixtures/lab/__init__.py" in names
    data = [
        f for f in tracked() if f.split("/")[0] in FOLDERS - {"tests"} and not f.endswith(".py")
    ]
    assert not [f for f in data if f not in names]
    assert not [n for n in names if n.startswith("tests/")]


def test_the_readme_command_is_installed() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "handover"), "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "0.1.0" in done.stdout
