"""The files of an engagement that cannot be read at all, the id key, and the lines of keys."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engagement.engagement import EngagementError, load_engagement
from agent.engagement.toml_source import key_lines, read_toml
from tests.agent.engagement.sample import CLIENT, engagement, folder


def cause(path: Path) -> str:
    with pytest.raises(EngagementError) as caught:
        load_engagement(path)
    return str(caught.value)


def test_a_folder_that_is_not_there_or_is_a_file(tmp_path: Path) -> None:
    assert "there is no such folder" in cause(tmp_path / "none")
    assert "handover init none" in cause(tmp_path / "none")
    (tmp_path / "file").touch()
    assert "is not a folder" in cause(tmp_path / "file")


def test_a_missing_client_toml_says_how_to_make_one(tmp_path: Path) -> None:
    assert "client.toml: there is no such file" in cause(tmp_path)
    assert f"handover init {tmp_path.name}" in cause(tmp_path)


def test_a_missing_msp_toml_that_is_named(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "msp.toml").unlink()
    assert "msp.toml: there is no such file" in cause(tmp_path)


def test_msp_toml_may_be_missing_at_its_usual_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    e = engagement(tmp_path / "eng", CLIENT.replace('msp = "msp.toml"', ""))
    assert not e.msp_found and e.msp.name == ""
    (tmp_path / "handover").mkdir()
    (tmp_path / "handover" / "msp.toml").write_text('name = "Us"')
    assert load_engagement(tmp_path / "eng").msp.name == "Us"


@pytest.mark.parametrize(
    ("raw", "words", "line"),
    [
        (b'[client]\nname = "A\n', "not valid TOML at line 2", 2),
        (b"[client]\nname = A\n", "not valid TOML at line 2", 2),
        (b'[client]\nname = "\xe9"\n', "a character is not UTF-8", 2),
        ('[client]\nname = "A"\n'.encode("utf-16"), "saved as UTF-16", None),
        (b"a = " + b"[" * 100_000, "nested too deeply", None),
        (b"a = 1" + b"0" * 5000, "a number is too long", None),
        (b"#" * (2 << 20), "larger than 1024 KiB", None),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, raw: bytes, words: str, line: int | None) -> None:
    (tmp_path / "client.toml").write_bytes(raw)
    with pytest.raises(EngagementError) as caught:
        load_engagement(tmp_path)
    assert words in str(caught.value)
    assert caught.value.problems[0].line == line


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "client.toml").write_bytes(b"\xef\xbb\xbf" + CLIENT.encode())
    assert load_engagement(tmp_path).client.client.sector == "industry"


def test_a_client_toml_that_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "client.toml").mkdir()
    assert "is not a file" in cause(tmp_path)


@pytest.mark.root
def test_a_file_this_user_may_not_read(tmp_path: Path) -> None:
    folder(tmp_path)
    tmp_path.chmod(0o755)
    (tmp_path / "client.toml").chmod(0o600)
    program = (
        "import os, sys; from pathlib import Path; from agent.engagement.toml_source import read_toml;"
        "os.setuid(65534)\n"
        "try: read_toml(Path(sys.argv[1]))\n"
        "except Exception as error: print(error)"
    )
    # The parents of a temporary folder are closed to others: hand the child an open door by path of its own.
    target = Path(f"/dev/shm/handover-test-{os.getpid()}.toml")
    target.write_bytes(b"a = 1")
    target.chmod(0o600)
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, str(target)], capture_output=True, text=True, check=True
        )
    finally:
        target.unlink()
    assert "this user may not read it" in done.stdout
    assert "chmod u+r" in done.stdout


def test_the_key_is_made_once_and_closed_to_others(tmp_path: Path) -> None:
    first = engagement(tmp_path).key
    path = tmp_path / ".handover" / "key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_engagement(tmp_path).key == first == path.read_bytes()
    assert [p.name for p in path.parent.iterdir() if p.name.startswith("key")] == ["key"]


def test_a_lost_key_is_not_made_anew_where_runs_need_it(tmp_path: Path) -> None:
    engagement(tmp_path)
    (tmp_path / ".handover" / "key").unlink()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.run").touch()
    assert "it is lost, but runs were made with it" in cause(tmp_path)
    assert not (tmp_path / ".handover" / "key").exists()


def test_a_damaged_key_is_refused(tmp_path: Path) -> None:
    engagement(tmp_path)
    (tmp_path / ".handover" / "key").write_bytes(b"short")
    assert "has 5 bytes instead of 32" in cause(tmp_path)


def test_client_toml_is_never_written(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "client.toml").chmod(0o400)
    before = (tmp_path / "client.toml").stat()
    load_engagement(tmp_path)
    after = (tmp_path / "client.toml").stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_the_mandate_hash_is_of_the_document_or_of_the_table(tmp_path: Path) -> None:
    import hashlib

    e = engagement(tmp_path)
    assert e.mandate_sha256 == hashlib.sha256(b"%PDF signed").hexdigest()
    bare = engagement(tmp_path, CLIENT.replace('document = "mandat.pdf"', ""))
    other = engagement(
        tmp_path, CLIENT.replace('document = "mandat.pdf"', "").replace("2026-06-30", "2026-07-30")
    )
    assert bare.mandate_sha256 != other.mandate_sha256 != e.mandate_sha256


def test_lines_of_keys() -> None:
    text = (
        "a = 1 # c\n\n[t]\nb = '''x\n]y'''\nc = [\n  1, # ]\n  { d = 2, e.f = 3 },\n]\n"
        '[[r]]\nq = "\\"#"\n[r.s]\nz = 1\n[[r]]\n"w.v" = """\n""""\n'
    )
    lines = key_lines(text)
    assert lines[("a",)] == 1
    assert lines[("t", "b")] == 4
    assert lines[("t", "c", 0)] == 7
    assert lines[("t", "c", 1)] == 8
    assert lines[("t", "c", 1, "e", "f")] == 8
    assert lines[("r", 0, "q")] == 11
    assert lines[("r", 0, "s", "z")] == 13
    assert lines[("r", 1, "w.v")] == 15


_names = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=8
)
_leaves = st.one_of(st.integers(-5, 5), st.booleans(), _names, st.dates(), st.floats(0, 1))
_data = st.dictionaries(
    st.from_regex(r"[a-z_]{1,6}", fullmatch=True),
    st.recursive(
        _leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.from_regex(r"[a-z_]{1,6}", fullmatch=True), inner, max_size=4),
        ),
        max_leaves=12,
    ),
)


def _paths(value: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    return [at, *(p for key, inner in items for p in _paths(inner, (*at, key)))]


@settings(deadline=None, max_examples=60)
@given(_data)
def test_every_path_of_a_document_has_its_line(data: dict[str, Any]) -> None:
    text = tomli_w.dumps(data)
    lines = key_lines(text)
    for path in _paths(data)[1:]:
        assert path in lines, text
        key = next(str(p) for p in reversed(path) if isinstance(p, str))
        assert any(key in row for row in text.split("\n")[: lines[path]])


@settings(deadline=None, max_examples=60)
@given(st.binary(max_size=200) | st.text(alphabet="a.=\"[]{}#\n\\'1,", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_in_words(raw: bytes) -> None:
    import tempfile

    with tempfile.NamedTemporaryFile(suffix=".toml") as stream:
        stream.write(raw)
        stream.flush()
        try:
            read_toml(Path(stream.name))
        except EngagementError as error:
            assert error.problems
