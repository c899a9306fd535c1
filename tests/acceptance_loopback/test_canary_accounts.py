"""Secrets of accounts, really fetched and used by a probe that dies with them in its hands, appear in no file, output or child."""

from __future__ import annotations

import ast
import importlib
import json
import os
import shlex
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from agent.commands.judging import judged
from agent.engagement.engagement import load_engagement
from fixtures.lab import Lab
from reports.html.render import write_report
from tests.acceptance_loopback.conftest import ROOT, small
from tests.acceptance_loopback.test_canary import forms

pytestmark = pytest.mark.xdist_group("loopback2")
pyrage: Any = importlib.import_module("pyrage")
KEPT_IN = ("env", "age", "command")
SECRETS = {kind: f"canary/{kind}+Tr0ub4dor" for kind in KEPT_IN}
# A run with one more probe: it lends each account, speaks with a host of the lab, then dies of an error of its own.
RUN = """
import asyncio, base64, sys
from urllib.parse import quote
from hashlib import sha256
from pathlib import Path
import agent.registry
from agent.contract import Needs
from agent.engagement.engagement import load_engagement
from agent.model.run import UnitPlan
from agent.perform import Performing, RunRequest
from scanners.targets import host_ref

class Login:
    name, rev, emits, asks = "login", 1, frozenset(), {"http.page": "strong"}
    needs = Needs(account="directory", after=("tcp_ports",))
    def plan(self, ctx):
        for account in ctx.accounts.handles("directory", ctx.site):
            host = next(o.subject.value for o in ctx.seen("tcp.port") if o.body.port == 80)
            yield UnitPlan(probe=self.name, unit=account, subject=host_ref(ctx, host), targets=(host,))
    def cost(self, unit):
        return {(unit.targets[0], "tcp"): (100, 20000)}
    async def run(self, unit, ctx, emit):
        with ctx.accounts.lend(unit.unit) as secret:
            password = secret.reveal()
            print("lent", unit.unit, sha256(password.encode()).hexdigest())
            stream = await ctx.dial.connect(unit.targets[0], 80, timeout_s=4, emit=emit)
            await stream.write(f"GET / HTTP/1.0\\r\\nAuthorization: Bearer {password}\\r\\n\\r\\n".encode())
            print("answer", len(await stream.read(4096, 4)))
            await stream.close()
            if unit.unit == "env":
                raise RuntimeError(f"login with {secret} failed")
            if unit.unit == "age":
                # As libraries do: the value itself, and what they made of it.
                raw = password.encode("utf-16-le")
                made = [password, password.encode(), raw, raw.hex(), quote(password, safe="")]
                emit.cap(f"binding as {password}")
                raise RuntimeError(*made, *(base64.b64encode(b"x" * n + password.encode()) for n in range(3)))
            raise ValueError([secret, ctx.accounts.get(unit.unit)])

agent.registry.PROBES = (*agent.registry.PROBES, Login())
request = RunRequest(site="siege", outside_window=True, port_offset=20000)
performing = Performing(load_engagement(Path(sys.argv[1])), request)
end = asyncio.run(performing.main())
print(end.outcome, end.reason)
"""


@pytest.fixture
def bed(lab: Lab, tmp_path: Path) -> Path:
    folder = small(lab, tmp_path / "eng")
    identity = pyrage.x25519.Identity.generate()
    (tmp_path / "identity.txt").write_text(f"{identity}\n")
    sealed = f"age = {json.dumps(SECRETS['age'])}\n".encode()
    (folder / "secrets.age").write_bytes(pyrage.encrypt(sealed, [identity.to_public()]))
    # The vault is a program outside the folder; it writes down how it was called.
    vault = tmp_path / "vault.py"
    vault.write_text(
        "import pathlib\n"
        f"log = pathlib.Path({str(tmp_path / 'vault.log')!r})\n"
        "log.write_bytes(b''.join(pathlib.Path('/proc/self', f).read_bytes() for f in ('cmdline', 'environ')))\n"
        f"print({SECRETS['command']!r})\n"
    )
    call = shlex.join(["command:", sys.executable, str(vault)]).replace("'command:'", "command:")
    places = {"env": "env:CANARY_SECRET", "age": "age:secrets.age", "command": call}
    text = (folder / "client.toml").read_text("utf-8")
    for kind in KEPT_IN:
        text += f'\n[[account]]\nid = "{kind}"\nfor = "directory"\nuser = "audit"\n'
        text += f"secret = {json.dumps(places[kind])}\n"
    (folder / "client.toml").write_text(text, "utf-8")
    return folder


