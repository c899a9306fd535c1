"""The collector on the files of a Linux server, and on the machine the tests run on."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.imports.endpoint_file import parse_endpoint
from agent.model.endpoint_tables import SOURCES_OF, TABLES
from collectors.endpoint.collect import collect
from collectors.endpoint.from_catalogue import wanted
from collectors.endpoint.linux.cron import table
from collectors.endpoint.linux.firewall import accepting
from collectors.endpoint.linux.machine import machine
from collectors.endpoint.linux.packages import dpkg
from collectors.endpoint.linux.people import fingerprint, keys
from collectors.endpoint.linux.shared import cups, exports, samba
from collectors.endpoint.linux.sockets import sockets
from collectors.endpoint.linux.sources import elevated, sources, this_machine
from collectors.endpoint.linux.units import values
from collectors.endpoint.source import CannotRead
from collectors.endpoint.traces import read_value
from collectors.endpoint.tree import Tree
from tests.collectors.endpoint.linux_root import CANARY, KEY, make

Rows = dict[str, list[dict[str, Any]]]


def looked(root: Path) -> dict[str, Any]:
    tree = Tree(root)
    own = {"eno1": ("192.168.7.20/24", "fe80::1/64")}
    return collect(
        "linux",
        lambda: machine(tree, own, "srv1.durand.example"),
        sources(tree, wanted(), live=False),
        elevated=True,
    )


def rows(document: dict[str, Any]) -> Rows:
    return {
        t["table"]: [dict(zip(TABLES[t["table"]], r, strict=True)) for r in t["rows"]]
        for t in document["tables"]
    }


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return looked(make(tmp_path_factory.mktemp("root")))


@pytest.fixture(scope="module")
def told(document: dict[str, Any]) -> Rows:
    return rows(document)


def test_the_document_is_one(document: dict[str, Any]) -> None:
    parsed = parse_endpoint(json.dumps(document).encode())
    assert {t.table for t in parsed.tables} == set(SOURCES_OF["linux"]) - {"firewall_rules"}
    m = parsed.machine
    assert (m.name, m.domain, m.vendor, m.serial) == (
        "srv1",
        "durand.example",
        "Dell Inc.",
        "7XK0001",
    )
    assert (m.form, m.bios_date, m.cores, m.memory) == ("server", "2023-03-09", 2, 16307088 * 1024)
    (card,) = m.cards
    assert card.built_in is True and card.addresses == ("192.168.7.20",)


def test_no_secret_is_in_it(document: dict[str, Any]) -> None:
    assert CANARY not in json.dumps(document)
    assert "holiday" not in json.dumps(document) and "a" * 32 not in json.dumps(document)


def test_units_with_their_state(told: Rows) -> None:
    units = {u["name"]: u for u in told["units"]}
    mesh = units["meshagent.service"]
    assert mesh["command"].startswith("/usr/local/mesh_services/meshagent/meshagent")
    assert (mesh["state"], mesh["start"]) == ("running", "enabled")
    assert units["masked.service"]["start"] == "masked"
    assert units["alias.service"]["start"] == "broken"
    assert units["backup.timer"]["command"] == "daily"
    assert units["ssh.service"]["command"] == "/usr/sbin/sshd -D -p ***"
    assert units["oldagent"]["start"] == "sysv"


def test_what_starts_by_itself(told: Rows) -> None:
    cron = {(c["place"], c["account"], c["command"]) for c in told["cron"]}
    assert ("/etc/cron.d/reinstall", "root", "/opt/x/install.sh --key=***") in cron
    assert ("/etc/cron.d/reinstall", "root", "/opt/x/watch.sh") in cron
    assert ("crontab anne", "anne", "/home/anne/save.sh") in cron
    assert ("/etc/cron.daily", "root", "/etc/cron.daily/logrotate") in cron
    assert ("at", "", "/opt/at/run.sh") in cron
    places = {(r["place"], r["command"]) for r in told["run_keys"]}
    assert {("/etc/rc.local", "/opt/old/start.sh"), ("autostart", "rustdesk --tray")} <= places


def test_people_and_keys(told: Rows) -> None:
    users = {u["name"]: u for u in told["local_users"]}
    assert set(users) == {"root", "anne", "infonord"}
    assert (users["root"]["enabled"], users["anne"]["enabled"]) == (0, 1)
    assert (users["anne"]["admin"], users["infonord"]["admin"]) == (1, 1)
    groups = {(g["group"], g["member"]) for g in told["local_groups"]}
    assert {("sudo", "anne"), ("docker", "infonord"), ("sudoers", "infonord")} <= groups
    assert ("anne", "anne") not in groups
    found = {k["account"]: k for k in told["authorized_keys"]}
    assert (found["infonord"]["comment"], found["infonord"]["forced"]) == ("support@infonord", 1)
    assert found["anne"]["fingerprint"] == fingerprint(KEY) == told["host_keys"][0]["fingerprint"]


@pytest.mark.needs("ssh-keygen")
def test_fingerprints_are_those_of_openssh(tmp_path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "k")], check=True
    )
    said = subprocess.run(
        ["ssh-keygen", "-lf", str(tmp_path / "k.pub")], check=True, capture_output=True, text=True
    )
    assert fingerprint((tmp_path / "k.pub").read_text().split()[1]) == said.stdout.split()[1]


def test_files_and_values_of_products_only(told: Rows) -> None:
    found = {(v["tool"], v["key"]): v["value"] for v in told["values"]}
    assert found["meshcentral", "MeshServer"] == "wss://mesh.infonord.example:443/agent.ashx"
    assert found["rustdesk", "custom-rendezvous-server"] == "rd.infonord.example"
    paths = {p["path"] for p in told["paths"]}
    assert "/home/anne/Downloads/anydesk" in paths
    assert any(p.startswith("/usr/local/mesh_services") for p in paths)
    (extension,) = told["browser_extensions"]
    assert extension["version"] == "2.1"


def test_sockets_but_no_neighbours(told: Rows) -> None:
    (listener,) = told["listeners"]
    assert (listener["port"], listener["process"]) == (22, "meshagent")
    (connection,) = told["connections"]
    assert (connection["process"], connection["remote"]) == ("meshagent", "8.8.8.8")


def test_the_rest(told: Rows) -> None:
    assert [p["name"] for p in told["packages"]] == ["openssh-server"]
    assert told["shares"] == [{"name": "data", "path": "/srv/data", "comment": "All"}]
    assert told["printers"] == [
        {"name": "hp", "port": "ipp://printer.example/ipp", "driver": "HP LaserJet"}
    ]
    (process,) = told["processes"]
    assert process["account"] == "root" and process["command"].endswith("--token ***")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    root = make(tmp_path / "root")
    shutil.rmtree(root / "proc/net")
    (root / "var/lib/dpkg/status").unlink()
    (root / "etc/passwd").unlink()
    document = looked(root)
    ended = {c["source"]: c for c in document["checked"] if not c["view"]}
    for source in ("packages", "listeners", "local_users", "processes"):
        assert ended[source]["outcome"] == "failed" and ended[source]["reason"], source
    assert ended["cron"]["outcome"] == "done"
    assert "packages" not in rows(document) or not rows(document)["packages"]


@pytest.mark.needs("python3")
def test_this_machine_itself(tmp_path: Path) -> None:
    """A program by the name of an agent that listens here is listed with its path and port."""
    program = tmp_path / "anydesk"
    shutil.copy(Path(sys.executable).resolve(), program)
    code = "import socket, time; s = socket.create_server(('127.0.0.1', 0))\n"
    code += "print(s.getsockname()[1], flush=True); time.sleep(60)"
    child = subprocess.Popen(
        [str(program), "-I", "-S", "-c", code, "--password", CANARY],
        stdout=subprocess.PIPE,
        env={"PYTHONHOME": sys.base_prefix},
    )
    try:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        tree = Tree()
        all_of_them = sources(tree, wanted())
        some = {k: all_of_them[k] for k in ("processes", "listeners", "units", "packages")}
        document = collect("linux", this_machine, some, elevated=elevated())
    finally:
        child.kill()
        child.communicate()
    told = rows(document)
    assert any(p["path"] == str(program) for p in told["processes"])
    assert any(x["port"] == port and x["process"] == "anydesk" for x in told["listeners"])
    assert CANARY not in json.dumps(document)
    assert document["machine"]["name"] == socket.gethostname().split(".")[0]
    assert document["machine"]["memory"] > 0
    parse_endpoint(json.dumps(document).encode())


def test_a_source_that_does_not_return_costs_only_itself() -> None:
    def stuck(views: object) -> Any:
        yield ("a", "b", 1, "")
        time.sleep(30)

    def fine(views: object) -> Any:
        yield ("chrome", "x", "x", "1")

    started = time.monotonic()
    document = collect(
        "linux",
        lambda: {"name": "x"},
        {
            "logs": lambda v: iter([("syslog", "2026-01-01")]),
            "host_keys": _two(stuck),
            "browser_extensions": fine,
        },
        elevated=True,
        source_s=0.3,
    )
    assert time.monotonic() - started < 20
    ended = {c["source"]: c["outcome"] for c in document["checked"]}
    assert ended == {"logs": "done", "host_keys": "partial", "browser_extensions": "done"}


def _two(source: Any) -> Any:
    return lambda views: (row[:2] for row in source(views))


def test_what_no_time_was_left_for_was_not_looked_at() -> None:
    some = {"logs": lambda v: iter([("syslog", "2026-01-01")])}
    document = collect("linux", lambda: {"name": "x"}, some, elevated=True, seconds=0)
    (checked,) = document["checked"]
    assert (checked["outcome"], checked["reason"]) == ("skipped", "no time was left")
    assert document["tables"] == []


def test_without_control_groups_nobody_knows_what_runs(tmp_path: Path) -> None:
    root = make(tmp_path / "root")
    shutil.rmtree(root / "sys/fs/cgroup")
    states = {u["name"]: u["state"] for u in rows(looked(root))["units"]}
    assert states["meshagent.service"] == "" and states["ssh.service"] == ""


def test_a_long_document_is_cut_and_says_so() -> None:
    def many(views: object) -> Any:
        for n in range(15_000):
            yield (f"syslog {n} " + "x" * 200, "2026-01-01")

    document = collect("linux", lambda: {"name": "x"}, {"logs": many}, elevated=True)
    (logs,) = document["tables"]
    (checked,) = document["checked"]
    assert len(json.dumps(document)) < 2_000_000
    assert logs["cut"] > 0 and len(logs["rows"]) + logs["cut"] == 15_000
    assert checked["outcome"] == "partial" and str(logs["cut"]) in checked["reason"]


NFT = """{"nftables": [{"chain": {"family": "inet", "table": "f", "name": "in", "hook": "input"}},
{"chain": {"family": "inet", "table": "f", "name": "user"}}, {"chain": {"family": "inet", "table": "f", "name": "out"}},
{"rule": {"family": "inet", "table": "f", "chain": "in", "expr": [{"jump": {"target": "user"}}]}},
{"rule": {"family": "inet", "table": "f", "chain": "user", "comment": "InfoNord", "expr": [{"match": {"op": "==",
 "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [22, {"range": [5900, 5910]}]}}}, {"accept": null}]}},
{"rule": {"family": "inet", "table": "f", "chain": "out", "expr": [{"match": {"op": "==",
 "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 80}}, {"accept": null}]}}]}"""


def test_rules_that_let_in() -> None:
    assert list(accepting(NFT)) == [
        ("f user: InfoNord", "", "tcp", "22", "on"),
        ("f user: InfoNord", "", "tcp", "5900-5910", "on"),
    ]


@given(st.text(max_size=400))
def test_any_text_is_survived(text: str) -> None:
    list(table(text, with_account=True))
    list(keys(text))
    list(sockets("tcp", f"head\n{text}"))
    list(dpkg(text))
    list(samba(text))
    list(cups(text))
    list(exports(text))
    values(text)
    for key in ("MeshServer", "a"):
        try:
            assert all(isinstance(v, str) for v in read_value(text, key))
        except CannotRead:
            assert text.replace("\0", "").lstrip().startswith("{")


def test_a_damaged_file_of_a_product_is_said(tmp_path: Path) -> None:
    root = make(tmp_path / "root")
    (root / "etc/netbird").mkdir()
    (root / "etc/netbird/config.json").write_text('{"ManagementURL": "htt', "utf-8")
    ended = {c["view"]: c for c in looked(root)["checked"] if c["source"] == "values"}
    assert ended["/etc/netbird/config.json"]["outcome"] == "failed"
    assert "damaged" in ended["/etc/netbird/config.json"]["reason"]
