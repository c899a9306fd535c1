"""Three programs, three licences: no process loads what its licence does not go with. Seen from outside, in real processes.

scapy is GPL-2.0-only and python-nmap GPL-3: neither may be in one process with the other, nor scapy with what is Apache-2.0 or GPL-3.
A process says at its end what it has loaded, lazily or not.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from agent.model.scope import ScopeRule
from fixtures.lab import Lab

ROOT = Path(__file__).parents[1]
SLOW = {"scapy", "nmap", "netmiko", "ldap3", "pysnmp", "cryptography", "jinja2", "xlsxwriter"}
SCOPE = ScopeRule(allowed=("127.0.0.0/30",), actions=("sweep",)).model_dump(mode="json")
# What is None in sys.modules was kept out, not loaded.
CONFESS = """
import atexit, json, os, runpy, sys
def confess():
    loaded = [m for m, module in sys.modules.items() if module is not None]
    os.write(int(os.environ["CONFESS"]), json.dumps(loaded).encode())
atexit.register(confess)
"""
PROGRAM = (
    "sys.argv = sys.argv[1:]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
)
RUN = """
import asyncio, sys
from pathlib import Path
from agent.engagement.engagement import load_engagement
from agent.perform import Performing, RunRequest
request = RunRequest(site="siege", outside_window=True, port_offset=20000)
end = asyncio.run(Performing(load_engagement(Path(sys.argv[1])), request).main())
print(end.outcome)
"""


def loads(*argv: str, code: str = PROGRAM, stdin: bytes = b"") -> tuple[set[str], str]:
    """(full names of the modules a Python process has loaded at its end, what it printed)."""
    with tempfile.TemporaryFile() as told:
        done = subprocess.run(
            [sys.executable, "-c", CONFESS + code, *argv],
            input=stdin,
            capture_output=True,
            check=False,
            timeout=200,
            cwd=ROOT,
            pass_fds=[told.fileno()],
            env={**os.environ, "CONFESS": str(told.fileno())},
        )
        assert b"Traceback" not in done.stderr, done.stderr[-2000:].decode("utf-8", "replace")
        told.seek(0)
        return set(json.loads(told.read())), done.stdout.decode("utf-8", "replace")


def tops(modules: set[str]) -> set[str]:
    return {m.split(".")[0] for m in modules}


def ours(modules: set[str]) -> set[str]:
    return {m for m in modules if m.split(".")[0] in ("agent", "scanners", "collectors", "reports")}


def test_help_loads_nothing_slow() -> None:
    modules, printed = loads("agent", "--help")
    assert "init" in printed
    assert "click" in modules
    assert not tops(modules) & (SLOW | {"rich", "pydantic", "asyncio", "sqlite3"})


@pytest.mark.xdist_group("loopback3")
def test_a_whole_run_loads_neither_scapy_nor_nmap(tmp_path: Path) -> None:
    with Lab(mode="loopback", sites=("siege",)) as lab:
        folder = lab.engagement(tmp_path / "eng", "loopback")
        client = folder / "client.toml"
        text = re.sub(r"(127\.\d+\.1\.)0/24", r"\g<1>16/28", client.read_text("utf-8"))
        client.write_text(re.sub(r'  \{ net = "127\.\d+\.20\.0/24"[^\n]*\n', "", text), "utf-8")
        modules, printed = loads(str(folder), code=RUN)
    assert printed.strip() in ("complete", "partial")
    assert {"scanners.tcp_ports", "scanners.tls", "cryptography.x509"} <= modules
    assert not tops(modules) & {"scapy", "nmap"}
    assert not any(m.startswith(("scanners.raw_helper.", "scanners.nmap_helper.")) for m in modules)


def test_the_raw_helper_loads_scapy_and_nothing_it_must_not_meet() -> None:
    first = {"interface": "none-such", "source_ip": "127.0.0.1", "scope": SCOPE}
    modules, printed = loads("scanners.raw_helper", stdin=json.dumps(first).encode() + b"\n")
    assert json.loads(printed.splitlines()[0])["ready"] is False
    assert "scapy.layers.l2" in modules
    assert "scapy.all" not in modules
    assert all(m.startswith(("agent.model", "scanners.raw_helper")) for m in ours(modules) - BARE)
    assert not tops(modules) & (SLOW - {"scapy"} | {"_openssl", "rich", "click", "openpyxl"})


def test_the_nmap_helper_loads_nmap_and_nothing_else() -> None:
    first = json.dumps({"scope": SCOPE}).encode() + b"\n"
    modules, printed = loads("scanners.nmap_helper", stdin=first)
    assert "ready" in printed
    assert "nmap.nmap" in modules
    assert all(m.startswith(("agent.model", "scanners.nmap_helper")) for m in ours(modules) - BARE)
    assert not tops(modules) & (SLOW - {"nmap"} | {"rich", "click"})


BARE = {"agent", "scanners"}
"""Packages that hold no code of their own (tests/test_layers.py sees to that)."""


@pytest.mark.parametrize(
    ("folder", "title"),
    [
        ("scanners/raw_helper", "GNU GENERAL PUBLIC LICENSE\n                       Version 2,"),
        ("scanners/nmap_helper", "GNU GENERAL PUBLIC LICENSE\n                       Version 3,"),
        (".", "MIT License"),
    ],
)
def test_each_program_carries_its_whole_licence(folder: str, title: str) -> None:
    text = (ROOT / folder / "LICENSE").read_text("utf-8")
    assert title in text
    if folder != ".":
        assert "END OF TERMS AND CONDITIONS" in text
    assert f"{folder}/LICENSE".removeprefix("./") in (ROOT / "pyproject.toml").read_text("utf-8")