def test_secrets_that_were_used_are_found_nowhere(bed: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(bed)],
        capture_output=True,
        check=False,
        timeout=90,
        cwd=ROOT,
        env={
            **os.environ,
            "CANARY_SECRET": SECRETS["env"],
            "HANDOVER_AGE_IDENTITY": str(tmp_path / "identity.txt"),
        },
    )
    assert done.returncode == 0, done.stderr.decode()
    said = done.stdout.decode()
    for kind, secret in SECRETS.items():
        assert f"lent {kind} {sha256(secret.encode()).hexdigest()}" in said, said
    assert said.count("answer ") == len(SECRETS) and "answer 0" not in said
    assert "partial" in said
    result = judged(load_engagement(bed))
    reasons = [s.reason for _, s in result.statuses if s.probe == "login" and s.outcome == "failed"]
    assert len(reasons) == len(SECRETS) and "login with <secret> failed" in " ".join(reasons)
    write_report(result, "en", "technician", bed / "out")
    write_report(result, "fr", "outside", bed / "out")
    files = {p.name: p.read_bytes() for p in bed.rglob("*") if p.is_file()}
    files["vault.log"] = (tmp_path / "vault.log").read_bytes()
    files["stdout"], files["stderr"] = done.stdout, done.stderr
    assert any(n.endswith(".run") for n in files) and b"PATH=" in files["vault.log"]
    leaks = [
        f"{kind} in {name}"
        for name, data in files.items()
        for kind, secret in SECRETS.items()
        for form in forms(secret)
        if form in data
    ]
    assert not leaks


def test_a_program_we_start_gets_no_secret_of_our_environment(tmp_path: Path) -> None:
    """`ip`, as the product starts it: it writes down its environment, then is the real one. It is looked for in fixed folders only."""
    shim = tmp_path / "bin" / "ip"
    shim.parent.mkdir()
    log = tmp_path / "ip.log"
    real = next(
        p for p in (Path("/usr/sbin/ip"), Path("/sbin/ip"), Path("/bin/true")) if p.exists()
    )
    shim.write_text(f'#!/bin/sh\ncat /proc/$$/environ >> {log}\nexec {real} "$@"\n')
    shim.chmod(0o755)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import shutil\nshutil.which = lambda *a, **k: {str(shim)!r}\n"
            "from agent.engagement.here import look\nlook()",
        ],
        capture_output=True,
        check=False,
        timeout=60,
        cwd=ROOT,
        env={
            **os.environ,
            "PATH": f"{shim.parent}:{os.environ['PATH']}",
            "CANARY_SECRET": SECRETS["env"],
        },
    )
    assert done.returncode == 0, done.stderr.decode()
    assert log.exists(), "ip was not started"
    assert not [form for form in forms(SECRETS["env"]) if form in log.read_bytes()]


def test_every_program_is_started_with_an_environment_chosen_for_it() -> None:
    """A call without `env=` hands all of ours on, and with it the secrets that stand there."""
    starters = {"run", "Popen", "check_output", "create_subprocess_exec"}
    bare: list[str] = []
    calls = 0
    for top in ("agent", "scanners", "collectors", "reports"):
        for path in sorted((ROOT / top).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                    continue
                owner = ast.unparse(node.func.value)
                if node.func.attr in starters and owner in ("subprocess", "asyncio"):
                    if owner == "asyncio" and node.func.attr == "run":
                        continue
                    calls += 1
                    if "env" not in {k.arg for k in node.keywords}:
                        bare.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert calls >= 5
    assert not bare
