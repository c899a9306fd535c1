"""What cron and at start (crontab(5), at(1)): commands, redacted; variables set in a table are not read."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collectors.endpoint.redact import redact
from collectors.endpoint.source import Row, Source, Views
from collectors.endpoint.tree import Tree
from collectors.endpoint.wanted import Wanted

_SYSTEM = ("/etc/crontab", "/etc/anacrontab")
_OF_USERS = ("/var/spool/cron/crontabs", "/var/spool/cron")
_FIELD = r"(?:[\d*/,A-Za-z-]+)"
_WHEN = re.compile(rf"^(?:@\w+|{_FIELD}(?:\s+{_FIELD}){{4}})\s+(.*)$")
_ANACRON = re.compile(r"^(?:@\w+|\d+)\s+\d+\s+\S+\s+(.*)$")
_VARIABLE = re.compile(r"^\s*\w+\s*=")


def cron(tree: Tree, wanted: Wanted) -> Source:
    def source(views: Views) -> Iterator[Row]:
        for file in (*_SYSTEM, *(f"/etc/cron.d/{n}" for n in tree.names("/etc/cron.d"))):
            if not tree.exists(file):
                continue
            try:
                text = tree.text(file)
            except OSError as problem:
                views.miss(file, problem)
                continue
            anacron = file.endswith("anacrontab")
            for account, command in table(text, with_account=not anacron, anacron=anacron):
                yield (file, account, redact(command, wanted.kept))
        for every in ("hourly", "daily", "weekly", "monthly"):
            folder = f"/etc/cron.{every}"
            for name in tree.names(folder):
                if name != ".placeholder":
                    yield (folder, "root", f"{folder}/{name}")
        for folder in _OF_USERS:
            try:
                names = [n for n in tree.names(folder) if tree.path(f"{folder}/{n}").is_file()]
            except OSError as problem:
                views.miss("crontabs of the users", problem)
                continue
            for name in names:
                try:
                    rows = list(table(tree.text(f"{folder}/{name}"), with_account=False))
                except OSError as problem:
                    views.miss(f"crontab of {name}", problem)
                    continue
                for _, command in rows:
                    yield (f"crontab {name}", name, redact(command, wanted.kept))
        for folder in ("/var/spool/cron/atjobs", "/var/spool/at"):
            try:
                jobs = [n for n in tree.names(folder) if n.startswith(("a", "b", "="))]
            except OSError as problem:
                views.miss("at jobs", problem)
                continue
            for job in jobs:
                yield from at_job(tree, wanted, views, f"{folder}/{job}")

    return source


def table(text: str, *, with_account: bool, anacron: bool = False) -> Iterator[tuple[str, str]]:
    """(account, command) of each line of a crontab; the account is empty in a user's own."""
    for line in text.splitlines():
        line = line.strip()
        if not line or line.startswith("#") or _VARIABLE.match(line):
            continue
        if (hit := (_ANACRON if anacron else _WHEN).match(line[:8192])) is None:
            continue
        account, command = "", hit[1]
        if with_account:
            words = command.split(None, 1)
            account, command = words if len(words) == 2 else ("", command)
        if command.strip():
            yield account.strip(), command.strip()


def at_job(tree: Tree, wanted: Wanted, views: Views, file: str) -> Iterator[Row]:
    """What the job *file* of at(1) runs."""
    try:
        text = tree.text(file)
    except OSError as problem:
        views.miss(f"at job {file.rsplit('/', 1)[-1]}", problem)
        return
    # An at job begins with the whole environment of who made it; what it runs stands at its end.
    _, _, commands = text.rpartition("\n}\n")
    for line in commands.splitlines():
        if line.strip() and not line.startswith("#"):
            yield ("at", "", redact(line, wanted.kept))
