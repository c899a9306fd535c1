"""The commands on one real engagement, as a technician or an RMM calls them, with good input and bad."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent.commands.schema import schemas
from agent.store.reader import RunFile
from fixtures.lab import Lab
from tests.acceptance_loopback.conftest import ROOT, Child, small

pytestmark = pytest.mark.xdist_group("loopback2")
SLOW = (
    "scapy",
    "netmiko",
    "ldap3",
    "pysnmp",
    "nmap",
    "cryptography",
    "jinja2",
    "xlsxwriter",
    "rich",
)


def handover(*words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **env},
    )


@pytest.fixture(scope="module")
def finished(lab: Lab, child: Child, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small(lab, tmp_path_factory.mktemp("commands") / "eng")
    process = child(folder)
    _, err = process.communicate(timeout=90)
    assert process.returncode == 0, err.decode()
    return folder


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "eng"))


def one_run(folder: Path) -> Path:
    return next((folder / "runs").glob("*.run"))


def test_help_loads_nothing_slow() -> None:
    code = (
        "import sys\nfrom agent.cli import main\nassert main(['--help']) == 0\n"
        f"print([m for m in {SLOW!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "Exit codes" in done.stdout


@pytest.mark.parametrize(
    "part", ["status", "inventory", "findings", "checklist", "ledger", "observations", "runs"]
)
def test_show(part: str, finished: Path) -> None:
    text = handover("show", finished, part)
    assert text.returncode == 0 and text.stdout.strip(), text.stderr
    done = handover("show", finished, part, "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert any(document.values())
    follows(done.stdout, f"show:{part}")


def test_what_is_printed_follows_its_schema(finished: Path) -> None:
    follows(handover("doctor", "--json").stdout, "doctor")
    follows(handover("verify", finished, "--json").stdout, "verdict")
    planned = handover("plan", finished, "--site", "siege", "--json")
    follows(planned.stdout, "plan")


def test_schemas_are_json_schemas() -> None:
    names = handover("schema").stdout.split()
    assert {"inventory", "observation", "status", "kind:tcp.port"} <= set(names)
    assert {"client", "msp", "answers", "plan", "show:ledger", "doctor"} <= set(names)
    assert handover("schema", "nosuch").returncode == 2
    printed = json.loads(handover("schema", "inventory").stdout)
    assert printed["type"] == "object"
    for name, model in schemas().items():
        schema = model.model_json_schema()
        for at in references(schema):
            assert at.startswith("#/$defs/") and at.removeprefix("#/$defs/") in schema["$defs"], (
                name
            )


def references(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield str(value)
            else:
                yield from references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from references(value)


def follows(text: str, name: str) -> None:
    """*text* is a document of the schema *name*: the model it is made from takes it, and loses and adds nothing."""
    model = schemas()[name].model_validate_json(text)
    assert json.loads(model.model_dump_json(by_alias=True)) == json.loads(text)


def test_verify_calls_intact_only_what_is_known_outside(copy: Path) -> None:
    done = handover("verify", copy, "--json")
    verdict = json.loads(done.stdout)
    assert done.returncode == 0
    assert verdict["self_consistent"] and verdict["signed_by"] and not verdict["known_outside"]
    assert "not proven intact" in handover("verify", copy).stdout
    known = handover("verify", copy, "--head", verdict["head_words"]).stdout
    assert "verdict:              intact" in known
    run = one_run(copy)
    data = bytearray(run.read_bytes())
    # The last byte of the first page of content: somewhere in an entry.
    at = data.rfind(b"tcp_ports")
    data[at] ^= 1
    run.write_bytes(bytes(data))
    changed = handover("verify", copy, "--head", verdict["head_words"])
    assert changed.returncode == 3 and "intact" not in changed.stdout.replace(
        "not proven intact", ""
    )


def test_purge_erases_a_person_everywhere_and_the_chain_holds(copy: Path) -> None:
    def held() -> bytes:
        return one_run(copy).read_bytes()

    with RunFile(one_run(copy)) as run:
        title = next(
            o.body.model_dump()["title"]
            for o in run.observations()
            if o.body.kind == "http.page" and len(o.body.model_dump()["title"]) > 5
        )
    assert title.encode() in held()
    assert handover("purge", copy, "--person", title).returncode != 0, "it must ask first"
    done = handover("purge", copy, "--person", title, "--yes")
    assert done.returncode == 0, done.stderr
    assert title.encode() not in held()
    assert json.loads(handover("verify", copy, "--json").stdout)["self_consistent"]
    assert handover("report", copy).returncode == 0


def test_import_of_a_sheet_a_run_and_rubbish(copy: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "fiche.csv"
    sheet.write_text(
        "Nom d'hôte;Adresse IP;N° de série;Mot de passe\nSRV-PERDU;10.9.9.9;SN-4711;hunter2-canary\n",
        "cp1252",
    )
    done = handover("import", copy, sheet, "--site", "siege")
    assert done.returncode == 0 and "Mot de passe" in done.stdout, done.stderr
    inventory = json.loads(handover("show", copy, "inventory", "--json").stdout)
    claimed = [a for a in inventory["assets"] if a["presence"] == "claimed"]
    assert len(claimed) == 1 and "SN-4711" in json.dumps(claimed)
    every = b"".join(p.read_bytes() for p in copy.rglob("*") if p.is_file())
    assert b"hunter2-canary" not in every
    again = tmp_path / "again.run"
    shutil.copyfile(one_run(copy), again)
    assert "already here" in handover("import", copy, again).stdout
    for name, data in (
        ("a.csv", b"\0\1\2"),
        ("b.xlsx", b"PK\3\4broken"),
        ("c.run", b"SQLite format 3\0x"),
    ):
        bad = tmp_path / name
        bad.write_bytes(data)
        done = handover("import", copy, bad, "--site", "siege")
        assert done.returncode == 3 and "not imported" in done.stderr, name
        assert "Traceback" not in done.stderr


def test_export_lists_its_formats_and_writes_them(finished: Path, tmp_path: Path) -> None:
    names = handover("export", finished).stdout.strip().split(", ")
    assert "nmap-xml" in names or "nmap_xml" in names
    for name in names:
        done = handover("export", finished, "--to", name, "--out", tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert any(p.stat().st_size for p in (tmp_path / name).iterdir())
    assert handover("export", finished, "--to", "nosuch").returncode == 2


def test_fail_on_is_the_only_way_to_exit_one(finished: Path, tmp_path: Path) -> None:
    assert handover("report", finished, "--out", tmp_path).returncode == 0
    assert handover("report", finished, "--out", tmp_path, "--fail-on", "low").returncode == 1
    # Nothing critical, but nobody went to the other site yet.
    told = handover("report", finished, "--out", tmp_path, "--fail-on", "critical")
    assert told.returncode == 3
    assert "site depot: no run yet" in told.stderr


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (b"[client\nname = 3", b"client.toml:1"),
        (b"\xff\xfe\x00broken", b"client.toml"),
        (b"", b"client"),
    ],
)
def test_a_broken_client_toml_is_named(copy: Path, harm: bytes, words: bytes) -> None:
    (copy / "client.toml").write_bytes(harm)
    done = handover("run", copy, "--site", "siege")
    assert done.returncode == 2 and words.decode() in done.stderr
    assert "Traceback" not in done.stderr


def test_a_damaged_run_is_a_declared_unknown_not_a_crash(copy: Path) -> None:
    before = json.loads(handover("show", copy, "runs", "--json").stdout)["runs"]
    shutil.copyfile(one_run(copy), copy / "runs" / "zz-damaged.run")
    data = bytearray((copy / "runs" / "zz-damaged.run").read_bytes())
    data[:100] = b"\0" * 100
    (copy / "runs" / "zz-damaged.run").write_bytes(bytes(data))
    assert len(json.loads(handover("show", copy, "runs", "--json").stdout)["runs"]) == len(before)
    done = handover("report", copy)
    assert done.returncode == 0 and "zz-damaged.run" in Path(done.stdout.split()[0]).read_text()


def test_interrupted_it_ends_partial_and_is_resumed(engagement: Path, child: Child) -> None:
    process = child(engagement)
    deadline = time.monotonic() + 30
    while not list(engagement.glob("runs/*.run")) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 3, err.decode()
    with RunFile(one_run(engagement)) as run:
        assert run.ends[-1].outcome == "interrupted"
        planned = {(u.probe, u.unit) for u in run.plan}
        assert planned == {(s.probe, s.unit) for s in run.statuses()}
    assert handover("report", engagement).returncode == 0
    resumed = child(engagement, "--resume")
    _, err = resumed.communicate(timeout=90)
    assert resumed.returncode == 0, err.decode()
    assert len(list(engagement.glob("runs/*.run"))) == 1
    with RunFile(one_run(engagement)) as run:
        assert not [s for s in run.statuses() if "interrupted" in s.params]


@pytest.mark.root
def test_a_folder_that_cannot_be_written_is_said(copy: Path) -> None:
    shutil.rmtree(copy / "runs")
    (copy / "runs").write_text("a file where the folder should be")
    done = handover("run", copy, "--site", "siege")
    assert done.returncode in (2, 3) and "Traceback" not in done.stderr
    assert "runs" in done.stderr and "cannot be written" in done.stderr
