"""Planted secrets, of accounts and in the answers of a device, appear nowhere: no file, no output, no traceback, no child."""

from __future__ import annotations

import base64
import re
import socketserver
import subprocess
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.commands.judging import judged
from agent.engagement.engagement import load_engagement
from fixtures.lab import Lab
from reports.html.render import write_report
from tests.acceptance_loopback.conftest import Child, small

pytestmark = pytest.mark.xdist_group("loopback2")
DEVICE = "canary-device-91c4e7"
ACCOUNT = "canary-account-5d02bf"
COMMAND = "canary-command-77aa31"
TYPED = "canary-typed-0be6d9"
PAGE = (
    "HTTP/1.1 401 Unauthorized\r\nServer: canary-page\r\n"
    f"Set-Cookie: session={DEVICE}; Path=/\r\nLocation: http://admin:{DEVICE}@192.0.2.9/login\r\n"
    f"Authorization: Basic {DEVICE}\r\nX-Api-Key: {DEVICE}\r\nContent-Type: text/html\r\n\r\n"
    f'<title>canary page</title><input type="password" name="p" value="{DEVICE}">'
).encode()


def forms(secret: str) -> list[bytes]:
    """*secret* as it may lie in a file: UTF-8, UTF-16LE, hexadecimal, URL, base64 at each of the three offsets."""
    raw = secret.encode()
    found = [raw, secret.encode("utf-16-le"), raw.hex().encode(), raw.hex().upper().encode()]
    found.append("".join(f"%{b:02X}" for b in raw).encode())
    found.append(urllib.parse.quote(secret, safe="").encode())
    for offset in range(3):
        whole = base64.b64encode(b"x" * offset + raw)
        # The first and last characters depend on the bytes around.
        found.append(whole[4 if offset else 0 : len(whole) - 4])
    return found


class Page(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.settimeout(5)
        self.request.recv(4096)
        self.request.sendall(PAGE)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@pytest.fixture
def bed(lab: Lab, tmp_path: Path) -> Iterator[Path]:
    folder = small(lab, tmp_path / "eng")
    client = folder / "client.toml"
    text = client.read_text("utf-8")
    net = re.search(r"(127\.\d+\.1)\.0/27", text)
    assert net is not None
    accounts = (
        '\n[[account]]\nid = "a"\nfor = "snmp"\nsecret = "env:CANARY_SECRET"\n'
        f'\n[[account]]\nid = "b"\nfor = "directory"\nuser = "x"\nsecret = "command:echo {COMMAND}"\n'
    )
    client.write_text(text + accounts, "utf-8")
    taken = {a for site in lab.truth().sites for h in site.hosts for a in h.addrs}
    free = next(f"{net[1]}.{n}" for n in range(30, 1, -1) if f"{net[1]}.{n}" not in taken)
    server = Server((free, 20080), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield folder
    server.shutdown()
    server.server_close()
    thread.join()


def test_no_canary_is_found_anywhere(bed: Path, child: Child) -> None:
    process = child(bed, CANARY_SECRET=ACCOUNT)
    out, err = process.communicate(timeout=90)
    result = judged(load_engagement(bed))
    assert "canary page" in result.model_dump_json(), "the device with the canaries was not asked"
    write_report(result, "en", "technician", bed / "out")
    write_report(result, "fr", "client", bed / "out")
    # What a person wrote into client.toml stays there: the command itself holds the canary in this test only.
    files = {p: p.read_bytes() for p in bed.rglob("*") if p.is_file() and p.name != "client.toml"}
    assert any(p.suffix == ".run" for p in files) and any(p.suffix == ".html" for p in files)
    files[Path("stdout")], files[Path("stderr")] = out, err
    leaks = [
        f"{secret} in {path.name}"
        for path, data in files.items()
        for secret in (DEVICE, ACCOUNT, COMMAND)
        for form in forms(secret)
        if form in data
    ]
    assert not leaks


def test_the_search_finds_what_it_looks_for() -> None:
    secret = "canary-itself-3c1d"
    for offset in range(3):
        hidden = base64.b64encode(b"abc"[:offset] + secret.encode() + b"tail")
        assert any(form in hidden for form in forms(secret))
    assert any(f in secret.encode("utf-16-le") for f in forms(secret))


def test_a_secret_typed_into_the_file_is_not_repeated(bed: Path, tmp_path: Path) -> None:
    client = bed / "client.toml"
    client.write_text(
        client.read_text("utf-8").replace('"env:CANARY_SECRET"', f'"{TYPED}"'), "utf-8"
    )
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "agent", "plan", str(bed)],
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 2 and b"secret" in done.stderr
    assert TYPED.encode() not in done.stdout + done.stderr


def test_an_internal_error_shows_no_value(bed: Path) -> None:
    import sys

    code = (
        "import sys, agent.commands.doctor as d\n"
        f"def boom(*a, **k):\n    secret = '{TYPED}'\n    raise RuntimeError(secret)\n"
        "d.command.callback = boom\n"
        "from agent.cli import main\nsys.exit(main(['doctor']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == 5
    assert b"Internal error" in done.stderr
    # The line of the program that raised is shown, its values are not.
    assert done.stderr.count(TYPED.encode()) == 0
