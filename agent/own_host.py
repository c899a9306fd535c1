"""Looks at the machine we run on for remote-access agents, before a secret is typed or fetched there: whoever holds such an agent sees it.

Reads the process list (Linux: /proc/*/comm and exe, Windows: the service keys of the registry, macOS: `ps`), plus installation folders.
What it looks for is data: catalogs/remote_access_*.toml.
"""

from __future__ import annotations

import importlib
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agent.catalogs.remote_access import Tool, named
from agent.engagement.engagement import Engagement
from agent.engagement.problems import Refusal

Channel = Literal["process", "service", "path"]


@dataclass(frozen=True)
class Sign:
    """A tool seen on this machine: what was seen, and the tenant it names, if it does."""

    tool: Tool
    evidence: str
    instance: str = ""


@dataclass(frozen=True)
class OwnHost:
    """`problem` says what could not be looked at; an empty `signs` beside it proves nothing."""

    signs: tuple[Sign, ...]
    problem: str = ""


def match(channel: Channel, text: str) -> Sign | None:
    """The first product that *text* names, by a sign that is its own: a name anybody may use says nothing by itself."""
    for tool, strong in named(channel, text):
        if strong:
            return Sign(tool, f"{channel} {text}", _instance(tool, channel, text))
    return None


def _instance(tool: Tool, channel: Channel, text: str) -> str:
    """The tenant that the name or the path tells, if it does."""
    on = "path" if channel == "path" else "name"
    for identifier in tool.identifiers:
        if identifier.as_ != "instance" or identifier.on != on:
            continue
        if found := identifier.regex.search(text):
            return found["v"]
    return ""


def look_at_own_host(proc: Path = Path("/proc")) -> OwnHost:
    """Look at this machine; one sign a tool and tenant."""
    texts: list[tuple[Channel, str]] = []
    problem = ""
    try:
        if sys.platform == "win32":
            texts = [("service", name) for name in _windows_services()]
        elif sys.platform == "darwin":
            texts = list(_ps())
        else:
            texts, problem = _linux(proc)
    except (OSError, subprocess.SubprocessError) as error:
        problem = f"the programs of this machine cannot be listed: {type(error).__name__}"
    found: dict[tuple[str, str], Sign] = {}
    for channel, text in texts:
        if sign := match(channel, text):
            found.setdefault((sign.tool.id, sign.instance), sign)
    return OwnHost(tuple(found.values()), problem)


def whose(
    engagement: Engagement, sign: Sign, host: str | None = None
) -> Literal["ours", "former", "approved", "unknown"]:
    """Whose tool it is. A tenant id decides; without one, a tool the former provider is said to use is taken for his.

    *host*: name of this machine, by default as the system tells it; what was approved on other machines is not approved here.
    """
    here = _short(platform.node() if host is None else host)
    client, msp = engagement.client, engagement.msp
    former_ids = [f.ids for f in client.former] + [k.ids for k in msp.known]
    if _has_id(sign, former_ids):
        return "former"
    if _has_id(sign, [msp.ids]):
        return "ours"
    if _has_id(sign, [a.ids for a in client.approved]):
        return "approved"
    if any(sign.tool.called(f.tools) for f in client.former):
        return "former"
    if sign.tool.called(msp.tools):
        return "ours"
    if any(
        sign.tool.called(a.tools) and (not a.on or here in map(_short, a.on))
        for a in client.approved
    ):
        return "approved"
    return "unknown"


def _short(name: str) -> str:
    """A machine's name as `on` of client.toml may give it: without its domain and site."""
    return name.partition(" at ")[0].strip().partition(".")[0].casefold()


def refuse_if_former(engagement: Engagement, own: OwnHost | None = None) -> None:
    """Raises `Refusal` (4) when accounts are configured and the former provider's agent runs here: he would read what is typed."""
    if not engagement.client.account:
        return
    own = own or look_at_own_host()
    his = [s for s in own.signs if whose(engagement, s) == "former"]
    if his:
        seen = ", ".join(f"{s.tool.name} ({s.evidence})" for s in his)
        raise Refusal(
            4,
            f"no account is used on this machine: the former provider can watch it through {seen}",
            "run from a machine of your own; if the agent is yours, give its tenant in ids of msp.toml",
        )


def _has_id(sign: Sign, tables: Iterable[dict[str, tuple[str, ...]]]) -> bool:
    return bool(sign.instance) and any(
        sign.tool.called([tool]) and sign.instance.lower() in {i.lower() for i in ids}
        for table in tables
        for tool, ids in table.items()
    )


def _linux(proc: Path) -> tuple[list[tuple[Channel, str]], str]:
    texts: list[tuple[Channel, str]] = []
    unread = 0
    for folder in proc.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            texts.append(("process", (folder / "comm").read_text("utf-8", "replace").strip()))
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
        try:
            program = str((folder / "exe").readlink())
        except FileNotFoundError:
            continue  # a kernel thread has no program
        except OSError:
            unread += 1
            continue
        texts.append(("process", Path(program).name))
        texts.append(("path", program))
    for place in ("/opt", "/usr/local", "/usr/local/mesh_services", "/Library"):
        try:
            texts.extend(("path", str(p)) for p in Path(place).iterdir())
        except OSError:
            continue
    problem = f"{unread} programs of other users show their name only" if unread else ""
    return texts, problem


def _ps() -> Iterator[tuple[Channel, str]]:
    # Nothing of our environment, where secrets of accounts may stand.
    done = subprocess.run(
        ["/bin/ps", "-axo", "comm="], capture_output=True, timeout=20, check=True, env={}
    )
    for line in done.stdout.decode("utf-8", "replace").splitlines():
        yield "path", line.strip()
        yield "process", Path(line.strip()).name


def _windows_services() -> Iterator[str]:
    winreg: Any = importlib.import_module("winreg")  # Windows only
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Services") as root:
        for i in range(winreg.QueryInfoKey(root)[0]):
            yield winreg.EnumKey(root, i)
