"""`handover doctor`: what this machine can and cannot do, and what each thing gives. Sends nothing."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click

State = Literal["yes", "no", "unknown"]
_OPTIONAL = {
    "keyring": 'secrets from the system\'s keyring (secret = "keyring")',
    "impacket": "services and registry of Windows hosts, read over SMB",
    "pyrage": "secrets in age files",
    "nmap": "python-nmap, for the nmap helper",
}
_PROGRAMS = {
    "nmap": "service detection by nmap, as a program of its own",
    "ip": "interfaces and routes exactly, also in namespaces",
}


@dataclass(frozen=True)
class Line:
    """One thing: is it here, what it gives, and what to do where it is missing."""

    name: str
    state: State
    found: str
    gives: str
    step: str = ""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def command(as_json: bool) -> int:
    """Privileges, interfaces, remote-access agents on this machine, nmap, optional parts. Sends nothing."""
    found = tuple(look_around())
    if as_json:
        click.echo(json.dumps({"doctor": [asdict(line) for line in found]}, ensure_ascii=False))
        return 0
    for line in found:
        click.echo(f"{line.state:<8}{line.name:<16}{line.found}")
        click.echo(f"{'':<24}gives: {line.gives}")
        if line.state != "yes" and line.step:
            click.echo(f"{'':<24}step:  {line.step}")
    return 0


def look_around() -> Iterator[Line]:
    """Everything worth knowing of this machine before a run."""
    yield _python()
    yield _raw()
    yield _interfaces()
    yield _gateway()
    yield _own_host()
    for name, gives in _PROGRAMS.items():
        yield _program(name, gives)
    for name, gives in _OPTIONAL.items():
        here = importlib.util.find_spec(name) is not None
        yield Line(
            f"module {name}",
            "yes" if here else "no",
            "installed" if here else "not installed",
            gives,
            f"install the Python package {name}",
        )


def effective_capabilities(status: str) -> int | None:
    """The CapEff mask in the text of /proc/self/status; None when it is not there."""
    for line in status.splitlines():
        if line.startswith("CapEff:"):
            try:
                return int(line.split()[1], 16)
            except (IndexError, ValueError):
                return None
    return None


def _python() -> Line:
    version = platform.python_version()
    fine = sys.version_info >= (3, 11)
    return Line(
        "Python",
        "yes" if fine else "no",
        f"{version} on {platform.system()} {platform.release()}",
        "runs handover",
        "install Python 3.11 or newer",
    )


def _raw() -> Line:
    gives = "ARP and ICMP: hosts that answer no TCP port are found too"
    step = "run as root, or give the helper the right: setcap cap_net_raw+ep"
    if not sys.platform.startswith("linux"):
        return Line("raw packets", "unknown", f"not looked at on {sys.platform}", gives, step)
    try:
        mask = effective_capabilities(Path("/proc/self/status").read_text("ascii", "replace"))
    except OSError as error:
        return Line("raw packets", "unknown", f"cannot be read: {error.strerror}", gives, step)
    if mask is None:
        return Line("raw packets", "unknown", "the kernel does not say", gives, step)
    has = bool(mask >> 13 & 1)  # CAP_NET_RAW, capabilities(7)
    return Line("raw packets", "yes" if has else "no", "CAP_NET_RAW", gives, step)


def _interfaces() -> Line:
    from agent.engagement.here import look

    here = look()
    gives = "networks that can be asked without a router"
    if here.problem:
        return Line("interfaces", "unknown", here.problem, gives)
    names = ", ".join(f"{i.name} {' '.join(i.addresses)}" for i in here.interfaces)
    step = "connect this machine to the client's network"
    return Line("interfaces", "yes" if names else "no", names or "none is up", gives, step)


def _gateway() -> Line:
    from agent.engagement.here import look

    here = look()
    gives = "the pin: which client's network this is"
    if here.problem:
        return Line("gateway", "unknown", here.problem, gives)
    gateways = here.gateways()
    if not gateways:
        return Line(
            "gateway", "no", "no default route", gives, "connect to a network with a router"
        )
    first = gateways[0]
    mac = here.mac_of(first.gateway or "", first.interface)
    return Line(
        "gateway",
        "yes" if mac else "no",
        f"{first.gateway} on {first.interface}, {mac or 'MAC address not in the neighbour table'}",
        gives,
        f"ping -c 1 {first.gateway}",
    )


def _own_host() -> Line:
    from agent.own_host import look_at_own_host

    own = look_at_own_host()
    gives = "secrets typed here are read by nobody else"
    names = ", ".join(f"{s.tool.name} ({s.evidence})" for s in own.signs)
    if names:
        step = "know whose each agent is; with the former provider's, no account is used here"
        return Line("own host", "no", f"remote-access agents: {names}", gives, step)
    if own.problem:
        return Line("own host", "unknown", own.problem, gives, "run doctor with more rights")
    return Line("own host", "yes", "no known remote-access agent", gives)


def _program(name: str, gives: str) -> Line:
    step = f"install {name}"
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
    if path is None:
        return Line(f"program {name}", "no", "not found", gives, step)
    try:
        # Nothing of our environment, where secrets may stand, but what a program of Windows cannot start without.
        kept = {k: v for k, v in os.environ.items() if k == "SYSTEMROOT"}
        done = subprocess.run([path, "-V"], capture_output=True, timeout=10, check=False, env=kept)
    except (OSError, subprocess.TimeoutExpired) as error:
        words = f"{path} does not run: {type(error).__name__}"
        return Line(f"program {name}", "unknown", words, gives, step)
    said = (done.stdout or done.stderr).decode("utf-8", "replace").strip().splitlines()
    version = next((line for line in said if line.strip()), path)[:80]
    return Line(f"program {name}", "yes", version, gives)
