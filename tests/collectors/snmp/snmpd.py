"""A real net-snmp agent with SNMPv3 users on an address of 127.0.0.0/8, for the tests of the user-based security model."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from collectors.snmp.usm_keys import User

PROGRAM = shutil.which("snmpd", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "snmpd"
NAMES = {"SHA-1": "SHA"}


@contextmanager
def snmpd(folder: Path, host: str, port: int, users: Iterable[User]) -> Generator[None, None, None]:
    """Answers on udp *host*:*port* within the `with`; started again in the same *folder* it is one boot further on."""
    lines = [f"agentaddress udp:{host}:{port}", "sysName real", "sysLocation rack"]
    lines += ["engineIDType 1", "dontLogTCPWrappersConnects 1", "rocommunity lab-read 127.0.0.0/8"]
    for user in users:
        name = user.name.decode()
        words = ["createUser", name]
        if user.auth:
            words += [user.auth, f'"{user.auth_phrase.decode()}"']
        if user.privacy:
            words += [user.privacy, f'"{user.privacy_phrase.decode()}"']
        level = "priv" if user.privacy else "auth" if user.auth else "noauth"
        lines += [" ".join(words), f"rouser {name} {level}"]
    config = folder / "snmpd.conf"
    config.write_text("\n".join(lines) + "\n", "utf-8")
    state = folder / "state"
    state.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [
            PROGRAM,
            "-f",
            "-Lf",
            str(folder / "log"),
            "-C",
            "-c",
            str(config),
            "-p",
            str(folder / "pid"),
        ],
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(state), "MIBS": ""},
        stdin=subprocess.DEVNULL,
    )
    try:
        _await(host, port, process, folder)
        yield
    finally:
        process.terminate()
        process.wait(10)


def _await(host: str, port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    from scanners.udp.snmp_engine import request

    deadline = time.monotonic() + 20
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(0.1)
        while time.monotonic() < deadline and process.poll() is None:
            try:
                sock.sendto(request(1 << 29), (host, port))
                sock.recv(2000)
                return
            except OSError:
                time.sleep(0.05)
    raise AssertionError(f"snmpd does not answer: {(folder / 'log').read_text('utf-8')[-500:]}")
