"""The collector on the files of a Mac and the answers of its programs; ps and lsof of this machine beside it."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from agent.imports.endpoint_file import parse_endpoint
from agent.model.endpoint_tables import SOURCES_OF, TABLES
from collectors.endpoint.collect import collect
from collectors.endpoint.from_catalogue import wanted
from collectors.endpoint.linux.people import fingerprint
from collectors.endpoint.macos.asked import Ask, Asked
from collectors.endpoint.macos.machine import cores, machine, memory
from collectors.endpoint.macos.processes import COMMANDS, NAMES, USERS, table
from collectors.endpoint.macos.sockets import LSOF, sockets
from collectors.endpoint.macos.sources import sources
from collectors.endpoint.macos.storage import filevault
from collectors.endpoint.program import output
from collectors.endpoint.tree import Tree
from tests.collectors.endpoint.linux_root import CANARY, KEY
from tests.collectors.endpoint.macos_root import SAID, make

Rows = dict[str, list[dict[str, Any]]]


def looked(root: Path, ask: Ask = SAID.get, as_root: bool = True) -> dict[str, Any]:
    tree, asked = Tree(root), Asked(ask)
    found = sources(tree, wanted(), asked, as_root)
    return collect("macos", lambda: machine(tree, asked), found, elevated=as_root)


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
    assert {t.table for t in parsed.tables} == set(SOURCES_OF["macos"])
    m = parsed.machine
    assert (m.name, m.domain, m.vendor) == ("Mac-Anne", "durand.example", "Apple Inc.")
    assert (m.model, m.serial, m.form) == ("Mac14,7", "C02XK0001", "laptop")
    assert (m.os, m.version, m.patch) == ("macOS", "14.7.1", "23H222")
    assert (m.cpu, m.cores, m.memory) == ("Apple M2", 8, 16 << 30)
    found = {c.name: (c.built_in, c.addresses) for c in m.cards}
    assert found == {
        "en0": (True, ("192.168.7.31", "2001:db8::31")),
        "en7": (False, ("192.168.7.32",)),
        "en8": (None, ()),
    }


def test_no_secret_is_in_it(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    assert CANARY not in text
    assert "holiday" not in text and "private" not in text


def test_daemons_and_agents_with_their_state(told: Rows) -> None:
    jobs = {j["name"]: j for j in told["launchd"]}
    assert jobs["com.ninjarmm.agent"]["command"].endswith("ninjarmm-macagent --token ***")
    states = {n: (j["account"], j["state"]) for n, j in jobs.items()}
    assert states["com.ninjarmm.agent"] == ("root", "running")
    assert states["com.infonord.off"] == ("root", "disabled")
    assert states["com.infonord.on"] == ("root", "stopped")
    assert states["com.infonord.blank"] == ("support", "stopped")
    assert states["com.user.watch"] == ("anne", "disabled")
    # As root launchctl does not tell of anybody's agents.
    assert states["com.teamviewer.teamviewer"] == ("", "")
    assert jobs["com.infonord.blank"]["command"] == (
        '"/Library/Application Support/InfoNord/agent" ***'
    )
    assert jobs["com.infonord.off"]["command"] == "/bin/sh -c /opt/x/again.sh --key=***"
    assert {"com.apple.cfprefsd.xpc.daemon", "typed"} <= set(jobs)


def test_what_was_not_looked_at_is_said(document: dict[str, Any]) -> None:
    missed = {(c["source"], c["view"]): c["outcome"] for c in document["checked"] if c["view"]}
    assert missed == {
        ("launchd", "/Library/LaunchDaemons/broken.plist"): "skipped",
        (
            "run_keys",
            "login items in /var/db/com.apple.backgroundtaskmanagement/BackgroundItems-v8.btm",
        ): "skipped",
    }
    assert {c["outcome"] for c in document["checked"] if not c["view"]} == {"done"}


def test_what_starts_by_itself(told: Rows) -> None:
    cron = {(c["place"], c["account"], c["command"]) for c in told["cron"]}
    assert cron == {
        ("/etc/crontab", "root", "/opt/x/hourly.sh"),
        ("crontab support", "support", "/opt/x/watch.sh ***"),
        ("at", "", "/opt/at/run.sh"),
    }
    keys = {(k["place"], k["name"], k["command"]) for k in told["run_keys"]}
    assert keys == {
        ("loginwindow", "LoginHook", "/Library/hook.sh --password ***"),
        ("loginwindow of anne", "application at login", '"/Applications/Any Desk.app"'),
        ("/etc/periodic/daily", "999.infonord", "/etc/periodic/daily/999.infonord"),
        ("emond", "watch", "/opt/x/again.sh ***"),
    }


def test_people_and_keys(told: Rows) -> None:
    users = {u["name"]: (u["enabled"], u["admin"], u["comment"]) for u in told["local_users"]}
    assert users == {
        "root": (0, 1, ""),
        "anne": (1, 1, ""),
        "support": (0, 1, "InfoNord"),
        "helper": (None, 1, ""),
        "guest": (1, 0, ""),
    }
    groups = {(g["group"], g["member"], g["kind"]) for g in told["local_groups"]}
    assert {
        ("admin", "anne", "user"),
        ("admin", "helpers", "group"),
        ("admin", "DIRECTORY-GROUP", "group"),
        ("com.apple.access_ssh", "support", "user"),
        ("sudoers", "support", "user"),
    } <= groups
    keys = {k["account"]: (k["fingerprint"], k["forced"]) for k in told["authorized_keys"]}
    assert keys == {"root": (fingerprint(KEY), 0), "anne": (fingerprint(KEY), 1)}
    assert told["host_keys"] == [{"type": "ssh-ed25519", "fingerprint": fingerprint(KEY)}]


def test_programs(told: Rows) -> None:
    found = {(p["source"], p["name"], p["version"]) for p in told["packages"]}
    assert found == {
        ("pkgutil", "com.ninjarmm.agent", "5.3.1"),
        ("application", "TeamViewer", "15.50.5"),
        ("application", "Inner", "12"),
        ("application", "AnyDesk", ""),
        ("brew", "wget", "1.21.4"),
        ("brew", "anydesk", "8.0"),
    }


def test_processes_and_sockets_but_no_neighbours(told: Rows) -> None:
    found = {p["name"]: (p["path"], p["command"], p["account"]) for p in told["processes"]}
    assert found["My Agent"] == (
        "/Applications/Own Agent/My Agent",
        '"/Applications/Own Agent/My Agent" --quiet ***',
        "support",
    )
    # Whatever else stands in its first argument is no part of a path.
    assert found["agent"][0] == "/opt/x/agent"
    assert found["zsh"][0] == ""
    listeners = {(x["transport"], x["address"], x["port"], x["process"]) for x in told["listeners"]}
    assert listeners == {
        ("tcp", "::", 5938, "ninjarmm-macagent"),
        ("tcp", "127.0.0.1", 7070, "My Agent"),
        ("udp", "0.0.0.0", 5353, "My Agent"),
        ("tcp", "127.0.0.1", 7071, "Gone Agent"),
    }
    (connection,) = told["connections"]
    assert (connection["process"], connection["remote"], connection["port"]) == (
        "ninjarmm-macagent",
        "8.8.8.8",
        443,
    )


def test_files_values_and_extensions_of_products_only(told: Rows) -> None:
    values = {(v["tool"], v["key"]): v["value"] for v in told["values"]}
    assert values[("rustdesk", "custom-rendezvous-server")] == "rd.infonord.example"
    paths = {p["path"] for p in told["paths"]}
    assert {
        "/Users/support/Downloads/anydesk",
        "/Applications/TeamViewer.app",
        "/Library/Application Support/CentraStage",
    } <= paths
    assert [e["version"] for e in told["browser_extensions"]] == ["2.1"]


def test_the_rest(told: Rows) -> None:
    assert told["protection"] == [
        {
            **{"kind": "antivirus", "name": "XProtect", "state": "unknown"},
            **{"updated": "2025-01-09", "source": "XProtect.bundle 5271"},
        },
        {
            **{"kind": "firewall", "name": "Application Firewall", "state": "on"},
            **{"updated": "", "source": "socketfilterfw"},
        },
        {
            **{"kind": "backup", "name": "Time Machine", "state": "on"},
            **{"updated": "2026-10-02", "source": "com.apple.TimeMachine.plist"},
        },
    ]
    assert [(s["name"], s["path"], s["comment"]) for s in told["shares"]] == [
        ("Data$", "/Users/Shared/Data", "SMB"),
        ("/Users/Shared/Nfs", "/Users/Shared/Nfs", "NFS"),
    ]
    assert told["printers"][0]["port"] == "ipp://printer.example/ipp"
    disks = {d["name"]: (d["model"], d["encryption"], d["health"]) for d in told["disks"]}
    assert disks == {
        "/": ("APPLE SSD AP0512Z", "on", "ok"),
        "/Volumes/Old Backup": ("USB", "off", "unknown"),
    }


def test_a_mac_that_answers_nothing(tmp_path: Path) -> None:
    """Without its files and programs nothing may look like "none"."""
    (tmp_path / "var/db").mkdir(parents=True)
    document = looked(tmp_path, lambda command: None, as_root=False)
    ended = {c["source"]: c["outcome"] for c in document["checked"] if not c["view"]}
    for source in ("processes", "listeners", "connections", "disks"):
        assert ended[source] == "failed", source
    views = {(c["source"], c["view"]) for c in document["checked"] if c["view"]}
    assert {("launchd", "which daemons run"), ("protection", "firewall")} <= views
    parse_endpoint(json.dumps(document).encode())


def test_without_rights_the_sockets_of_others_are_not_looked_at(tmp_path: Path) -> None:
    document = looked(make(tmp_path), as_root=False)
    missed = {(c["source"], c["view"], c["outcome"]) for c in document["checked"]}
    assert ("listeners", "sockets of other users", "refused") in missed
    states = {j["name"]: j["state"] for j in rows(document)["launchd"]}
    assert states["com.infonord.on"] == "" and states["com.teamviewer.teamviewer"] == "stopped"


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    root = make(tmp_path)
    os.mkfifo(root / "Library/LaunchDaemons/pipe.plist")
    (root / "Library/LaunchDaemons/loop.plist").symlink_to("loop.plist")
    document = looked(root)
    views = {c["view"]: c["outcome"] for c in document["checked"] if c["source"] == "launchd"}
    assert views["/Library/LaunchDaemons/pipe.plist"] == "failed"
    assert views["/Library/LaunchDaemons/loop.plist"] == "failed"
    assert any(j["name"] == "com.ninjarmm.agent" for j in rows(document)["launchd"])


@pytest.mark.needs("ps")
def test_the_ps_of_this_machine() -> None:
    said = [output(c) for c in (NAMES, USERS, COMMANDS)]
    found = table(said[0] or "", said[1] or "", said[2] or "", lambda p: Path(p).exists())
    assert "python" in found[os.getpid()].command or "pytest" in found[os.getpid()].command
    assert found[os.getpid()].name


@pytest.mark.needs("lsof")
def test_the_lsof_of_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            found = list(sockets(output(LSOF) or ""))
    mine = [s for s in found if s.pid == os.getpid()]
    assert ("127.0.0.1", port, "LISTEN") in {(s.local, s.port, s.state) for s in mine}
    assert ("127.0.0.1", port, "ESTABLISHED") in {(s.remote, s.remote_port, s.state) for s in mine}


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("FileVault is On.\n", "on"),
        ("FileVault is Off.\n", "off"),
        ("FileVault is On.\nDecryption in progress: Percent completed = 12\n", "unknown"),
        ("", "unknown"),
    ],
)
def test_filevault(said: str, state: str) -> None:
    assert filevault(said) == state


def test_sizes_and_cores() -> None:
    assert (memory("16 GB"), memory("512 MB"), memory("lots")) == (16 << 30, 512 << 20, None)
    assert (cores("proc 12:0:8:4"), cores("4"), cores("x")) == (12, 4, None)
