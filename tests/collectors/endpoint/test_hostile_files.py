"""Files that somebody laid in the way of the collector on Linux: each costs itself only, and the document says so."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from collectors.endpoint import tree as trees
from collectors.endpoint.tree import Tree
from tests.collectors.endpoint.linux_root import CANARY, make
from tests.collectors.endpoint.test_linux import looked, rows

HOME = "home/anne"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = make(tmp_path_factory.mktemp("root"))
    start = root / HOME / ".config/autostart"
    start.mkdir(parents=True)
    os.mkfifo(start / "a.desktop")
    (start / "b.desktop").symlink_to("b.desktop")
    (start / "c.desktop").mkdir()
    (start / "d.desktop").write_text("[Desktop Entry]\nExec=/opt/x/agent --tray\n")
    (root / "etc/rc.local").unlink()
    os.mkfifo(root / "etc/rc.local")
    # What it runs stands behind four megabytes of remarks.
    pad = "# \n" * (trees.MOST_BYTES // 3 + 1)
    (root / "var/spool/cron/crontabs/padded").write_text(pad + f"@reboot /opt/y/agent {CANARY}\n")
    os.mkfifo(root / "var/spool/cron/atjobs/a0000")
    (root / HOME / ".ssh/authorized_keys2").symlink_to("/dev/zero")
    (root / HOME / "Downloads/self").symlink_to(".")
    units = root / HOME / ".config/systemd/user"
    units.mkdir(parents=True)
    os.mkfifo(units / "pipe.service")
    (units / "loop.service").symlink_to("loop.service")
    (units / "good.service").write_text("[Service]\nExecStart=/opt/x/agent\n")
    # A directory gives uids of ten digits: lastlog(8) is then hundreds of gigabytes of nothing.
    (root / "var/log").mkdir(parents=True, exist_ok=True)
    with (root / "var/log/lastlog").open("wb") as file:
        file.truncate(300_000_000_000)
    return looked(root)


def missed(document: dict[str, Any], source: str) -> dict[str, str]:
    return {c["view"]: c["outcome"] for c in document["checked"] if c["source"] == source}


def test_everything_else_is_told(document: dict[str, Any]) -> None:
    told = rows(document)
    starts = {(k["place"], k["command"]) for k in told["run_keys"]}
    assert ("autostart of anne", "/opt/x/agent --tray") in starts
    cron = {(c["place"], c["command"]) for c in told["cron"]}
    assert {("at", "/opt/at/run.sh"), ("crontab anne", "/home/anne/save.sh")} <= cron
    assert "good.service" in {u["name"] for u in told["units"]}
    assert {u["name"] for u in told["local_users"]} == {"root", "anne", "infonord"}
    assert CANARY not in json.dumps(document)


def test_each_of_them_is_said(document: dict[str, Any]) -> None:
    starts = missed(document, "run_keys")
    folder = f"/{HOME}/.config/autostart"
    for name in ("a", "b", "c"):
        assert starts[f"{folder}/{name}.desktop"] == "failed", name
    assert starts["/etc/rc.local"] == "failed"
    cron = missed(document, "cron")
    assert cron["crontab of padded"] == "failed" and cron["at job a0000"] == "failed"
    assert missed(document, "units")[f"/{HOME}/.config/systemd/user/pipe.service"] == "failed"
    assert all(
        outcome == "done"
        for c in ("local_users", "paths")
        for outcome in missed(document, c).values()
    )


def test_a_file_that_grows_is_read_to_the_bound_or_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a" * (trees.MOST_BYTES + 1))
    tree = Tree(tmp_path)
    assert len(tree.text("x", 100)) == 100 and tree.line("x") == "a" * 4096
    with pytest.raises(OSError, match="larger than"):
        tree.text("x")
    (tmp_path / "x").write_bytes(b"a" * trees.MOST_BYTES)
    assert len(tree.text("x")) == trees.MOST_BYTES


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_device_is_not_read(device: str) -> None:
    with pytest.raises(OSError, match="regular"):
        Tree().data(device, 10)


@pytest.mark.root
def test_what_only_its_owner_may_enter_is_not_taken_for_empty() -> None:
    # pytest's own folders are closed to others.
    base = Path(tempfile.mkdtemp())
    try:
        root = make(base / "root")
        closed = (HOME, "root", "etc/ssh", "var/spool/cron/crontabs", "etc/sudoers.d")
        for name in closed:
            (root / name).mkdir(exist_ok=True)
            (root / name).chmod(0o700)
        for path in (base, *(root / n for n in ("etc/shadow", "etc/sudoers"))):
            path.chmod(0o755 if path == base else 0o600)
        os.seteuid(65534)
        try:
            document = looked(root)
        finally:
            os.seteuid(0)
    finally:
        shutil.rmtree(base)
    for source, view in {
        "authorized_keys": "keys of anne",
        "browser_extensions": f"/{HOME}/.config/google-chrome",
        "cron": "crontabs of the users",
        "host_keys": "/etc/ssh",
        "local_groups": "/etc/sudoers",
        "local_users": "which accounts have a password",
        "paths": f"/{HOME}/Downloads",
        "run_keys": "autostart of anne",
        "units": "units of anne",
        "values": f"/{HOME}/.config/rustdesk/RustDesk2.toml",
    }.items():
        assert missed(document, source).get(view) == "refused", (source, missed(document, source))
    # Keys may lie elsewhere: nobody knows where.
    assert missed(document, "authorized_keys")["/etc/ssh/sshd_config"] == "refused"
    views = [(c["source"], c["view"], c["reason"]) for c in document["checked"]]
    assert len(views) == len(set(views))
    assert "infonord" in {k["account"] for k in rows(document)["authorized_keys"]}
