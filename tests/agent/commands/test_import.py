"""`handover import`: only the file itself can fail its import; a failed one changes nothing, whatever its bytes are."""

from __future__ import annotations

import hashlib
import resource
import shutil
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.store.file import beside
from tests.agent.commands.conftest import SHEET, one_run
from tests.agent.commands.inside import Inside
from tests.agent.imports.endpoint_sample import document, write
from tests.agent.imports.test_nmap_xml import SCAN
from tests.agent.imports.test_sheet import workbook


def state(folder: Path) -> dict[str, str]:
    """Every file of the engagement by its content, but for the lock, which is none of it."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*")
        if p.is_file() and p.name != "lock"
    }


def without_runs(filled: Path, tmp_path: Path) -> Path:
    """The same engagement before its run, which is moved out of it."""
    return Path(shutil.move(one_run(filled), tmp_path / "elsewhere.run"))


def test_a_damaged_run_stops_no_import(filled: Path, inside: Inside, tmp_path: Path) -> None:
    run = without_runs(filled, tmp_path)
    (filled / "runs" / "0torn.run").write_bytes(b"SQLite format 3\0 torn")
    code, out, err = inside("import", filled, run)
    assert code == 0, err
    assert "added as elsewhere.run" in out and "0torn.run" in out
    assert "already here" in inside("import", filled, run)[1]


def test_a_run_of_any_name_is_read(filled: Path, inside: Inside, tmp_path: Path) -> None:
    run = without_runs(filled, tmp_path)
    renamed = run.rename(tmp_path / "rmm-output.bin")
    code, out, err = inside("import", filled, renamed)
    assert code == 0 and "rmm-output.run" in out, err
    assert one_run(filled).name == "rmm-output.run"
    assert "NAS" in inside("show", filled, "inventory")[1]


def test_a_run_with_its_newest_entries_elsewhere_is_refused(
    filled: Path, inside: Inside, tmp_path: Path
) -> None:
    run = without_runs(filled, tmp_path)
    conn = sqlite3.connect(run)
    conn.execute("PRAGMA journal_mode=WAL")
    conn.execute("PRAGMA wal_autocheckpoint=0")
    conn.execute("BEGIN")
    conn.execute("DELETE FROM log WHERE seq = (SELECT max(seq) FROM log)")
    conn.execute("DELETE FROM vault WHERE seq NOT IN (SELECT seq FROM log)")
    conn.commit()
    assert beside(run, "-wal").stat().st_size
    before = state(filled)
    code, _, err = inside("import", filled, run)
    conn.close()
    assert code == 3 and "-wal" in err
    assert state(filled) == before


def test_the_files_after_a_bad_one_are_imported(eng: Path, inside: Inside, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_bytes(b"\0\1")
    (tmp_path / "good.csv").write_text("Name\nNAS\n")
    code, out, err = inside(
        "import", eng, tmp_path / "bad.csv", tmp_path / "good.csv", "--site", "usine"
    )
    assert code == 3 and "bad.csv: not imported" in err and "good.csv: 1 claimed" in out


def test_a_site_that_is_none_is_refused_with_those_there_are(
    eng: Path, inside: Inside, tmp_path: Path
) -> None:
    for name, data in (("a.csv", b"Name\nNAS\n"), ("a.xml", SCAN)):
        (tmp_path / name).write_bytes(data)
        before = state(eng)
        code, _, err = inside("import", eng, tmp_path / name, "--site", "nowhere")
        assert code == 3 and "no site 'nowhere'" in err and "usine, depot" in err
        assert state(eng) == before


def test_a_workbook_of_broken_xml_is_told(eng: Path, inside: Inside, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.xlsx", tmp_path / "bad.xlsx"
    good.write_bytes(workbook(Parc=[["Name"], ["a"]], Autre=[["Name"], ["b"]]))
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(bad, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            target.writestr(name, data[:-20] if "sheet1" in name else data)
    before = state(eng)
    code, _, err = inside("import", eng, bad, "--site", "usine")
    assert code == 3 and "not a readable XLSX" in err
    assert state(eng) == before
    code, out, _ = inside("import", eng, good, "--site", "usine")
    assert code == 0 and "other sheets not read" in out and "Autre" in out
    assert inside("import", eng, good, "--site", "usine", "--sheet", "Autre")[0] == 0
    assert len(list((eng / "runs").glob("*.run"))) == 2


def test_what_fails_half_way_leaves_nothing(eng: Path, tmp_path: Path) -> None:
    """RLIMIT_FSIZE refuses the write as a full disk or a quota does, without root."""
    (tmp_path / "a.csv").write_text("Name\n" + "".join(f"host-{n}\n" for n in range(500)))
    (eng / "runs").mkdir()
    before = state(eng)
    words = ["import", str(eng), str(tmp_path / "a.csv"), "--site", "usine"]
    done = subprocess.run(
        [sys.executable, "-m", "agent", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    assert done.returncode == 3 and "refused a write" in done.stderr, done.stderr
    assert state(eng) == before and not list((eng / "runs").iterdir())


def mutated(data: bytes, draw: Callable[[st.SearchStrategy[int]], int]) -> bytes:
    """*data* with some bytes changed, a piece taken out or doubled."""
    for _ in range(draw(st.integers(1, 6))):
        at, size = draw(st.integers(0, len(data) - 1)), draw(st.integers(1, 64))
        piece = data[at : at + size]
        kind = draw(st.integers(0, 3))
        if kind == 0:
            data = data[:at] + bytes((draw(st.integers(0, 255)),)) + data[at + 1 :]
        elif kind == 1:
            data = data[:at] + data[at + size :] or b"\0"
        elif kind == 2:
            data = data[:at] + piece + data[at:]
        else:
            data = data[: at + 1]
    return data


@pytest.mark.parametrize("form", ["run", "xlsx", "member", "csv", "xml"])
def test_hostile_files(filled: Path, inside: Inside, tmp_path: Path, form: str) -> None:
    run = without_runs(filled, tmp_path)
    book = workbook(Parc=[["Name", "IP"], ["a", "10.0.0.1"]])
    (tmp_path / "book.xlsx").write_bytes(book)
    source = {"run": run.read_bytes(), "xlsx": book, "csv": SHEET.encode(), "xml": SCAN}
    file = tmp_path / f"hostile.{form}"

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )
    @given(st.data())
    def attack(data: st.DataObject) -> None:
        if form == "member":
            # The archive is sound, one of its parts is not.
            with zipfile.ZipFile(tmp_path / "book.xlsx") as whole:
                parts = {name: whole.read(name) for name in whole.namelist()}
            name = data.draw(st.sampled_from(sorted(parts)))
            parts[name] = mutated(parts[name], data.draw)
            with zipfile.ZipFile(file, "w") as archive:
                for part, content in parts.items():
                    archive.writestr(part, content)
        else:
            file.write_bytes(mutated(source[form], data.draw))
        before = state(filled)
        code, _, err = inside("import", filled, file, "--site", "usine")
        assert code in (0, 3) and "Traceback" not in err
        after = state(filled)
        if code == 0:
            # What was taken can be judged, and is taken out again for the next.
            assert inside("show", filled, "inventory")[0] == 0
            for added in set(after) - set(before):
                (filled / added).unlink()
        else:
            assert after == before

    attack()


def test_a_folder_of_documents_and_what_is_refused_of_it(
    eng: Path, inside: Inside, tmp_path: Path
) -> None:
    documents = tmp_path / "documents"
    for number in (1, 2):
        write(documents, document(number), f"{number}.json")
    write(documents, {**document(3), "version": 9}, "3.json")
    code, out, err = inside("import", eng, documents, "--site", "usine")
    assert code == 3 and "2 machines at usine" in out
    assert err.strip().startswith("3.json: not imported: written in version '9'")
    code, out, err = inside("import", eng, documents / "1.json", "--site", "usine")
    assert (code, err) == (0, "") and "1 documents were here already" in out
    before = state(eng)
    code, _, err = inside("import", eng, documents / "2.json", "--site", "nowhere")
    assert code == 3 and "usine, depot" in err and state(eng) == before
    (tmp_path / "empty").mkdir()
    assert "no endpoint documents" in inside("import", eng, tmp_path / "empty")[2]
