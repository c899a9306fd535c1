"""The repository keeps its own promises: folders, locks, what the wheel carries."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = {"agent", "scanners", "collectors", "reports", "fixtures", "tests"}
TOOLING = {".ci", "docs", "tools"}
FILES = {
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "apt-packages.txt",
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements.lock",
}
LOCKS = ["requirements-dev.lock", "requirements.lock", "tools/uv.lock"]


def pinned(lock: str) -> dict[str, str]:
    """Package -> version of a lock file; every one of them must carry its hashes."""
    found: dict[str, str] = {}
    for entry in re.split(r"\n(?=[a-z0-9])", (ROOT / lock).read_text("utf-8")):
        if m := re.match(r"([a-z0-9._-]+)==([^ ;\\]+)", entry):
            assert "--hash=sha256:" in entry, m.group()
            found[m[1]] = m[2]
    return found


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
    assert {f for f in tracked() if "/" not in f} <= FILES


def test_no_lock_names_a_host_or_an_index() -> None:
    for lock in LOCKS:
        text = (ROOT / lock).read_text("utf-8")
        assert not re.findall(r"://|--(?:index|extra-index|find-links|trusted)", text)


def test_every_locked_package_is_hashed() -> None:
    assert all(pinned(lock) for lock in LOCKS)
    assert {"pytest", "playwright", "setuptools"} <= pinned("requirements-dev.lock").keys()


def test_a_technician_gets_the_tested_versions_and_no_test_tool() -> None:
    runtime, tested = pinned("requirements.lock"), pinned("requirements-dev.lock")
    assert {"scapy", "python-nmap", "pydantic", "tzdata"} <= runtime.keys()
    assert runtime.items() <= tested.items()
    assert not {"pytest", "playwright", "pyright", "mypy", "ruff"} & runtime.keys()


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


def bench(folder: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.bench", *argv]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_bench_prints_figures_alone_and_a_dead_part_is_no_silence(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tests" / "bench", tmp_path / "tests" / "bench")
    (tmp_path / "tests" / "__init__.py").touch()
    for real in (tmp_path / "tests" / "bench").glob("part_*.py"):
        real.unlink()
    body = "from tests.bench import Figure\n\ndef figures():\n    "
    good = body + "yield Figure('b_good', 'speed', 2.5, 'MB/s', '>= 2', True, 'cp')\n"
    (tmp_path / "tests" / "bench" / "part_b_good.py").write_text(good)
    (tmp_path / "tests" / "bench" / "part_a_dead.py").write_text(body + "raise OSError('gone')\n")
    row = {"part": "b_good", "figure": "speed", "value": 2.5, "unit": "MB/s", "goal": ">= 2"}
    row |= {"holds": True, "paired_with": "cp"}

    every = bench(tmp_path)
    assert (every.returncode, [json.loads(line) for line in every.stdout.splitlines()]) == (
        1,
        [row],
    )
    assert "OSError: gone" in every.stderr
    assert bench(tmp_path, "a_dead").returncode == 1
    assert json.loads(bench(tmp_path, "b_good").stdout) == row
    unknown = bench(tmp_path, "nothing")
    assert (unknown.returncode, unknown.stdout) == (2, "")


SKIPS = {
    "plain": "import pytest\ndef test_it():\n    pytest.skip('x')\n",
    "missing": "import pytest\n@pytest.mark.needs('no-such-command')\ndef test_it():\n    pass\n",
    "file": "import pytest\npytest.importorskip('no_such_module')\ndef test_it():\n    pass\n",
    "allowed": "import pytest\n@pytest.mark.may_skip('x')\ndef test_it():\n    pytest.skip('x')\n",
    "xfail": "import pytest\n@pytest.mark.xfail\ndef test_it():\n    raise ValueError\n",
}


def test_a_skip_as_root_in_ci_is_a_failure_unless_marked(tmp_path: Path) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    outer = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "CI"))}

    def fails(name: str, env: dict[str, str]) -> bool:
        (tmp_path / f"test_{name}.py").write_text(SKIPS[name] + "def test_ok():\n    pass\n")
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            f"test_{name}.py",
        ]
        return subprocess.run(command, cwd=tmp_path, env=env, capture_output=True).returncode == 1

    # A file that pytest cannot collect ends with another code than a failed test: both are faults.
    in_ci = {name for name in SKIPS if name != "file" and fails(name, outer | {"CI": "true"})}
    assert in_ci == ({"plain", "missing"} if os.geteuid() == 0 else set())
    assert not [name for name in SKIPS if name != "file" and fails(name, outer)]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_file.py"]
    (tmp_path / "test_file.py").write_text(SKIPS["file"])
    env = outer | {"CI": "true"}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert ("was skipped as root in CI" in done.stdout) == (os.geteuid() == 0)
