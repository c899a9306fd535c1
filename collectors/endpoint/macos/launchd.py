"""Daemons and agents of launchd by their property lists (launchd.plist(5)), whether switched off, and whether they run (launchctl(1)).

`EnvironmentVariables`, where secrets stand, is not looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from collectors.endpoint.linux.homes import Account
from collectors.endpoint.macos import plists
from collectors.endpoint.macos.asked import Asked
from collectors.endpoint.macos.processes import processes_of
from collectors.endpoint.redact import redact
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

DAEMONS = ("/Library/LaunchDaemons", "/System/Library/LaunchDaemons")
AGENTS = ("/Library/LaunchAgents", "/System/Library/LaunchAgents")
SWITCHED_OFF = "/var/db/com.apple.xpc.launchd"


@dataclass(frozen=True)
class Job:
    label: str
    program: str
    command: str
    account: str
    disabled: bool


def job(data: bytes, name: str) -> Job:
    """A job of launchd; *name* where it has no label. Raises `NotPlist`."""
    told = plists.dictionary(data)
    words = list(plists.texts(told, "ProgramArguments"))
    program = plists.text(told, "Program") or (words[0] if words else "")
    if not program:
        program = plists.text(told, "BundleProgram")
    # A path with blanks is one word; what stands in quotes within an argument is judged word by word.
    first = f'"{program}"' if " " in program and '"' not in program else program
    return Job(
        plists.text(told, "Label") or name,
        program,
        " ".join((first, *words[1:])),
        plists.text(told, "UserName"),
        told.get("Disabled") is True,
    )


def overrides(data: bytes) -> dict[str, bool]:
    """Label -> whether it is switched off, over what its own list says. Raises `NotPlist`."""
    told = plists.dictionary(data)
    return {k: v for k, v in told.items() if isinstance(v, bool)}


def listed(text: str) -> dict[str, bool]:
    """Label -> whether it runs, of what `launchctl list` prints: process id or `-`, last exit, label, parted by tabs."""
    found: dict[str, bool] = {}
    for line in text.splitlines()[:50_000]:
        parts = line.split("\t")
        if len(parts) == 3 and (parts[0] == "-" or parts[0].isdecimal()):
            found[parts[2].strip()] = parts[0] != "-"
    return found


def launchd(
    tree: Tree, wanted: Wanted, asked: Asked, people: Iterable[Account], elevated: bool
) -> Source:
    """*elevated*: as root, launchctl tells of the daemons; else of the agents of who asks."""
    homes = tuple(people)

    def source(views: Views) -> Iterator[Row]:
        known = listed(asked.may("launchctl", "list"))
        if not known:
            views.miss("which daemons run", "launchctl is not here, or does not answer")
        running = {p.path for p in processes_of(tree, asked).values() if p.path}
        off = _switched_off(tree, views)
        places = [(f, "root", "", elevated) for f in DAEMONS]
        places += [(f, "", "", not elevated) for f in AGENTS]
        for a in homes:
            owner = f".{a.uid}" if a.uid >= 0 else ""
            places.append((f"{a.folder}/Library/LaunchAgents", a.account, owner, False))
        for folder, account, owner, told in places:
            try:
                names = tree.names(folder)
            except OSError as problem:
                views.miss(folder, problem)
                continue
            for name in names:
                if not name.endswith(".plist"):
                    continue
                file = f"{folder}/{name}"
                try:
                    one = job(tree.data(file), name.removesuffix(".plist"))
                except OSError as problem:
                    views.miss(file, problem)
                    continue
                except plists.NotPlist as problem:
                    views.miss(file, str(problem))
                    continue
                command = redact(one.command, wanted.kept)
                off_here = off.get(owner, {}).get(one.label, one.disabled)
                if known.get(one.label) or one.program in running:
                    state = "running"
                elif off_here:
                    state = "disabled"
                else:
                    state = "stopped" if told and known else ""
                yield (one.label, command, one.account or account, state)

    return source


def _switched_off(tree: Tree, views: Views) -> dict[str, dict[str, bool]]:
    """`` for daemons, `.501` for the agents of that account -> what was switched off or on."""
    found: dict[str, dict[str, bool]] = {}
    try:
        names = tree.names(SWITCHED_OFF)
    except OSError as problem:
        views.miss("which daemons are switched off", problem)
        return found
    for name in names:
        if name.startswith("disabled") and name.endswith(".plist"):
            owner = name.removeprefix("disabled").removesuffix(".plist")
            try:
                found[owner] = overrides(tree.data(f"{SWITCHED_OFF}/{name}"))
            except OSError as problem:
                views.miss(name, problem)
            except plists.NotPlist as problem:
                views.miss(name, str(problem))
    return found
